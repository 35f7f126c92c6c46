# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC2086
# Waits for workers that an earlier switch left.
. ./parts/base.sh
. ./parts/process.sh
. ./parts/connections.sh

say bgdeploy
await_gone "$old_workers" "$drain_for"
say_drained $backends
