# shellcheck shell=sh
# shellcheck disable=SC3013
# The short lock of one nginx. Every run that changes its files and reloads it holds the lock, for whatever service. The
# lock is on the folder of the pid file, since an upgrade renames that file and a restart makes it anew. The folder of a
# container is out of reach: there the lock is on the kernel's description of its first process, which all can open.

# How long another switch on this nginx may hold us up, in hundredths of a second.
lock_patience=3000

find_lock() {
  locked=${pid_file%/*}/
  [ -r "$locked" ] || locked=$pid_file
  [ -z "$container" ] || locked=$proc/$container_pid/stat
}

holds_lock() { find_lock && [ "$proc/self/fd/9" -ef "$locked" ]; }

# Takes the lock: $1 is -x or -s. Fails with 1 when it is busy, 2 when it cannot be opened, 3 when flock fails.
lock() {
  find_lock
  read_clock
  limit=$((now + lock_patience))
  while :; do
    { command exec 9<"$locked"; } 2>/dev/null || return 2
    flock -n "$1" 9 2>/dev/null
    case $? in
      0) holds_lock && return 0 ;;
      1) ;;
      *) return 3 ;;
    esac
    read_clock
    [ "$now" -lt "$limit" ] || return 1
    pause
  done
}
