#!/usr/bin/env bash
# kill -9, twenty times, at moments drawn from a seed (PROVE_SEED to repeat one). After each: the
# store is sound, an earlier snapshot is what it was, the next backup works and restores identically.
. "$(dirname "$0")/../office.sh"
seed=${PROVE_SEED:-$(date +%s)}
say "seed $seed"
RANDOM=$((seed % 32768))
rounds=20
room 6000

# change N: new content, changed content, some files gone
change() {
    python3 - "$seed" "$1" <<'PYTHON'
import os, random, sys
seed, n = sys.argv[1:]
rng = random.Random(f"{seed} {n}")
os.makedirs(f"tree/{n}", exist_ok=True)
with open(f"tree/{n}/large", "wb") as f:
    f.write(rng.randbytes(32 << 20))
for i in range(2000):
    with open(f"tree/{n}/{i:04}", "wb") as f:
        f.write(rng.randbytes(rng.randrange(3000)))
for folder, _, names in list(os.walk("tree"))[:6]:
    for name in rng.sample(sorted(names), min(20, len(names))):
        path = os.path.join(folder, name)
        if rng.random() < 0.5:
            os.remove(path)
        else:
            with open(path, "r+b") as f:
                f.write(b"changed")
# The tree does not grow for ever.
old = f"tree/{int(n) - 4}"
if os.path.isdir(old):
    for name in os.listdir(old):
        os.remove(f"{old}/{name}")
    os.rmdir(old)
PYTHON
}

mkdir tree
change 0
new_vault
start=$(date +%s%N)
backup tree
# A backup of a round's change takes about as long as the first one.
span=$((($(date +%s%N) - start) / 1000000 + 50))
first=$(snapshot_ids | head -n 1)
cp -a tree first-wanted

struck=0
for ((round = 1; round <= rounds; round++)); do
    change "$round"
    delay=$(((RANDOM * 32768 + RANDOM) % span))
    "$agent" backup --quiet --store store --state state tree 2>/dev/null &
    process=$!
    sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
    kill -9 "$process" 2>/dev/null || true
    status=0
    wait "$process" 2>/dev/null || status=$?
    case $status in 0) ;; 137) struck=$((struck + 1)) ;; *) wrong "round $round: the backup ended with status $status" ;; esac
    check || wrong "round $round: the store is not sound after kill -9 at $delay ms"
    if ((round % 5 == 0)); then
        rm -rf first-restored
        restore "$first" first-restored
        same first-wanted first-restored/tree >/dev/null
    fi
    backup tree || wrong "round $round: the next backup failed"
    rm -rf restored
    restore latest restored
    same tree restored/tree >/dev/null
    say "round $round: kill after $delay of $span ms, $([ $status = 137 ] && echo struck || echo 'it was done before')"
done
check
restore "$first" last-look
same first-wanted last-look/tree
((struck * 2 >= rounds)) || wrong "only $struck of $rounds runs were struck: the span was measured too long"
figures "$struck of $rounds runs struck, all went on, seed $seed"
