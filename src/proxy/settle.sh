# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC2015
# Ends what a switch that died left: `keep` is 1 to put the files as they are into force, 0 for those before it.
# What nginx refuses cannot be kept: then it is those before it, too. What somebody else wrote, and nginx has not
# read, has none before it.
say bgdeploy
trap '' PIPE HUP
words=''
find_files
find_master || [ -n "$container" ] || find_nginx
# Where nginx does not run the files are what it starts with.
await_master && down=0 || down=1
lock -x || [ "$down" = 1 ] || fail 'another switch on this nginx takes too long'
await_one_master || fail "$why"

# A container's nginx cannot be asked while it is stopped.
accepted() { { [ "$down" = 1 ] && [ -n "$container" ]; } || test_configuration; }
in_force() { [ "$down" = 1 ] || reload; }

if [ -d "$kept" ]; then
  # What was before stays until it is in force, so that a death here is seen as well.
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
  ! unread || { test_configuration && reload; } || fail "$why"
fi
[ "$down" = 0 ] || ! find_master || reload || fail "$why"
words=$(forget 2>&1) || fail 'what the switch left cannot be removed'
say settled
