#!/usr/bin/env bash
# Another key for a site's ledger: a power cut, a kill and a failing medium at every change leave one key that signs;
# two real sites go over to other keys, and the mirror, servers and both verifiers go on by the old fingerprint and by
# the new one; without the other site's word nobody goes over.
set -euo pipefail
cd "$(dirname "$0")/../../.."
cargo build --locked -p pulih-agent -p pulih-controller --bins
cargo test --locked -p pulih-ledger --test rotation
cargo test --locked -p pulih-evidence --test rotation
cargo test --locked -p pulih-agent --lib drc::
cargo test --locked -p pulih-controller --lib tests::handover::
cargo test --locked -p pulih-controller --test rotation
