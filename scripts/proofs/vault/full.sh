#!/usr/bin/env bash
# A store on a file system of its own that is full at every stage of a backup, from the first pack to
# the manifest: the failure is said, what was saved before is whole, and with space again it goes on.
[ "$EUID" = 0 ] || exec unshare --map-root-user --mount "$0" "$@"
. "$(dirname "$0")/../office.sh"
room 400
mkdir store
mount -t tmpfs -o size=64m none store 2>/dev/null || cannot "nothing may be mounted here"
umount store

# mount_with KIB: the store as it was after the first snapshot, on a file system of that size
mount_with() {
    ! mountpoint -q store || umount store
    mount -t tmpfs -o "size=$1k" none store
    cp -a base/. store/
    rm -rf state
    cp -a state-base state
}
used() { df --output=used -k store | tail -n 1; }

mkdir tree
head -c 6000000 /dev/urandom >tree/first
mount -t tmpfs -o size=64m none store
new_vault
backup tree
first=$(snapshot_ids | head -n 1)
cp -a tree first-wanted
cp -a store base
cp -a state state-base
at_first=$(used)
head -c 20000000 /dev/urandom >tree/second
mkdir tree/many
for i in $(seq 400); do head -c $((i * 7)) /dev/urandom >"tree/many/$i"; done
backup tree
need=$(($(used) - at_first))
say "the second snapshot needs $need KiB; the store has less, step by step"

# Coarse while packs are written, page by page where index, reach and manifest are.
steps=(0 4)
for i in 1 2 3 4 5 6 7 8 9; do steps+=($((need * i / 10))); done
for ((left = 120; left >= 0; left -= 4)); do steps+=($((need - left))); done
failed=0
for step in "${steps[@]}"; do
    mount_with $((at_first + step))
    status=0
    backup tree 2>said || status=$?
    case $status in
        0) ;;
        1) failed=$((failed + 1)); grep -qi 'full\|no space' said || { cat said; wrong "with $step KiB left: the error does not say that the store is full"; } ;;
        *) cat said; wrong "with $step KiB left: status $status" ;;
    esac
    check || wrong "with $step KiB left: the store is not sound"
    rm -rf restored
    restore "$first" restored
    same first-wanted restored/tree >/dev/null
    mount -o remount,size=128m store
    backup tree || wrong "after $step KiB: with space again the backup fails"
    rm -rf restored
    restore latest restored
    same tree restored/tree >/dev/null
    check
done
((failed > 5)) || wrong "only $failed of ${#steps[@]} sizes were too small: the proof proves nothing"
figures "$failed of ${#steps[@]} sizes too small, all went on"
