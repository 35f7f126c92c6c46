// What runs on a host to hold a lease: POSIX sh (dash, busybox), coreutils, flock and /proc.
#pragma once

#include <string_view>

namespace bgdeploy::deploy {

// Each of the scripts below begins with this one. $1 is PATH, the base name of a lock's files; `proc` is the
// path of /proc.
//
// "~/" is the home of the account that runs the script: with sudo root's, whoever logs in. With `make_folder`
// a missing folder is made.
//
// Whoever can open the lock's file can hold the lock. So its owner and group are its folder's: users who may
// write there may open it, and nobody else.
//
// The folder of an include may be writable for everybody. There only the files of users who may deploy count:
// our own, root's, and those of users who may use docker's socket. The script reports any other file of that
// name and never opens it, so that no other user can make us wait. Trusted users replace no file between its
// check and its opening, so one check is enough.
inline constexpr std::string_view k_lock_files = R"sh(
f=$1
case $f in '~/'*) find_home; f=$home${f#'~'} ;; esac
dir=${f%/*}
umask 022
stop() { printf 'broken %s\t%s\n' "$1" "${2-}"; exit 1; }
for tool in flock timeout head stat mktemp; do
  command -v $tool >/dev/null || stop "there is no $tool" "install util-linux and coreutils"
done
# Where it is ours to make.
make_own_folder() {
  [ -z "$make_folder" ] || [ -d "$dir" ] || (umask 077 && mkdir -p "$dir") || stop "cannot make $dir"
}
may_write() {
  [ -w "$dir" ] || stop "$(id -un) may not write to $dir" "set ssh.sudo: true, or log in as somebody who may"
}
# The way to it must be open to us: what is not seen would pass for what is not there.
see_folder() {
  way=$dir
  while [ -n "$way" ] && [ ! -e "$way" ]; do way=${way%/*}; done
  [ -z "$way" ] || [ -x "$way" ] || stop "$way cannot be read by $(id -un)"
}
# The mode and owner of the folder, and of a lock that is there already: mostly that one is as it has to be.
inspect() {
  mode= owner= lock_as_is=
  { read -r mode owner && read -r lock_as_is; } <<END
$(stat -L -c '%a %u:%g' "$dir" "$f.lock" 2>/dev/null)
END
  case $mode in *[2367]) open_to_all=1 ;; *) open_to_all= ;; esac
}
restrict() {
  case $mode in
    *[2367]) chmod 644 "$1" ;;
    *[2367]?) give "$1" && chmod 640 "$1" || chmod 644 "$1" ;;
    *) give "$1"; chmod 600 "$1" ;;
  esac 2>/dev/null
}
give() { chown "$owner" "$1" || chgrp "${owner#*:}" "$1"; }
exists() { [ -e "$1" ] || [ -L "$1" ]; }
inspect
deploys() {
  find_uid
  case $1 in 0 | "$uid" | "${SUDO_UID:-0}") return 0 ;; esac
  group=$(stat -L -c %g /var/run/docker.sock 2>/dev/null) && [ "$group" != 0 ] || return 1
  case " $(id -G "$2" 2>/dev/null) " in *" $group "*) return 0 ;; esac
  return 1
}
# Sets `why` where it may not be used.
fit() {
  why=
  if [ ! -f "$1" ] || [ -L "$1" ]; then
    why="is not a regular file but a $(stat -c %F "$1" 2>/dev/null)"
  elif [ -n "$open_to_all" ]; then
    owner=$(stat -c '%u %U' "$1" 2>/dev/null)
    deploys "${owner% *}" "${owner#* }" || why="belongs to ${owner#* }, and everybody may write in $dir"
  fi
  [ -z "$why" ]
}
usable() {
  exists "$1" || return 1
  fit "$1" || ! exists "$1" || stop "$1 $why: remove it"
  [ -z "$why" ]
}
# One line of text, however much is there.
content() { timeout 5 head -c 65536 "$1" 2>/dev/null | head -n 1; }
find_newest() {
  newest=
  for one in "$f".info.*; do
    [ -s "$one" ] && fit "$one" || continue
    [ -n "$newest" ] && [ ! "$one" -nt "$newest" ] || newest=$one
  done
  [ -n "$newest" ]
}
# In place where there is one already: a process to replace it would cost more than a reader that meets it half
# written, for whom there is no name yet.
write_info() { { [ -f "$info_file" ] && printf '%s\n' "$1" >"$info_file"; } 2>/dev/null || put "$info_file" "$1"; }
holder() { ! find_newest || content "$newest"; }
# Puts $2 into the file $1, all at once. Where everybody may write, nobody must guess the name of the new file.
put() {
  new=$f.$$
  if [ -n "$open_to_all" ] || ! (set -C; printf '%s\n' "$2" >"$new") 2>/dev/null; then
    new=$(mktemp "$f.XXXXXX") && printf '%s\n' "$2" >"$new" && chmod 644 "$new" || return 1
  fi
  mv -f "$new" "$1" && return 0
  rm -f "$new"
  return 1
}
pause() { sleep 0.1 2>/dev/null || { sleep 1; tries=$((tries + 9)); }; }
# The file of a freeze has the owner as JSON in its first line. Where it ends by itself, the second one says when:
# in seconds since 1970, by the clock of this host.
frozen() {
  usable "$f.freeze" || return 1
  ends=$(timeout 5 head -c 65536 "$f.freeze" 2>/dev/null |
    { IFS= read -r line; IFS= read -r line; printf '%s' "$line"; })
  case $ends in '' | *[!0-9]* | ????????????*) ends= ;; esac
  [ -z "$ends" ] || [ "$(date +%s)" -lt "$ends" ]
}
tell_freeze() { printf 'frozen %s %s\n' "${ends:--}" "$(content "$f.freeze")"; }
)sh";

// Arguments: PATH OWNER TTL PID START BOOT LINE. OWNER as a line of JSON. TTL in seconds. PID, START
// (/proc/PID/stat field 22) and BOOT (the kernel's boot id) name the deployer's own process. Stdin: a line
// per beat, "bye" at the end. Stdout: "held PATH" with the whole path, "locked JSON", "frozen END JSON" or
// "broken WORDS\tNEXT", then "ack" for each beat, or "lost" when the lock's file is gone or another one took
// its place: the lock is then on that one.
//
// With a LINE that is not empty it waits for a lock that is held, and says "waiting JSON" again and again, of
// the holder: writing is how it finds out that the deployer is gone. Those who wait have a ticket each, a
// file whose name begins with the time since the boot at which they came. The first one of those that live
// gets the lock; a deployer that does not wait comes after them.
//
// The holder of a killed deployer needs a moment to see EOF, and a status takes a shared lock for a moment.
// So the script tries for a second before it says that somebody else holds the lock.
//
// It opens the lock's file for reading, which is enough for flock. A
// file for each user says who holds it. Where the lock is free but the process that such a file names still
// lives, somebody may have replaced the lock's file under its holder. The holder sees that at its next beat,
// so the script waits for it.
//
// On silence the script first ends the way that a paused deployer would go on through, and then lets go of
// the lock: the nearest ancestor that is either the deployer itself (on its own machine) or the sshd process
// of this one connection. The start time tells that ancestor from a later process with its pid. The title
// tells it from the listening sshd, which becomes an ancestor when everything between has died: "sshd:
// user@notty", since OpenSSH 9.8 "sshd-session: user@notty". A deployer that hears of a loss closes our
// stdin; otherwise it ends in the same way.
inline constexpr std::string_view k_hold_script = R"sh(
info=$2 ttl=$3 deployer="$4 $5" boot=$6 stands_in_line=${7:-}
trap '' HUP PIPE
make_own_folder
[ -d "$dir" ] || stop "no folder $dir"
[ -n "$mode" ] || inspect
may_write
find_uid
info_file=$f.info.$uid
usable "$info_file"

make_lock() {
  new=$(mktemp "$f.XXXXXX") && restrict "$new" || stop "cannot write in $dir"
  ln "$new" "$f.lock" 2>/dev/null || timeout 5 sh -c 'umask 077; set -C; : >"$1"' sh "$f.lock" 2>/dev/null
  rm -f "$new"
  usable "$f.lock" || stop "cannot create $f.lock"
}
same() { [ "$proc/self/fd/9" -ef "$f.lock" ] && [ ! -L "$f.lock" ]; }
look() {
  { IFS= read -r stat <"$proc/$1/stat"; } 2>/dev/null || return 1
  set -- ${stat##*) }
  state=$1 parent=$2 start=${20}
}
lives() { look "$1" && [ "$start" = "$2" ] && [ "$state" != Z ]; }
ticket=
take_ticket() {
  look $$
  IFS=' .' read -r seconds hundredths line <"$proc/uptime" || stop "$proc/uptime cannot be read"
  ticket=$f.wait.$(printf '%012d.%s.%08d' "$seconds" "$hundredths" $$)
  put "$ticket" "$$ $start" || stop "cannot write in $dir"
}
leave_line() { [ -z "$ticket" ] || rm -f "$ticket"; }
first_in_line() {
  for one in "$f".wait.*; do
    [ "$one" != "$ticket" ] || return 0
    exists "$one" && fit "$one" || continue
    read -r pid began 2>/dev/null <"$one" || continue
    ! lives "$pid" "$began" || return 1
    rm -f "$one" 2>/dev/null
  done
  return 0
}
stand_in_line() {
  [ -n "$ticket" ] || take_ticket
  ! frozen || { tell_freeze; leave_line; exit 1; }
  printf 'waiting %s\n' "$(holder)" 2>/dev/null || { leave_line; exit 1; }
  sleep 0.5 2>/dev/null || sleep 1
}
tries=0
while :; do
  usable "$f.lock" || make_lock
  case "$mode/$lock_as_is" in
    *[2367]"/644 "*) ;;
    *[2367][!2367]"/640 $owner" | *[!2367][!2367]"/600 $owner") ;;
    *) restrict "$f.lock"; lock_as_is= ;;
  esac
  { command exec 9<"$f.lock"; } 2>/dev/null || ! exists "$f.lock" || stop "$f.lock cannot be read"
  first_in_line && flock -n 9 && same && break
  tries=$((tries + 1))
  if [ $tries -lt 10 ]; then
    pause
  elif [ -n "$stands_in_line" ]; then
    stand_in_line
  else
    printf 'locked %s\n' "$(holder)"
    exit 1
  fi
done
leave_line
! frozen || { tell_freeze; exit 1; }
displaced() {
  for one in "$f".info.*; do
    exists "$one" && fit "$one" || continue
    { IFS= read -r line && read -r pid began; } 2>/dev/null <"$one" || continue
    ! lives "$pid" "$began" || return 0
  done
  return 1
}
tries=0
while [ $tries -lt 150 ] && displaced; do
  tries=$((tries + 1))
  pause
done
look $$
write_info "$info
$$ $start" || stop "cannot write $info_file"

same_boot=
{ read -r same_boot <"$proc/sys/kernel/random/boot_id"; } 2>/dev/null
target= how= pid=$$
while look "$pid" && [ "$parent" -gt 0 ]; do
  pid=$parent
  look "$pid" || break
  if [ "$pid $start" = "$deployer" ] && [ "$same_boot" = "$boot" ]; then
    target="$pid $start" how=KILL
    break
  fi
  title=
  { IFS= read -r title <"$proc/$pid/cmdline"; } 2>/dev/null
  case $title in
    *'[listener]'*) break ;;
    'sshd: '* | 'sshd-session: '* | dropbear* | /*/dropbear*) target="$pid $start" how=TERM; break ;;
  esac
done
alive() { lives "${target% *}" "${target#* }"; }
fence() {
  [ -n "$target" ] || return
  tries=0
  while alive && [ $tries -lt 30 ]; do
    [ $tries -lt 20 ] || how=KILL
    kill -$how "${target% *}" 2>/dev/null
    tries=$((tries + 1))
    pause
  done
}

# In a subshell only. What waits does not hold the lock: it would outlive us.
hear() { exec 9<&- && exec timeout "$1" head -n 1; }
say_lost() {
  echo lost
  while word=$(hear 2); do [ -n "$word" ] || return; done
  fence
}

printf 'held %s\n' "$f"
while :; do
  beat=$(hear "$ttl") || { fence; break; }
  case $beat in '' | *bye*) break ;; esac
  same || { say_lost; break; }
  echo ack || break
