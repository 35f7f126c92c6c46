# shellcheck shell=sh
# Processes, as the kernel describes them. "pid:start" names one: a pid alone is used again.

# Of the living process $1, sets `parent`, `start` (its start time) and `flags` (the kernel's).
process() {
  pid=$1 stat=''
  { read -r stat <"$proc/$pid/stat"; } 2>/dev/null
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  [ $# -ge 20 ] || return 1
  case $1 in Z | X) return 1 ;; esac
  parent=$2 flags=$7 start=${20}
}

alive() { [ -n "$1" ] && process "${1%:*}" && [ "$start" = "${1#*:}" ]; }
