# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC2015
# The switch as one transaction. Where `looks` is set it first tells what `look` finds, and says "looked", that word and
# the exit code: so one shell does both. It waits for its order: see await_order.
#
# The deployer talks to it over stdin: it says "staged"; on `commit` it says "committed"
# (first the new configuration and "seen", and goes on at `reload`, where nobody has read that configuration before);
# then come `restore`, or `accept` and `drain HUNDREDTHS BACKEND…`, whose answer has a line "changed" when the files are
# not ours any more. A failure, a signal or the end of stdin before "committed" puts the old files back and into force.
# After it, the end of stdin leaves the new ones and, until `accept`, also `kept`, so that the next run can finish the
# switch or take it back.
#
# `state`: staged (only hidden files beside the live ones), placed (renamed), reloaded (nginx was told), committed,
# over.
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
. ./parts/text.sh
. ./parts/dump.sh
. ./parts/look.sh
. ./parts/reload.sh
. ./parts/connections.sh

# Takes the settings that come by stdin, since an argument may not be as long as a file: a line `stage SLOT PID_FILE`,
# and the content in one line, as printf's %b takes it. Fails where no switch is wanted.
await_order() {
  read -r word slot pid_file && [ "$word" = stage ] && IFS= read -r line || return 1
  content=$(printf '%b.' "$line")
  content=${content%.}
}
# What looks gets no way to undo anything, which `fail` has from here on.
if [ -n "$looks" ]; then
  (upgrade_patience=0 && look) </dev/null
  say "looked $looks $?"
fi
await_order || exit 0

say bgdeploy
state=staged had=0 first=0 tested=0 watcher='' why='' words='' hidden=''
exec 3<&0 </dev/null
trap '' PIPE
trap 'fail "the switch was stopped by a signal"' HUP INT TERM
trap 'fail "the connection to the deployer ended"' USR1
trap '[ "$state" = over ] || fail "the switch ended early"' EXIT

# Whether exactly the masters and workers from before the rename serve: then the new file was never in force.
unchanged() {
  workers && [ "$family" = "$first_family" ] || return 1
  for worker in $serving; do
    case $at_first in *" $worker "*) ;; *) return 1 ;; esac
  done
}

# The same, once a reload that somebody else began has ended.
never_read() {
  find_master
  await_reload_of_others && unchanged
}

# Puts the old files into force after put_back. A refusal matters only where the new file is in force; then `kept` stays
# for the next run to recover, since files and workers disagree. A master that started meanwhile has read the new file.
reload_old() {
  if await_master; then
    test_configuration && reload "$at_first" && return 0
    unchanged && return 0
  fi
  find_master || { outcome=down && return 0; }
  [ $first = 0 ] || mv -f -- "$new" "$path"
  return 1
}

# Sets `outcome`: refused when everything is as it was, down when the files are but nginx does not run, inconsistent
# otherwise.
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
      elif [ "$was" = placed ] && never_read; then
        forget
      elif reload_old; then
        forget
      else
        outcome=inconsistent
        first_words="$first_words
$words"
        first_why="$first_why, and the old configuration could not be put into force again: $why"
      fi
      [ $outcome != down ] ||
        first_why="$first_why. $path is as it was before, but nginx does not run: nobody is served"
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

unlock() { exec 9<&-; }

take_lock() {
  find_lock
  # It may be gone for as long as nginx is restarted.
  { [ -z "$container" ] && [ -r "$locked" ]; } || await_master || fail "$why"
  lock -x
  case $? in
    0) ;;
    1) fail 'another switch on this nginx takes too long' ;;
    2) fail "$locked cannot be read" ;;
    *) fail 'flock does not work here' ;;
  esac
  await_master && await_one_master || fail "$why"
}

# Tests the new file laid over $over. Fails with 97 where that is impossible, with 98 where nginx refuses it.
try_new() {
  # shellcheck disable=SC2016
  words=$(unshare -m sh -c 'mount --bind "$1" "$2" 2>/dev/null || exit 97; eval "$3" && exit 0; exit 98' \
    sh "$new" "$over" "$bounded$test_command" </dev/null 2>&1 3<&- 9<&-)
}

# As root, tests the new file without touching a live one: in a mount namespace of its own, bound over the live file or
# over the site whose place it takes. For other users, and where nginx has its own mount namespace, the test after the
# rename has to do, as it does where another site goes. A test of the user's own may look at more than the file.
rehearse() {
  find_user
  [ $first = 0 ] && [ -z "$container" ] && [ "$user" = 0 ] || return 0
  over=$path
  [ $had = 1 ] || over=$gone
  try_new
  refused=$?
  # What nginx refuses may be another service's, which is in the middle of a switch.
  [ $refused != 98 ] || { take_lock && try_new && refused=0 || refused=$?; }
  unlock
  case $refused in
    0) [ $had = 0 ] || { [ -n "$gone" ] && exists "$gone"; } || tested=$by_signal ;;
    98) fail 'nginx refuses the new configuration' ;;
  esac
  words=''
}

write_new() {
  if [ -n "$from" ]; then cat -- "$from" >"$new"; else printf '%s' "$content" >"$new"; fi
}

need_master() {
  ! find_master || return 0
  [ -n "$container" ] || find_nginx
  await_master || fail "$why"
}

