#!/usr/bin/env bash
# scripts/install puts each part in place below a prefix and takes it away again: what a person
# changed stays, and so does the state.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { printf '%s\n' "$1" >&2; exit 1; }
# there FILE MODE
there() { [[ $(stat -c %a "$prefix/$1" 2>/dev/null) == "$2" ]] || fail "$1 is not there with mode $2"; }
gone() { [[ ! -e $prefix/$1 ]] || fail "$1 is still there"; }

printf '#!/bin/sh\nexit 0\n' >"$work/program"
chmod +x "$work/program"

for part in agent controller; do
    prefix="$work/$part"
    name="pulih-$part"
    program="usr/local/bin/$name" unit="etc/systemd/system/$name.service"
    case $part in
    agent) config=etc/pulih/agent.toml state=var/lib/pulih-agent/vaults ;;
    controller) config=etc/pulih/controller.env state=var/lib/pulih-controller/store ;;
    esac
    mkdir -p "$prefix/$state"
    touch "$prefix/$state/keys.json"
    run() { "$root/scripts/install" "$part" --prefix "$prefix" "$@" >"$work/out"; }

    run --program "$work/program"
    there "$program" 755
    there "$unit" 644
    there "$config" 644
    grep -q "^ExecStart=/usr/local/bin/$name " "$prefix/$unit" || fail "the unit does not start $name"
    ! grep -q '@' <(grep -v '^SystemCallFilter=@system-service$' "$prefix/$unit") || fail "the unit has a place that was not filled in"
    if command -v systemd-analyze >/dev/null; then
        # It wants the program to be where it will be.
        sed "s|/usr/local/bin/$name|$work/program|" "$prefix/$unit" >"$work/$name.service"
        systemd-analyze verify --man=no "$work/$name.service" >"$work/said" 2>&1 || fail "systemd: $(cat "$work/said")"
        ! grep -q "$name" "$work/said" || fail "systemd: $(cat "$work/said")"
    fi
    # Again, with a configuration that was changed.
    printf '# changed\n' >>"$prefix/$config"
    run --program "$work/program"
    grep -q '^# changed' "$prefix/$config" || fail "a changed configuration was overwritten"
    run --remove
    gone "$program"
    gone "$unit"
    there "$config" 644
    # One that nobody changed goes, too.
    rm "$prefix/$config"
    run --program "$work/program"
    run --remove
    gone "$config"
    [[ -e $prefix/$state/keys.json ]] || fail "the state was touched"
    run --remove
done

# The configuration is one that the agent reads, as it is and with its example taken in.
agent="${PULIH_AGENT:-${CARGO_TARGET_DIR:-$root/target}/debug/pulih-agent}"
if [[ -x $agent ]]; then
    export PULIH_STATE="$work/state" PULIH_CONFIG="$work/agent.toml"
    umask 077
    for filter in '' '/^# \[dataset/,$s/^# //'; do
        sed "$filter" "$root/scripts/systemd/agent.toml" >"$PULIH_CONFIG"
        "$agent" --json status >"$work/status" || fail "status failed"
        grep -q '"config_error":null' "$work/status" || fail "agent.toml: $(cat "$work/status")"
    done
    grep -q '"dataset":"surat"' "$work/status" || fail "the example of agent.toml has no dataset"
fi

for wrong in '' 'agent --prefix' 'elsewhere' 'agent controller' 'agent --program'; do
    # shellcheck disable=SC2086 # several words are meant
    status=0; "$root/scripts/install" $wrong >/dev/null 2>&1 || status=$?
    ((status == 2)) || fail "install $wrong: status $status"
done
! "$root/scripts/install" agent --prefix "$work/none" --program "$work/none" 2>"$work/said" || fail "a program that is not there was installed"
grep -q 'cargo build' "$work/said" || fail "it does not say what to do"
printf 'installed and removed: agent, controller\n'
