#!/usr/bin/env bash
# A quarter of two sites by clocks that are moved by hand: a server is silent for three days, the line is cut for
# four, some runs are left out. Every figure of `evidence rpo`, at both sites, is held against one that the test
# reckons second by second from its own record, and every breach against what the story has at its time.
# The build is one for trials: its ledgers say so, and so do both verifiers of what it exports.
# PROVE_QUICK: three weeks in place of the quarter.
set -euo pipefail
cd "$(dirname "$0")/../../.."
all=(--include-ignored) least=2
[[ -z ${PROVE_QUICK:-} ]] || { all=() least=1; }
cargo test --locked -p pulih-controller --features uji --lib -- "${all[@]}" --nocapture tests::quarter:: 2>&1 | tee /dev/stderr |
    awk -v least="$least" '
        sub(/^.*quarter: /, "") { print; fflush(); said = said (said ? "; " : "") $0 }
        /^test result: ok/ { passed += $4 }
        END { print "figures: " said; exit passed < least }'
