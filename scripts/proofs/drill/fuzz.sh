#!/usr/bin/env bash
# Every reader of what a drill and its evidence are read from: fuzz/drill lists them. Two minutes each, so that a night
# has room for it.
set -euo pipefail
cd "$(dirname "$0")/../../.."
mapfile -t readers < <(grep -v '^#' fuzz/drill)
export PULIH_FUZZ_SECONDS="${PULIH_FUZZ_SECONDS:-120}"
exec scripts/proofs/vault/fuzz.sh "${readers[@]}"
