#!/usr/bin/env bash
# One tree with all that a file system can hold, saved and restored; what rsync cannot reach is
# compared folder by folder.
. "$(dirname "$0")/../office.sh"
((EUID == 0)) || say "skipped: devices, owners, capabilities: needs root"
room 3000
crowd=500000
[ -z "$quick" ] || crowd=100000
python3 "$proofs/everything.py" tree --deep --huge --crowd "$crowd"
new_vault
backup tree
restore latest restored
line=$(same tree restored/tree)
say "$line"
# A second snapshot of what did not change, and a restore over what is there already.
sleep 2
backup tree
restore latest restored
same tree restored/tree
check
figures "$line, $crowd in one folder"
