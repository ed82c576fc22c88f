#!/usr/bin/env bash
# Every reader of bytes from outside (or those that are named) is given hostile ones, ten minutes each or as many seconds
# as PULIH_FUZZ_SECONDS says, two at a time.
set -euo pipefail
cd "$(dirname "$0")/../../.."
readers=("$@")
((${#readers[@]})) || mapfile -t readers < <(basename -s .rs fuzz/targets/*.rs)
seconds=${PULIH_FUZZ_SECONDS:-600}
[ -z "${PROVE_QUICK:-}" ] || seconds=60
cargo fuzz --version >/dev/null 2>&1 || cargo install --quiet --locked cargo-fuzz
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
# Built once, before two of them run side by side.
RUSTC_BOOTSTRAP=1 cargo fuzz build --sanitizer address >&2

one() {
    local reader=$1
    if fuzz/run "$reader" "$seconds" >"$logs/$reader" 2>&1; then
        echo "$reader: $(awk '/stat::number_of_executed_units/ { print $2 }' "$logs/$reader") inputs, nothing found"
    else
        echo "$reader: FOUND SOMETHING"
        tail -n 40 "$logs/$reader" >&2
        return 1
    fi
}
export -f one
export seconds logs
printf '%s\n' "${readers[@]}" | xargs -P 2 -I{} bash -c 'one {}'
total=$(awk '/stat::number_of_executed_units/ { n += $2 } END { printf "%d", n }' "$logs"/*)
echo "figures: ${#readers[@]} readers, $seconds s each, $total inputs"
