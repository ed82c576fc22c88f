#!/usr/bin/env bash
# /usr of this machine: hundreds of thousands of entries that nobody made for a test.
. "$(dirname "$0")/../office.sh"
used=$(du -sxm /usr | cut -f1)
room $((used * 2 + 500))
new_vault
start=$SECONDS
(cd / && "$agent" backup --quiet --one-file-system --store "$work/store" --state "$work/state" --dataset usr usr)
saved=$((SECONDS - start)) start=$SECONDS
restore latest restored
restored=$((SECONDS - start))
say "saved in $saved s, restored in $restored s; comparing"
same_to_rsync /usr restored/usr
line=$(same /usr restored/usr)
say "$line"
figures "$line, store $(du -sm --apparent-size store | cut -f1) MiB"
