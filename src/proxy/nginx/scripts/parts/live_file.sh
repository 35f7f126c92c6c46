# shellcheck shell=sh
# Which file is live, and whether nginx has read it.

# With sites of two paths the one that exists is live.
find_live_site() {
  [ -n "$to_0" ] && [ -n "$gone" ] && exists "$gone" && ! exists "$path" || return 0
  path=$gone include=$gone gone=''
}

# Whether nginx has not read the live file yet: it was written after the start of every worker that serves. The time of
# a file has whole seconds on some systems, that of a process hundredths since the machine began. The time of a
# process's own folder is that of its start, so `stat` also tells what time it is.
reload_pending() {
  # shellcheck disable=SC2046
  set -- $(stat -c %Y -- "$path" "$proc/self/." 2>/dev/null)
  [ $# = 2 ] || return 1
  newest=0
  for worker in $serving; do
    [ "${worker#*:}" -le "$newest" ] || newest=${worker#*:}
  done
  read_clock
  [ "$newest" -gt 0 ] && [ $(($1 - $2)) -gt $(((newest - now) / 100 + 2)) ]
}
