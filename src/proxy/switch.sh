# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC2015
# The switch as one transaction, talked to over stdin: "staged", then on `commit` "committed" (where nginx's new
# configuration was not looked at before, first that and "seen", and on `reload` the rest), then `restore`,
# or `accept` and `drain HUNDREDTHS BACKEND…`, whose answer has a line "changed" when the files are not ours any
# more. A failure, a signal, or stdin ending before "committed" puts the old files back and into force; after it,
# stdin ending leaves the new ones, and until `accept` also `kept`, for whoever comes next to finish it or take it
# back.
#
# state: staged (only hidden files beside the live ones), placed (renamed), reloaded (nginx was told), committed,
# over.
say bgdeploy
state=staged had=0 first=0 watcher='' why='' words='' hidden=''
exec 3<&0 </dev/null
trap '' PIPE
trap 'fail "the switch was stopped by a signal"' HUP INT TERM
trap 'fail "the connection to the deployer ended"' USR1
trap '[ "$state" = over ] || fail "the switch ended early"' EXIT

# The masters and workers that served before the rename still do, and no others: the new file was never in force.
unchanged() {
  workers && [ "$family" = "$first_family" ] || return 1
  for worker in $serving; do
    case $at_first in *" $worker "*) ;; *) return 1 ;; esac
  done
}

# After put_back. On the way back a refusal matters only where the new file is in force; then `kept` is left for
# the next run to settle, since files and workers disagree. A master that was started meanwhile has read the new file.
reload_old() {
  if await_master; then
    test_configuration && reload "$at_first" && return 0
    unchanged && return 0
  fi
  find_master || { outcome=down && return 0; }
  [ $first = 0 ] || mv -f -- "$new" "$path"
  return 1
}

# Sets `outcome`: refused when everything is as it was, down when it would be but nginx is not running, inconsistent
# when it is not.
undo() {
  trap '' HUP INT TERM USR1
  outcome=refused
  case $state in
    placed | reloaded)
      was=$state first_why=$why first_words=$words
      state=staged
      if ! put_back; then
        outcome=inconsistent
        first_why="$first_why, and the old file could not be put back"
      elif [ "$was" = placed ] && await_reload_of_others && unchanged; then
        forget
      elif reload_old; then
        forget
      else
        outcome=inconsistent
        first_words="$first_words
$words"
        first_why="$first_why, and the old configuration could not be put into force again: $why"
      fi
      [ $outcome != down ] || first_why="$first_why. $path is as it was before, but nginx does not run: nobody is served"
      why=$first_why words=$first_words
      ;;
    staged) forget ;;
  esac
}

fail() {
  why=$1
  undo
  [ -z "$watcher" ] || kill "$watcher" 2>/dev/null
  state=over
  details "$words"
  say "failed $outcome $why"
  exit 1
}

take_lock() {
  await_master || fail "$why"
  lock -x
  case $? in
    0) ;;
    1) fail 'another switch on this nginx takes too long' ;;
    2) fail "$locked cannot be read" ;;
    *) fail 'flock does not work here' ;;
  esac
  await_one_master || fail "$why"
}

# As root the new file can be tested without touching a live one: bound over it, or over the site whose place it takes,
# where only the test sees it. Elsewhere, and where nginx has a mount namespace of its own, the test after the rename
# has to do.
rehearse() {
  [ $first = 0 ] && [ -z "$container" ] && [ "$(id -u)" = 0 ] || return 0
  over=$path
  [ $had = 1 ] || over=$gone
  # shellcheck disable=SC2016
  words=$(unshare -m sh -c 'mount --bind "$1" "$2" 2>/dev/null || exit 97; eval "$3" && exit 0; exit 98' \
    sh "$new" "$over" "$bounded$test_command" </dev/null 2>&1 3<&- 9<&-)
  [ $? != 98 ] || fail 'nginx refuses the new configuration'
  words=''
}

write_new() {
  if [ -n "$from" ]; then cat -- "$from" >"$new"; else printf '%s' "$content" >"$new"; fi
}

