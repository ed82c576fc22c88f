#!/usr/bin/env bash
# The simulated disk: power cut, broken medium and full at each of its operations in turn.
set -euo pipefail
cd "$(dirname "$0")/../../.."
# Whole files of tests by name, then single ones elsewhere by a word in theirs.
cargo test --locked --workspace --tests -- power_cut full_ crash broken_medium interrupted survives 2>&1 | tee /dev/stderr |
    awk '/^test result: ok/ { n += $4 } END { print "figures: " n " tests"; exit n < 5 }'
