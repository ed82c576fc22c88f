#!/usr/bin/env bash
# History rewritten at one of two real sites by whoever has all of it, its key too. The other site tells of it and keeps
# what was signed, both ways; a witness on a third machine refuses it and keeps the request; and both verifiers find it
# in the bundle of whoever kept that, and in those of both sites side by side.
set -euo pipefail
cd "$(dirname "$0")/../../.."
{
    cargo build --locked -p pulih-agent -p pulih-controller --bins
    cargo test --locked -p pulih-controller --test rewrite
    cargo test --locked -p pulih-controller --test witness
    cargo test --locked -p pulih-controller --lib -- drc::tests::cosign::
    cargo test --locked -p pulih-evidence --test exported
} 2>&1 | tee /dev/stderr | awk '
    /^test .* \.\.\. ok$/ { sub(/^test /, ""); sub(/ \.\.\. ok$/, ""); gsub(/.*::/, ""); gsub(/_/, " "); print; fflush() }
    /^test result: ok/ { passed += $4 }
    /^test result: FAILED/ { failed = 1 }
    END { print "figures: a rewritten Pusat Data, a rewritten DRC: told of by the other, by a witness, by both verifiers; " passed " tests"; exit failed || passed < 18 }'
