#!/usr/bin/env bash
# Three fleets of real sites, each by clocks that are moved by hand: an exemplary regency, one as most are, and a
# national data centre on the night of 19 June 2024. What each has as facts, and the verdict of every clause of the five
# packs, is held against documents and a table; and the same table holds for the documents alone.
set -euo pipefail
cd "$(dirname "$0")/../../.."
{
    cargo test --locked --workspace --lib -- --nocapture tests::fleets::
    cargo test --locked -p pulih-comply --test fleets -- every_verdict
} 2>&1 | tee /dev/stderr | awk '
    sub(/^.*fleets: /, "") { print; fflush(); said = $0 }
    /^test result: ok/ { passed += $4 }
    /^test result: FAILED/ { failed = 1 }
    END { print "figures: " said; exit failed || passed < 2 }'
