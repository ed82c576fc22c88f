# An office to prove things on: a work folder that goes away, a vault, and the agent's commands.
# Sourced by the parts of a proof; $work is the current folder.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
proofs="$root/scripts/proofs"
target="${CARGO_TARGET_DIR:-$root/target}"
agent="$target/release/pulih-agent"
quick="${PROVE_QUICK:-}"

(cd "$root" && cargo build --quiet --locked --release -p pulih-agent)
work=$(mktemp -d -p "${PROVE_WORK:-${TMPDIR:-/tmp}}" pulih-proof-XXXXXX)
# A mount of the proof must go before what is below it.
leave() {
    cd /
    ! mountpoint -q "$work/store" || umount "$work/store"
    chmod -R u+rwX "$work" 2>/dev/null || true
    rm -rf "$work"
}
trap leave EXIT
trap 'exit 143' INT TERM
cd "$work"

say() { printf '%s\n' "$*"; }
figures() { printf 'figures: %s\n' "$*"; }
cannot() { printf 'skipped: %s\n' "$*"; exit 77; }
wrong() { printf 'WRONG: %s\n' "$*" >&2; exit 1; }

# room MIB: is there so much in the work folder?
room() {
    local free
    free=$(df --output=avail -m . | tail -n 1)
    ((free >= $1)) || cannot "needs $1 MiB in ${TMPDIR:-/tmp}, there are $free (PROVE_WORK names another folder)"
}

new_vault() { "$agent" init --quiet --store store --state state --identity-out identity >/dev/null; }
backup() { "$agent" backup --quiet --store store --state state "$@"; }
restore() { mkdir -p "$2"; "$agent" restore --quiet --store store --identity identity "$1" --target "$2"; }
check() { "$agent" check --quiet --store store --identity identity --read-data; }

# snapshot_ids: one on a line, oldest first
snapshot_ids() {
    "$agent" snapshots --json --store store --identity identity |
        python3 -c 'import json, sys; [print(s["id"]) for s in json.load(sys.stdin)["snapshots"] if not s["partial"]]'
}

# same WANTED GOT: by our own comparison, to the nanosecond; prints its line of figures
same() {
    python3 "$proofs/compare.py" "$1" "$2" >compared || { cat compared >&2; wrong "$1 and $2 differ"; }
    tail -n 1 compared
}

# same_to_rsync WANTED GOT
same_to_rsync() {
    local differences
    command -v rsync >/dev/null || cannot "rsync is not here"
    differences=$(rsync -aHAX --checksum --dry-run --delete --itemize-changes "$1/" "$2/" | head -n 40)
    [ -z "$differences" ] || { say "$differences" >&2; wrong "rsync finds differences between $1 and $2"; }
}
