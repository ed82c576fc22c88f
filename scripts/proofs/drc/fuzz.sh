#!/usr/bin/env bash
# Every reader of what a DRC is given: fuzz/drc lists them. Two minutes each, so that a night has room for it.
set -euo pipefail
cd "$(dirname "$0")/../../.."
mapfile -t readers < <(grep -v '^#' fuzz/drc)
export PULIH_FUZZ_SECONDS="${PULIH_FUZZ_SECONDS:-120}"
exec scripts/proofs/vault/fuzz.sh "${readers[@]}"
