#!/usr/bin/env bash
# The document of the exemplary fleet, changed in one fact at a time: each automatic clause of the five packs fails by one
# that it reads, and no clause changes by one that it does not.
set -euo pipefail
cd "$(dirname "$0")/../../.."
cargo test --locked -p pulih-comply --test fleets -- --nocapture each_automatic_clause 2>&1 | tee /dev/stderr | awk '
    sub(/^.*clauses: /, "") { print; fflush(); said = $0 }
    /^test result: ok/ { passed += $4 }
    END { print "figures: " said; exit passed < 1 }'
