#!/usr/bin/env bash
# A qualifying test from end to end: who operates anything is refused as its auditor, each reason by itself; nobody
# else opens or attests it; what nobody opens is missed; and what both programs that verify say of it in the end.
set -euo pipefail
cd "$(dirname "$0")/../../.."
{
    cargo test --locked -p pulih-evidence --lib -- qualifying::
    cargo test --locked -p pulih-controller --lib -- tests::audits::
    cargo test --locked -p pulih-controller --test drills -- an_independent_auditor
} 2>&1 | tee /dev/stderr | awk '
    /^test result: ok/ { passed += $4 }
    /^test result: FAILED/ { failed = 1 }
    END { print "figures: " passed " tests of who may test, and of what has to come in which order"; exit failed || passed < 13 }'
