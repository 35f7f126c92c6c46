# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC2015,SC2119
# Ends a switch that died halfway: with `keep` 1 it puts the files as they are into force, with 0 those from before the
# switch. Files that nginx refuses cannot be kept, so then it is those from before as well. A file that somebody else
# wrote and nginx has not read has no earlier one.
. ./parts/base.sh
. ./parts/process.sh
. ./parts/command.sh
. ./parts/configuration.sh
. ./parts/master.sh
. ./parts/upgrade.sh
. ./parts/lock.sh
. ./parts/container.sh
. ./parts/files.sh
. ./parts/live_file.sh
. ./parts/backup.sh
. ./parts/reload.sh

say bgdeploy
trap '' PIPE HUP
words=''
find_files
find_master || [ -n "$container" ] || find_nginx
# Where nginx does not run, it starts with the files as they are.
await_master && down=0 || down=1
lock -x || [ "$down" = 1 ] || fail 'another switch on this nginx takes too long'
! find_master || await_one_master || fail "$why"

# A container's nginx cannot be asked while it is stopped.
accepted() { { [ "$down" = 1 ] && [ -n "$container" ]; } || test_configuration; }
in_force() { [ "$down" = 1 ] || reload; }

if exists "$kept"; then
  # The backup stays until it is in force, so that the next run sees a death here as well.
  if [ "$keep" = 0 ] || ! accepted || ! in_force; then
    words=$(put_back 2>&1) || fail "$path cannot be put back"
    if accepted; then
      in_force || fail "$why"
    else
      # Before a first deploy nginx may refuse a configuration whose include is missing: nothing to go back to.
      rmdir -- "$kept" 2>/dev/null || fail "$why"
    fi
  fi
elif [ "$keep" = 1 ]; then
  find_live_site
  workers
  ! reload_pending || { test_configuration && reload; } || fail "$why"
fi
[ "$down" = 0 ] || ! find_master || reload || fail "$why"
words=$(forget 2>&1) || fail 'what the switch left cannot be removed'
say recovered
