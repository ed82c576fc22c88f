#!/usr/bin/env bash
# Recipes in their box: programs that try to leave it, to fill it, to outlive it and to answer in another's place; a
# runner that is killed; and a real PostgreSQL, brought up from what a power cut left. Nothing may be skipped.
set -euo pipefail
cd "$(dirname "$0")/../../.."
export DEBIAN_FRONTEND=noninteractive PATH="$PATH:/usr/sbin:/sbin"

needs=() made=()
trap 'rm -f "${made[@]}"' EXIT
command -v bwrap >/dev/null || needs+=(bubblewrap)
command -v python3 >/dev/null || needs+=(python3)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || needs+=(postgresql)
if ((${#needs[@]})); then
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        printf 'not here: sudo apt-get install -y %s\n' "${needs[*]}"
        exit 77
    fi
    # Installed, not started: a service of the host is no part of this.
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        made+=("$policy")
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    timeout 180 apt-get -qq update >&2
    timeout 600 apt-get -qq install -y --no-install-recommends "${needs[@]}" >&2
    rm -f "${made[@]}"
fi

out=$(mktemp)
made+=("$out")
cargo test --locked -p pulih-sandbox --no-run
began=$SECONDS
cargo test --locked -p pulih-sandbox -- --show-output --test-threads=4 2>&1 | tee "$out" >&2
if grep -E 'skipped: ' "$out"; then
    printf 'a test was skipped: nothing may be\n'
    exit 1
fi
passed=$(awk '/^test result: ok/ { n += $4 } END { print n + 0 }' "$out")
grep '^test .* ok$' "$out" | sed 's/^test \(.*\) \.\.\. ok$/\1/; s/.*:://; y/_/ /'
(cd /sys/fs/cgroup && ! find . -type d -name 'pulih-sandbox-*' | grep .)
printf 'figures: %d tests, none skipped, %s and PostgreSQL %s, %d s\n' "$passed" "$(bwrap --version)" \
    "$(basename "$(dirname "$(dirname "$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)")")")" "$((SECONDS - began))"