done
line=
[ ! -f "$info_file" ] || { IFS= read -r line <"$info_file"; } 2>/dev/null
[ "$line" != "$info" ] || { printf '' >"$info_file"; } 2>/dev/null || rm -f "$info_file"
)sh";

// Arguments: PATH. Stdout: "frozen END JSON" and "locked JSON" where they apply, or "broken WORDS\tNEXT".
inline constexpr std::string_view k_status_script = R"sh(
see_folder
! frozen || tell_freeze
usable "$f.lock" || exit 0
{ command exec 9<"$f.lock"; } 2>/dev/null || stop "$f.lock cannot be read"
flock -n -s 9 || printf 'locked %s\n' "$(holder)"
exit 0
)sh";

// Arguments: PATH OWNER END. OWNER as a line of JSON. END: in seconds since 1970, or from now on with a "+"
// before it; empty: none. Stdout: the end in seconds since 1970, or "-", or "broken WORDS\tNEXT".
inline constexpr std::string_view k_freeze_script = R"sh(
make_own_folder
[ ! -d "$dir" ] || may_write
usable "$f.freeze"
case ${3:-} in
  +*) ends=$(($(date +%s) + ${3#+})) ;;
  *) ends=${3:-} ;;
esac
[ -z "$ends" ] || [ "$(date +%s)" -lt "$ends" ] || stop "the freeze would have ended already, by the clock there"
put "$f.freeze" "$2
$ends" || stop "cannot write $f.freeze"
echo "${ends:--}"
)sh";

// Arguments: PATH. Stdout: "yes" when there was a freeze, "over" when it had ended, or "broken WORDS\tNEXT".
inline constexpr std::string_view k_unfreeze_script = R"sh(
exists "$f.freeze" || exit 0
was=yes
! fit "$f.freeze" || frozen || was=over
rm -f "$f.freeze" && echo $was
)sh";

}  // namespace bgdeploy::deploy
