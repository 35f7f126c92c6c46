# shellcheck shell=sh
# shellcheck disable=SC2015
# The processes of one nginx: its masters and their workers.

# Sets `kids`: the pids of the children of $1.
children() {
  kids=''
  if [ -r "$proc/$1/task/$1/children" ]; then
    { read -r kids <"$proc/$1/task/$1/children"; } 2>/dev/null
    return 0
  fi
  for folder in "$proc"/[0-9]*; do
    process "${folder#"$proc/"}" && [ "$parent" = "$1" ] && kids="$kids $pid"
  done
}

# Sets `title`, what the process $1 calls itself. Only where that is needed: `read` asks the kernel for each byte.
read_title() {
  title=''
  { read -r title <"$proc/$1/cmdline"; } 2>/dev/null
}

is_master() {
  read_title "$1"
  case $title in *': master process'*) return 0 ;; esac
  return 1
}

# Whether a process is outside of containers: one inside has another pid there.
outside() {
  value=''
  { while read -r key value && [ "$key" != NSpid: ]; do :; done <"$proc/$1/status"; } 2>/dev/null
  case $value in *[[:space:]]*) return 1 ;; esac
}

# Sets `master` to the one among the processes in the arguments, or to the nearest one below them: a container may start
# nginx through an init or a script.
find_master_below() {
  while [ $# -gt 0 ]; do
    below=''
    for candidate in "$@"; do
      process "$candidate" || continue
      ! is_master "$candidate" || { master=$candidate && return 0; }
      children "$candidate"
      below="$below $kids"
    done
    # shellcheck disable=SC2086
    set -- $below
  done
  return 1
}

# Sets `master` and `master_id`, the one that takes signals and reads the files; `family`, all masters of this
# configuration, the eldest first; and `offspring`, all their children. On SIGUSR2 a master renames its pid file and
# starts the next nginx with its sockets: both accept, and only the younger one reloads. A master forks its workers and
# executes the next nginx, so that one lacks PF_FORKNOEXEC (64, linux/sched.h). It has another title until it has read
# its configuration. `eldest` is the one that was found last, as it stays while it lives and has the same parent.
eldest=''
find_master() {
  master='' master_id='' family=' ' offspring='' next=''
  if [ -n "$container" ]; then
    alive "$container_id" || look_into_container || return 1
    find_master_below "$container_pid" || return 1
    next=$master
  else
    for file in "$pid_file" "$pid_file.oldbin"; do
      next=''
      { read -r next <"$file"; } 2>/dev/null
      case $next in '' | *[!0-9]*) continue ;; esac
      if process "$next"; then
        [ "$next:$start $parent" = "$eldest" ] || { is_master "$next" && outside "$next"; } && break
      fi
      next=''
    done
    while [ -n "$next" ] && [ "$next:$start $parent" != "$eldest" ]; do
      if is_master "$parent" && process "$parent"; then next=$pid; else eldest="$next:$start $parent"; fi
    done
  fi
  [ -n "$next" ] || return 1
  title=': master process'
  while [ -n "$next" ]; do
    family="$family$next:$start "
    case $title in *': master process'*) master=$next master_id=$next:$start ;; esac
    children "$next"
    next=''
    for kid in $kids; do
      process "$kid" || continue
      offspring="$offspring $kid:$start"
      [ $((flags & 64)) = 0 ] || continue
      read_title "$kid"
      case $title in *': master process'* | *nginx*) next=$kid next_start=$start next_title=$title ;; esac
    done
    [ -z "$next" ] || { start=$next_start title=$next_title; }
  done
}

# Sets `serving` and `leaving`, the workers of all masters that find_master saw as " pid:start pid:start ": those that
# accept connections, and those that only finish the ones they have.
sort_workers() {
  serving=' ' leaving=' '
  for kid in $offspring; do
    read_title "${kid%:*}"
    case $title in
      *': worker process') serving="$serving$kid " ;;
      *': worker process is shutting down') leaving="$leaving$kid " ;;
    esac
  done
}
