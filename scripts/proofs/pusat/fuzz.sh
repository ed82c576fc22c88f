#!/usr/bin/env bash
# Every reader of what comes over the wire or out of a store that others write to: fuzz/wire lists them.
set -euo pipefail
cd "$(dirname "$0")/../../.."
mapfile -t readers < <(grep -v '^#' fuzz/wire)
exec scripts/proofs/vault/fuzz.sh "${readers[@]}"
