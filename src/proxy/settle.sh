# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC2015
# Ends what a switch that died left: `keep` is 1 to put the file as it is into force, 0 for the one before it.
say bgdeploy
trap '' PIPE HUP
give_up() {
  details "$words"
  say "failed refused $1"
  exit 1
}
words=''
find_include
[ -n "$pid_file" ] && find_master || find_nginx
find_master || give_up "nginx is not running (pid file $pid_file)"
lock -x || give_up 'another switch on this nginx takes too long'

if [ -e "$old" ] || [ -e "$absent" ]; then
  if [ "$keep" = 0 ]; then
    if [ -e "$old" ]; then
      # The backup stays until the old file is in force, so that a death here is seen as well.
      copy=$hidden.new
      words=$(rm -f -- "$copy" && cp -p -- "$old" "$copy" && mv -f -- "$copy" "$path" 2>&1) ||
        give_up "$path cannot be put back"
    else
      words=$(rm -f -- "$path" 2>&1) || give_up "$path cannot be removed"
    fi
  fi
  if ! test_configuration; then
    # Before a first deploy nginx may refuse a configuration whose include is missing: nothing to go back to.
    [ "$keep" = 0 ] && [ -e "$absent" ] || give_up "$why"
  else
    reload || give_up "$why"
  fi
fi
words=$(rm -f -- "$new" "$old" "$absent" 2>&1) || give_up 'what the switch left cannot be removed'
say settled
