#!/usr/bin/env bash
# The second command of the README.
set -euo pipefail
cd "$(dirname "$0")/../../.."
scripts/test | awk '{ print; last = $0 } END { print "figures: " last }'
