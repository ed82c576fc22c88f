#!/usr/bin/env bash
# Every test again, the properties among them with many more random cases than usual.
set -euo pipefail
cd "$(dirname "$0")/../../.."
cases=4096
[ -z "${PROVE_QUICK:-}" ] || cases=1024
PROPTEST_CASES=$cases cargo test --locked --workspace --lib --bins --tests 2>&1 | tee /dev/stderr |
    awk -v cases=$cases '/^test result: ok/ { n += $4 } END { print "figures: " n " tests, " cases " cases for each property" }'