stage() {
  find_files
  [ -d "$folder" ] || fail "the folder $folder does not exist"
  [ -w "$folder" ] || fail "$folder is not writable"
  for entry in "$path" "$gone"; do
    [ -z "$entry" ] || ! [ -e "$entry" ] || [ -f "$entry" ] || fail "$entry is not a file"
  done
  [ -z "$from" ] || { [ -f "$from" ] && [ -r "$from" ]; } || fail "$from cannot be read"
  # It says what was before, and no other run may lose that.
  [ ! -e "$kept" ] || { hidden='' && fail "an earlier switch of $path was cut short and has not been ended yet"; }
  need_master
  await_one_master || fail "$why"
  exists "$path" && had=1 || { [ -n "$gone" ] && exists "$gone"; } || first=1
  rm -f -- "$new"
  if [ -f "$path" ] && [ ! -L "$path" ]; then
    words=$(cp -p -- "$path" "$new" 2>&1) || fail "a file beside $path cannot be written"
    mode=$(stat -c %a "$path")
    [ -w "$new" ] || chmod u+w -- "$new"
    words=$(write_new 2>&1) || fail "$new cannot be written"
    chmod "$mode" -- "$new"
  else
    words=$(write_new 2>&1) || fail "$new cannot be written"
    chmod 0644 -- "$new"
  fi
  sync "$new" 2>/dev/null
  take_lock
  rehearse
  unlock
}

# Nothing is sent to us during a commit; whatever comes means that the deployer is gone or has given up.
watch() {
  {
    read -r _
    read -r _ _ _ parent _ </proc/self/stat
    [ "$parent" != $$ ] || kill -USR1 $$
  } <&3 >/dev/null 2>&1 9<&- &
  watcher=$!
}
unwatch() {
  kill "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null
  watcher=''
}

# A file that was there has been looked for in the configuration before anything was started.
see_new() {
  [ $had = 0 ] || [ -n "$container" ] || return 0
  dump=$(run "$dump_command")
  # Docker may lose the end of what a short command prints.
  [ -z "$container" ] || reads_content "$dump" || dump=$(run "$dump_command")
  reads_include "$dump" || fail "nginx's configuration does not include $include"
  [ -z "$container" ] || reads_content "$dump" ||
    fail "nginx in $container does not see what was written to $path on its host"
  # Nobody has looked yet at whether a site uses it.
  words=''
  unwatch
  say "read_as $read_as"
  say_dump "$dump"
  say seen
  # The lock is held, and the file is not in force yet: a deployer that was paused is not waited for.
  # shellcheck disable=SC2016,SC2086
  word=$(${bounded} sh -c 'read -r word && printf %s "$word"' <&3 9<&-) ||
    fail 'the connection to the deployer ended, or it did not answer in time'
  [ "$word" = reload ] || fail 'the deployer gave up'
  watch
}

# The bytes behind the name that nginx reads.
content_of() { od -An -v -tx1 2>/dev/null <"$1"; }

# Whether nginx would still read what was committed. Whoever wrote the same again did no harm.
still_ours() {
  [ -f "$named" ] && [ "$(content_of "$named")" = "$committed" ] && { [ -z "$gone" ] || ! exists "$gone"; }
}

commit() {
  watch
  take_lock
  committed=$(content_of "$new")
  workers
  at_first=$serving first_family=$family
  words=$(back_up 2>&1) || fail "$path cannot be backed up"
  state=placed
  words=$(mv -f -- "$new" "$path" 2>&1) || { state=staged && fail "$path cannot be replaced"; }
  [ -z "$gone" ] || words=$(rm -f -- "$gone" 2>&1) || fail "$gone cannot be removed"
  test_configuration || fail "$why"
  see_new
  state=reloaded
  reload || fail "$why"
  trap '' USR1
  unwatch
  trap 'exit 0' HUP INT TERM
  trap - EXIT
  state=committed
  unlock
  old_workers=$before
  say committed
}

restore() {
  trap '' HUP INT TERM EXIT
  lock -x
  state=reloaded
  why='the new configuration was taken back' words=''
  undo
  state=over
  if [ $outcome = refused ]; then
    say restored
    exit 0
  fi
  details "$words"
  say "failed $outcome $why"
  exit 1
}

stage
say staged
read -r word <&3 || fail 'the connection to the deployer ended'
[ "$word" = commit ] || fail 'the deployer gave up'
commit
while read -r word arguments <&3; do
  case $word in
    restore) restore ;;
    accept)
      forget
      sync "$folder" 2>/dev/null
      say accepted
      ;;
    drain)
      # shellcheck disable=SC2086
      set -- $arguments
      await_gone "$old_workers" "$1"
      await_master || say down
      still_ours || say changed
      shift
      say_drained "$@"
      ;;
  esac
done
