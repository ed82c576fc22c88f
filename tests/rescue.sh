#!/usr/bin/env bash
# A vault that the real agent wrote is read without Pulih: scripts/rescue.py, age and zstd bring back
# what rsync cannot tell from the source. Then again on a small tree with no b3sum in PATH.
#
# PULIH_AGENT: the binary (default: target/debug/pulih-agent).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
agent=$(realpath "${PULIH_AGENT:-${CARGO_TARGET_DIR:-$root/target}/debug/pulih-agent}")
work=$(mktemp -d)
# Some folders of the tree may have lost the permission to be emptied.
trap 'chmod -R u+rwX "$work" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
export PYTHONDONTWRITEBYTECODE=1
unset PULIH_STORE PULIH_STATE PULIH_IDENTITY

# save NAME: a vault of its own for the tree NAME
save() {
    "$agent" init --quiet --store "store-$1" --state "state-$1" --identity-out "$1.identity" >"$1.init"
    "$agent" backup --quiet --store "store-$1" --state "state-$1" "$1"
    # The two files go offline and the server is lost: a rescue has the store and the identity.
    rm -rf "state-$1" "$1.identity.owner"
}

same() {
    local differences
    differences=$(rsync -aHAX --checksum --dry-run --delete --itemize-changes --modify-window=-1 "$1/" "$2/")
    [ -z "$differences" ] || { printf '%s and %s differ:\n%s\n' "$1" "$2" "$differences"; exit 1; }
    python3 "$root/scripts/proofs/compare.py" "$1" "$2"
}

python3 "$root/scripts/proofs/everything.py" everything
# rescue.py says that it passes sockets over: their programs make them again.
rm everything/specials/socket
save everything
python3 "$root/scripts/rescue.py" list --store store-everything --identity everything.identity
mkdir rescued
python3 "$root/scripts/rescue.py" restore --store store-everything --identity everything.identity latest --target rescued
same everything rescued/everything

mkdir small small/folder
head -c 3000000 /dev/urandom >small/random
printf 'short\n' >small/folder/text
ln small/random small/again
save small
# Only what the script says that it needs, so that b3sum cannot be found.
mkdir bin rescued-small
for program in age zstd; do ln -s "$(command -v "$program")" "bin/$program"; done
PATH="$work/bin" "$(python3 -c 'import sys; print(sys.executable)')" "$root/scripts/rescue.py" \
    restore --store store-small --identity small.identity latest --target rescued-small
same small rescued-small/small
printf '2 vaults read without Pulih\n'
