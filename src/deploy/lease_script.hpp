// What runs on a host to hold a lease: POSIX sh (dash, busybox), coreutils, flock and /proc.
#pragma once

#include <string_view>

namespace bgdeploy::deploy {

// What stands before each of the scripts below. $1 is PATH, the base name of a lock's files.
//
// The folder may be one that everybody may write to, as /tmp is. There only files of those who may deploy
// count: our own, root's, and those of users whom docker's socket obeys. Whatever else bears the name is said
// and never opened, so that nobody can make us wait for him. Those who are trusted replace no file between
// the look at it and its opening, so a look is enough.
inline constexpr std::string_view k_lock_files = R"sh(
f=$1 dir=${1%/*}
umask 022
stop() { echo "broken $1"; exit 1; }
for tool in flock timeout head stat mktemp; do
  command -v $tool >/dev/null || stop "no $tool there; install util-linux and coreutils"
done
exists() { [ -e "$1" ] || [ -L "$1" ]; }
case $(stat -L -c %a "$dir" 2>/dev/null) in *[2367]) open_to_all=1 ;; *) open_to_all= ;; esac
deploys() {
  case $1 in 0 | "$(id -u)" | "${SUDO_UID:-0}") return 0 ;; esac
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
    exists "$one" && fit "$one" || continue
    [ -n "$newest" ] && [ ! "$one" -nt "$newest" ] || newest=$one
  done
  [ -n "$newest" ]
}
holder() { ! find_newest || content "$newest"; }
# Puts its stdin into a file, all at once.
put() {
  new=$(mktemp "$f.XXXXXX") || return 1
  cat >"$new" && chmod 644 "$new" && mv -f "$new" "$1" && return 0
  rm -f "$new"
  return 1
}
pause() { sleep 0.1 2>/dev/null || { sleep 1; tries=$((tries + 9)); }; }
)sh";

// Arguments: PATH TTL PID START BOOT. TTL in seconds. PID, START (/proc/PID/stat field 22) and BOOT (the
// kernel's boot id) name the deployer's own process. Stdin: the owner as a line of JSON, then a line a beat,
// "bye" at the end. Stdout: "held", "locked JSON", "frozen JSON" or "broken WORDS", then "ack" for each beat,
// or "lost" when the lock's file is not there any more, or another one: whoever locks that one has the lock.
//
// A killed deployer's holder sees EOF, and a status asks with a shared lock for a moment: so the lock is
// tried for a second before somebody else is said to hold it.
//
// It is opened for reading, since that is enough for flock and lets every user who may log in take it. Who
// holds it is in a file for each user, touched at each beat. Where the lock is free and such a file is fresh,
// the lock's file may have been replaced under a holder, who sees that at his next beat: he is waited for.
//
// On silence it ends what a paused deployer would go on through before it lets go: the nearest ancestor that
// is either the deployer itself (on its own machine) or the sshd process of this one connection. That
// ancestor is told from a later process with its pid by its start time, and from the listening sshd (an
// ancestor when everything between has died) by its title: "sshd: user@notty", since OpenSSH 9.8
// "sshd-session: user@notty". A deployer that was told of a loss closes our stdin; else it ends the same way.
inline constexpr std::string_view k_hold_script = R"sh(
ttl=$2 deployer="$3 $4" boot=$5
trap '' HUP PIPE
[ -d "$dir" ] || stop "no folder $dir"
[ -w "$dir" ] || stop "$(id -un) may not write to $dir; set \`sudo: true\` or log in as somebody who may"
IFS= read -r info || exit 1
info_file=$f.info.$(id -u)
usable "$info_file"

make_lock() {
  new=$(mktemp "$f.XXXXXX") && chmod 644 "$new" || stop "cannot write in $dir"
  ln "$new" "$f.lock" 2>/dev/null || timeout 5 sh -c 'set -C; : >"$1"' sh "$f.lock" 2>/dev/null
  rm -f "$new"
  usable "$f.lock" || stop "cannot create $f.lock"
}
same() { [ /proc/self/fd/9 -ef "$f.lock" ] && [ ! -L "$f.lock" ]; }
tries=0
while :; do
  usable "$f.lock" || make_lock
  { command exec 9<"$f.lock"; } 2>/dev/null || ! exists "$f.lock" || stop "$f.lock cannot be read"
  flock -n 9 && same && break
  tries=$((tries + 1))
  [ $tries -lt 10 ] || { printf 'locked %s\n' "$(holder)"; exit 1; }
  pause
done
! usable "$f.freeze" || { printf 'frozen %s\n' "$(content "$f.freeze")"; exit 1; }
look() {
  { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- ${stat##*) }
  state=$1 parent=$2 start=${20}
}
lives() { look "$1" && [ "$start" = "$2" ] && [ "$state" != Z ]; }
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
printf '%s\n' "$info" "$$ $start" | put "$info_file" || stop "cannot write $info_file"

same_boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)
target= how= pid=$$
while look "$pid" && [ "$parent" -gt 0 ]; do
  pid=$parent
  look "$pid" || break
  if [ "$pid $start" = "$deployer" ] && [ "$same_boot" = "$boot" ]; then
    target="$pid $start" how=KILL
    break
  fi
  case $(tr '\000' ' ' <"/proc/$pid/cmdline" 2>/dev/null) in
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

echo held
while :; do
  beat=$(hear "$ttl") || { fence; break; }
  case $beat in '' | *bye*) break ;; esac
  same || { say_lost; break; }
  echo ack || break
done
[ "$(content "$info_file")" != "$info" ] || rm -f "$info_file"
)sh";

// Arguments: PATH. Stdout: "frozen JSON" and "locked JSON" where they apply, or "broken WORDS".
inline constexpr std::string_view k_status_script = R"sh(
! usable "$f.freeze" || printf 'frozen %s\n' "$(content "$f.freeze")"
usable "$f.lock" || exit 0
{ command exec 9<"$f.lock"; } 2>/dev/null || stop "$f.lock cannot be read"
flock -n -s 9 || printf 'locked %s\n' "$(holder)"
exit 0
)sh";

// Arguments: PATH. Stdin: the freeze's owner as JSON. Stdout: nothing, or "broken WORDS".
inline constexpr std::string_view k_freeze_script = R"sh(
usable "$f.freeze"
put "$f.freeze" || stop "cannot write $f.freeze"
)sh";

// Arguments: PATH. Stdout: "yes" when there was a freeze, or "broken WORDS".
inline constexpr std::string_view k_unfreeze_script = R"sh(
exists "$f.freeze" || exit 0
rm -f "$f.freeze" && echo yes
)sh";

}  // namespace bgdeploy::deploy
