#!/usr/bin/env bash
# The second command of the README.
exec "$(dirname "$0")/../vault/test.sh"
