#!/usr/bin/env bash
# The first command of the README.
set -euo pipefail
cd "$(dirname "$0")/../../.."
scripts/demo | tee /dev/stderr | awk '
    /^  (saved|stored|new on the second day|restored|differences|seconds) / {
        name = $1; value = $0; sub(/^  [a-z ]+ +/, "", value); sub(/  .*/, "", value); out = out (out ? ", " : "") name " " value }
    { print } END { print "figures: " out }'
