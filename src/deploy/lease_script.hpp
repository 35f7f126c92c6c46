// What runs on a host to hold a lease: POSIX sh (dash, busybox), flock, timeout and /proc.
#pragma once

#include <string_view>

namespace bgdeploy::deploy {

// Arguments: PATH TTL PID START BOOT. TTL in seconds. PID, START (/proc/PID/stat field 22) and BOOT (the
// kernel's boot id) name the deployer's own process. Stdin: the owner as a line of JSON, then a line a beat,
// "bye" at the end. Stdout: "held", "locked JSON", "frozen JSON" or "broken WORDS", then "ack" for each beat.
//
// A killed deployer's holder sees EOF, and a status asks with a shared lock for a moment: so the lock is
// tried for a second before somebody else is said to hold it.
//
// The folder may be one that everybody may write to, where nobody can replace what another user left: who holds
// it is in a file for each user, and a link that was planted there is not followed.
//
// It is opened for reading, since that is enough for flock and lets every user who may log in take it.
//
// On silence it ends what a paused deployer would go on through before it lets go: the nearest ancestor that
// is either the deployer itself (on its own machine) or the sshd process of this one connection. That
// ancestor is told from a later process with its pid by its start time, and from the listening sshd (an
// ancestor when everything between has died) by its title: "sshd: user@notty", since OpenSSH 9.8
// "sshd-session: user@notty".
inline constexpr std::string_view k_hold_script = R"sh(
f=$1 ttl=$2 deployer="$3 $4" boot=$5
trap '' HUP PIPE
umask 022
stop() { echo "broken $1"; exit 1; }
for tool in flock timeout head; do
  command -v $tool >/dev/null || stop "no $tool there; install util-linux and coreutils"
done
dir=${f%/*}
[ -d "$dir" ] || stop "no folder $dir"
[ -w "$dir" ] || stop "$(id -un) may not write to $dir; set \`sudo: true\` or log in as somebody who may"
IFS= read -r info || exit 1
[ -e "$f.lock" ] || (set -C && : >"$f.lock") 2>/dev/null
[ -f "$f.lock" ] || stop "cannot create $f.lock"
exec 9<"$f.lock" || exit 1
info_file=$f.info.$(id -u) new=$f.new.$(id -u)
holder() {
  newest=
  for one in "$f".info.*; do
    [ -n "$newest" ] && [ ! "$one" -nt "$newest" ] || newest=$one
  done
  cat "$newest" 2>/dev/null
}
tries=0
until flock -n 9; do
  tries=$((tries + 1))
  [ $tries -lt 10 ] || { printf 'locked %s\n' "$(holder)"; exit 1; }
  sleep 0.1 2>/dev/null || { sleep 1; tries=9; }
done
[ ! -e "$f.freeze" ] || { printf 'frozen %s\n' "$(cat "$f.freeze")"; exit 1; }
rm -f "$new"
{ (set -C && printf '%s\n' "$info" >"$new") && mv -f "$new" "$info_file"; } || stop "cannot write $info_file"

look() {
  { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- ${stat##*) }
  state=$1 parent=$2 start=${20}
}
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
alive() { look "${target% *}" && [ "${target% *} $start" = "$target" ] && [ "$state" != Z ]; }
fence() {
  [ -n "$target" ] || return
  tries=0
  while alive && [ $tries -lt 30 ]; do
    [ $tries -lt 20 ] || how=KILL
    kill -$how "${target% *}" 2>/dev/null
    sleep 0.1 2>/dev/null || { sleep 1; tries=$((tries + 9)); }
    tries=$((tries + 1))
  done
}

echo held
while :; do
  beat=$(exec 9<&-; exec timeout "$ttl" head -n 1) || { fence; break; }
  case $beat in '' | *bye*) break ;; esac
  echo ack || break
done
rm -f "$info_file"
)sh";

// Arguments: PATH. Stdout: "frozen JSON" and "locked JSON" where they apply, or "broken WORDS".
inline constexpr std::string_view k_status_script = R"sh(
f=$1
command -v flock >/dev/null || { echo "broken no flock there; install util-linux"; exit 1; }
[ ! -e "$f.freeze" ] || printf 'frozen %s\n' "$(cat "$f.freeze")"
[ -e "$f.lock" ] || exit 0
exec 9<"$f.lock"
newest=
for one in "$f".info.*; do
  [ -n "$newest" ] && [ ! "$one" -nt "$newest" ] || newest=$one
done
flock -n -s 9 || printf 'locked %s\n' "$(cat "$newest" 2>/dev/null)"
exit 0
)sh";

// Arguments: PATH. Stdin: the freeze's owner as JSON.
inline constexpr std::string_view k_freeze_script = R"sh(
umask 022
rm -f "$1.freeze.new"
(set -C && cat >"$1.freeze.new") && mv -f "$1.freeze.new" "$1.freeze"
)sh";

// Arguments: PATH. Stdout: "yes" when there was a freeze.
inline constexpr std::string_view k_unfreeze_script = R"sh(
[ -e "$1.freeze" ] || exit 0
rm -f "$1.freeze" && echo yes
)sh";

}  // namespace bgdeploy::deploy