stage() {
  find_files
  [ -d "$folder" ] || fail "the folder $folder does not exist"
  [ -w "$folder" ] || fail "$folder is not writable"
  for entry in "$path" "$gone"; do
    [ -z "$entry" ] || ! [ -e "$entry" ] || [ -f "$entry" ] || fail "$entry is not a file"
  done
  [ -z "$from" ] || { [ -f "$from" ] && [ -r "$from" ]; } || fail "$from cannot be read"
  # It holds the files from before that switch, and no other run may lose them.
  [ ! -e "$kept" ] || { hidden='' && fail "an earlier switch of $path was cut short and has not been ended yet"; }
  need_master
  await_one_master || fail "$why"
  exists "$path" && had=1 || { [ -n "$gone" ] && exists "$gone"; } || first=1
  ! exists "$new" || rm -f -- "$new"
  if [ -f "$path" ] && [ ! -L "$path" ]; then
    words=$(cp -p -- "$path" "$new" 2>&1) || fail "a file beside $path cannot be written"
    mode=''
    [ -w "$new" ] || { mode=$(stat -c %a "$path") && chmod u+w -- "$new"; }
    words=$(write_new 2>&1) || fail "$new cannot be written"
    [ -z "$mode" ] || chmod "$mode" -- "$new"
  else
    words=$(write_new 2>&1) || fail "$new cannot be written"
    chmod 0644 -- "$new"
  fi
  sync "$new" 2>/dev/null
  rehearse
}

# The deployer sends nothing during a commit: anything that arrives means that it is gone or has given up.
watch() {
  {
    read -r _
    read -r _ _ _ parent _ <"$proc/self/stat"
    [ "$parent" != $$ ] || kill -USR1 $$
  } <&3 >/dev/null 2>&1 9<&- &
  watcher=$!
}
unwatch() {
  kill "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null
  watcher=''
}

# Whether the dump $1 has the content of the live file: the container may have another folder mounted there.
reads_content() {
  written=$(cat -- "$path")
  case $1 in *":
$written"*) return 0 ;; esac
  return 1
}

# Sends the configuration, which tells where the sites send requests, in lines that begin with '>'. It may hold secrets,
# so users never see it.
say_dump() {
  if [ "${#1}" -gt "$most_bytes" ]; then say dump_too_long; else printf '%s\n' "$1" | sed 's/^/> /'; fi
}

# Checks that nginx reads the new file. Where an old one was live, that was checked before the deploy started anything.
see_new() {
  [ $had = 0 ] || [ -n "$container" ] || return 0
  dump=$(run "$dump_command")
  # Docker may lose the end of the output of a short command.
  for attempt in 1 2 3 4; do
    [ -n "$container" ] && ! reads_content "$dump" || break
    dump=$(run "$dump_command")
  done
  reads_include "$dump" || fail "nginx's configuration does not include $include"
  [ -z "$container" ] || reads_content "$dump" ||
    fail "nginx in $container does not see what was written to $path on its host"
  # The deployer checks now whether a site uses it.
  words=''
  unwatch
  say "read_as $read_as"
  say_dump "$dump"
  say seen
  # We hold the lock and the file is not in force yet, so a deployer that was paused has to lose.
  # shellcheck disable=SC2016,SC2086
  word=$(${bounded} sh -c 'read -r word && printf %s "$word"' <&3 9<&-) ||
    fail 'the connection to the deployer ended, or it did not answer in time'
  [ "$word" = reload ] || fail 'the deployer gave up'
  watch
}

# Sets `text` to that of the file $1, with the line breaks at its end.
read_text() {
  { [ -r "$1" ] && read_short "$1"; } || text=$(cat -- "$1" 2>/dev/null && echo .) && text=${text%.}
}

# Whether nginx would still read what we committed. Writing the same again does no harm.
still_ours() {
  [ -f "$named" ] && read_text "$named" && [ "$text" = "$committed" ] && { [ -z "$gone" ] || ! exists "$gone"; }
}

# The backup exists as a whole or not at all. That of one file is a further name of it.
back_up() {
  [ -n "$gone" ] || [ ! -f "$path" ] || [ -L "$path" ] || ! ln -- "$path" "$kept" 2>/dev/null || return 0
  ! exists "$part" || rm -rf -- "$part" || return 1
  mkdir -m 0700 -- "$part" || return 1
  for entry in "$path" "$gone"; do
    [ -z "$entry" ] || ! exists "$entry" || keep_entry "$entry" "$part/${entry##*/}" || return 1
  done
  sync "$part" 2>/dev/null
  mv -- "$part" "$kept"
}

# The site may have been changed since it was staged.
stage_again() {
  read_text "$from" || fail "$from cannot be read"
  site=$text
  read_text "$new" || fail "$new cannot be read"
  if [ "$text" != "$site" ]; then
    tested=0
    words=$(write_new 2>&1) || fail "$new cannot be written"
    read_text "$new" || fail "$new cannot be read"
  fi
  content=$text
}

commit() {
  watch
  take_lock
  [ -z "$from" ] || stage_again
  committed=$content
  sort_workers
  at_first=$serving first_family=$family
  words=$(back_up 2>&1) || fail "$path cannot be backed up"
  state=placed
  words=$(mv -f -- "$new" "$path" 2>&1) || { state=staged && fail "$path cannot be replaced"; }
  [ -z "$gone" ] || words=$(rm -f -- "$gone" 2>&1) || fail "$gone cannot be removed"
  # What others have changed since the rehearsal shows when nginx refuses the reload.
  [ "$tested" = 1 ] || test_configuration || fail "$why"
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
