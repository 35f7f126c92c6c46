# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC2086
# Waits for workers that an earlier switch left.
say bgdeploy
drain "$old_workers" "$drain_for" $backends
