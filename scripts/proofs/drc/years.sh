#!/usr/bin/env bash
# Three years of daily snapshots by a moved clock, with the site's own daily work: hours, runs in parts, someone who
# adds some at the end of each day, a hold, a silence, and sixty days in which the site was away. Each day exactly the
# points of the rules are there; in the end each reads through, nothing else is stored, and mostly dead packs are
# gone. And a DRC that was away for sixty days keeps the same. PROVE_QUICK: months in place of the years.
set -euo pipefail
cd "$(dirname "$0")/../../.."
all=(--include-ignored) least=5
[[ -z ${PROVE_QUICK:-} ]] || { all=() least=4; }
cargo test --locked -p pulih-controller --lib -- "${all[@]}" --nocapture tests::years:: 2>&1 | tee /dev/stderr |
    awk -v least="$least" '
        sub(/^.*years: /, "") { print; fflush(); said = said (said ? "; " : "") $0 }
        /^test result: ok/ { passed += $4 }
        END { print "figures: " said; exit passed < least }'
