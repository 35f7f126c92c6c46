# shellcheck shell=sh
# Reloading nginx, and seeing that only workers with the new configuration serve.

# Hundredths of a second: how long nginx may take for a reload, and be away while it is restarted.
patience=6000
away_patience=1000
told_at=0

# The workers as they are now: see sort_workers.
workers() {
  find_master
  sort_workers
  [ -n "$master" ]
}

where_master() {
  if [ -z "$container" ]; then
    printf 'pid file %s' "$pid_file"
  elif [ "$container_state" = running ]; then
    printf 'in the container %s' "$container"
  else
    printf 'the container %s is not running: %s' "$container" "$container_state"
  fi
}

# A restart leaves nginx without a master for a moment.
await_master() {
  read_clock
  limit=$((now + away_patience))
  until find_master; do
    read_clock
    [ "$now" -lt "$limit" ] || { why="nginx is not running ($(where_master))" && return 1; }
    pause
  done
}

serves() {
  alive "$1" || return 1
  read_title "$pid"
  case $title in *': worker process') return 0 ;; esac
  return 1
}

# Sets `all` to all workers: those that were listed last, and those that are now, since the kernel may skip one while
# another ends.
all_workers() {
  all="$serving${leaving# }"
  workers
  for worker in $serving $leaving; do
    case $all in *" $worker "*) ;; *) all="$all$worker " ;; esac
  done
}

# Whether the master waits for signals. While it reads files, starts workers or tells old ones to quit, it blocks
# SIGHUP, the lowest bit. (nginx src/os/unix/ngx_process_cycle.c: sigsuspend)
idle() {
  case $family in *" $master_id ") ;; *) return 1 ;; esac
  pending='' blocked=''
  { while read -r key value; do
    case $key in
      ShdPnd:) pending=$value ;;
      SigBlk:) blocked=$value && break ;;
    esac
  done <"$proc/$master/status"; } 2>/dev/null
  case $pending in *[13579bdf]) return 1 ;; esac
  case $blocked in *[13579bdf]) return 1 ;; esac
  return 0
}

# Whether other workers have taken over from those in $1, leaving aside those in $2. Sets `fresh` when there are others.
# A worker from before the reload is not one of them: the kernel skipped it when all were listed.
replaced() {
  workers
  fresh=0
  for worker in $serving; do
    case "$1${2-}" in *" $worker "*) continue ;; esac
    [ "${worker#*:}" -ge "$told_at" ] || return 1
    fresh=1
  done
  [ $fresh = 1 ] || return 1
  for worker in $1; do
    case ${2-} in *" $worker "*) continue ;; esac
    ! serves "$worker" || return 1
  done
}

# Waits for the end of a reload that somebody else began, since that one may have read the old files. It has ended when
# the master is idle or, where one reload follows another without a pause, when its workers have taken over: the next
# one begins by reading the files as they are. Begins with what find_master saw.
await_reload_of_others() {
  sort_workers
  at_begin=$serving
  read_clock
  limit=$((now + patience))
  until [ -z "$master" ] || idle || replaced "$at_begin"; do
    read_clock
    [ "$now" -lt "$limit" ] || return 1
    pause
  done
}

# `log_since` prints the errors that the master logged since `remember_log`.
remember_log() {
  log_at=0 log=''
  if [ -n "$container" ]; then
    log_at=$(date +%s)
    return
  fi
  log=$proc/$master/fd/2
  # Where the last line ended that the master, or a worker through what it inherited, wrote to it. (proc(5): fdinfo)
  [ ! -f "$log" ] || read -r word log_at <"$proc/$master/fdinfo/2"
} 2>/dev/null

# Sets `log` to the first error log that is a file: nginx writes such an error to all of them.
find_error_log() {
  while IFS= read -r log; do
    case $log in '' | stderr | syslog:* | memory:*) continue ;; esac
    log=$(under_prefix "$log") && return 0
  done <<END
$(directive error_log "$(run "$dump_command")")
END
  return 1
}

log_since() {
  if [ -n "$container" ]; then
    run "$logs_command --since $log_at" | grep -F '[emerg]' | tail -n 5
    return
  fi
  if [ ! -f "$log" ]; then
    find_error_log || return
  fi
  # Somebody may have cut it off, to rotate it.
  [ "$(wc -c <"$log" 2>/dev/null)" -ge "$log_at" ] 2>/dev/null || log_at=0
  { tail -c "+$((log_at + 1))" -- "$log" | grep -F "[emerg] $master#" | tail -n 5; } 2>/dev/null
}

test_configuration() {
  words=$(run "$test_command") && return 0
  why='nginx refuses the configuration'
  return 1
}

# Tells the master to read its files. `nginx -s reload` sends the same signal, but first reads all of them itself, to
# find the master. It remains where the spec names another command, and for users who may not send a signal.
tell_master() {
  [ "$by_signal" = 0 ] || ! kill -HUP "${told%:*}" 2>/dev/null || return 0
  words=$(run "$reload_command")
}

# Sets `again` where another master took the place of the one that was told: that one may have read the old files.
reload_once() {
  again=0
  await_master || return 1
  # A restart may have made a new folder.
  holds_lock || { lock -x; await_master || return 1; }
  await_reload_of_others || { why='nginx is busy with an earlier reload' && return 1; }
  read_clock
  all_workers
  for worker in $all; do
    case $before in *" $worker "*) ;; *) before="$before$worker " ;; esac
  done
  why='nginx was replaced during the reload'
  told=$master_id told_at=$now
  [ -n "$told" ] || { again=1 && return 1; }
  remember_log
  if ! tell_master; then
    if find_master && [ "$master_id" = "$told" ]; then why='the reload command failed'; else again=1; fi
    return 1
  fi
  read_clock
  quiet_since=$now alone_at=$now
  # nginx itself waits so long between new workers and the end of the old ones. (ngx_process_cycle.c: ngx_msleep)
  nap 0.1
  while :; do
    # Asked before the workers, so that an idle master has started all that it is going to start.
    busy=0
    idle || busy=1
    over=1
    replaced "$before" "$1" || over=0
    [ "$master_id" = "$told" ] || { again=1 && return 1; }
    [ $over = 0 ] || return 0
    read_clock
    # A reload command may return a moment before the signal arrives.
    [ $busy = 0 ] && [ $fresh = 0 ] || quiet_since=$now
    # The workers of an older master keep their configuration until its upgrade ends.
    [ "$family" != " $told " ] || alone_at=$now
    [ $((now - alone_at)) -lt "$upgrade_patience" ] || break
    [ $((now - quiet_since)) -lt 100 ] || { why='nginx did not take the new configuration' && break; }
    [ "$now" -lt "$reload_until" ] || { why='nginx did not change its workers in time' && break; }
    pause
  done
  words=$(log_since)
  upgrading
  return 1
}

# Reloads, and waits until all workers that serve have read the files as they are now; those in $1 may go on. Sets
# `before` to all workers of earlier configurations. On a failure `why` and `words` say what happened.
# shellcheck disable=SC2120
reload() {
  before=' '
  read_clock
  reload_until=$((now + patience))
  until reload_once "${1-}"; do
    read_clock
    [ $again = 1 ] && [ "$now" -lt "$reload_until" ] || return 1
  done
}
