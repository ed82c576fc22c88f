#!/usr/bin/env bash
# Pulih beside its peers on the same data, and the table of targets as the judge.
set -euo pipefail
cd "$(dirname "$0")/../../.."
options=(--repeat 3)
[ -z "${PROVE_QUICK:-}" ] || options=(--repeat 1 --scale 0.1)
# A clone has no peers yet; PULIH_BENCH_DIR may name a folder that has them.
[ -d "${PULIH_BENCH_DIR:-target/bench}/peers" ] || scripts/bench install >&2
scripts/bench all "${options[@]}" >&2
cd scripts
python3 - <<'PYTHON'
import sys
from benchmark.places import BENCH_DIR
from benchmark.results import Results
from benchmark.targets import verdicts
found = verdicts(Results(f"{BENCH_DIR}/work"))
for v in found:
    print(f"{v.word.strip('*'):<13} {v.what}, {v.dataset}: {v.reached} (target {v.target}); {v.pulih} against {v.best or 'no peer'}")
met = sum(v.met is True for v in found)
print(f"figures: {met} of {len(found)} targets met")
sys.exit(0 if found and met == len(found) else 1)
PYTHON
