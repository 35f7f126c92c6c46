# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC2015,SC2020,SC3013
# What the scripts on a proxy host share. POSIX sh (dash, bash, busybox ash). The settings are assigned before
# this text: include, or from_0 to_0 from_1 to_1 (whole sites, by slot), or both empty; container (and inspect_command
# logs_command) where nginx runs in one; test_command dump_command version_command reload_command globals prefix
# conf pid_file upgrade_patience; slot content, keep, old_workers, drain_for, backends. Commands are words quoted by the sender; nothing
# that comes from this host is ever evaluated. All loops read /proc with builtins, because a fork a poll costs more than the
# poll.
#
# Lines to the sender begin with a word of the protocol; foreign text always stands behind "detail".
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
unset -v CDPATH
tick=0.01 told_at=0
# How long nginx may take for a reload, be away while it is started anew, and how long another switch on it may hold
# us up: hundredths of a second.
patience=6000
away_patience=1000
lock_patience=3000
# Nobody who runs on this machine may make us wait for ever.
bounded=
command -v timeout >/dev/null 2>&1 && bounded='timeout 60 '

say() { printf '%s\n' "$*"; }
details() {
  [ -z "$1" ] || printf '%s\n' "$1" | head -n 60 | sed 's/^/detail /'
}

fail() {
  details "$words"
  say "failed refused $1"
  exit 1
}

# Our lock and the protocol's stdin are not for what we start: a daemon would keep them.
run() { eval "$bounded$1" </dev/null 2>&1 3<&- 9<&-; }

pause() { sleep "$tick" 2>/dev/null || { tick=1 && sleep 1; }; }
now() {
  read -r now idle_time </proc/uptime
  now=${now%.*}${now#*.}
}

# Of a living process: its start time, parent, the kernel's flags and title.
process() {
  pid=$1 stat='' title=''
  { read -r stat <"/proc/$pid/stat"; } 2>/dev/null
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  [ $# -ge 20 ] || return 1
  case $1 in Z | X) return 1 ;; esac
  parent=$2 flags=$7 start=${20}
  { read -r title <"/proc/$pid/cmdline"; } 2>/dev/null
  return 0
}

children() {
  kids=''
  if [ -r "/proc/$1/task/$1/children" ]; then
    { read -r kids <"/proc/$1/task/$1/children"; } 2>/dev/null
    return 0
  fi
  for folder in /proc/[0-9]*; do
    process "${folder#/proc/}" && [ "$parent" = "$1" ] && kids="$kids $pid"
  done
}

# The workers of all masters as " pid:start pid:start ": those that accept connections, and those that only finish.
workers() {
  serving=' ' leaving=' '
  find_master || return 1
  for each in $family; do
    children "${each%:*}"
    for kid in $kids; do
      process "$kid" || continue
      case $title in
        *': worker process') serving="$serving$kid:$start " ;;
        *': worker process is shutting down') leaving="$leaving$kid:$start " ;;
      esac
    done
  done
}

# All workers there are. The kernel may skip a child while another one ends, so it is asked twice.
all_workers() {
  workers
  all="$serving${leaving# }"
  workers
  for worker in $serving $leaving; do
    case $all in *" $worker "*) ;; *) all="$all$worker " ;; esac
  done
}

alive() { [ -n "$1" ] && process "${1%:*}" && [ "$start" = "${1#*:}" ]; }
serves() {
  alive "$1" || return 1
  case $title in *': worker process') return 0 ;; esac
  return 1
}

# The master takes signals only while it has nothing to do: as long as it reads files, starts workers or tells
# old ones to quit it blocks SIGHUP, the lowest bit. (nginx src/os/unix/ngx_process_cycle.c: sigsuspend)
idle() {
  case $family in *" $master_id ") ;; *) return 1 ;; esac
  pending='' blocked=''
  { while read -r key value; do
    case $key in
      ShdPnd:) pending=$value ;;
      SigBlk:) blocked=$value && break ;;
    esac
  done <"/proc/$master/status"; } 2>/dev/null
  case $pending in *[13579bdf]) return 1 ;; esac
  case $blocked in *[13579bdf]) return 1 ;; esac
  return 0
}

# Whether the workers in $1, but for those in $2, have left service to others. Sets `fresh` when there are others. One
# that was started before nginx was told to reload is none of these: the kernel skipped it when all were asked for.
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

# A reload that somebody else began may have read the files as they were. It is over when the master is idle,
# or, where reloads follow each other without a pause, when its workers have taken over: the next one begins
# with reading the files as they are.
await_reload_of_others() {
  workers
  at_begin=$serving
  now
  limit=$((now + patience))
  until [ -z "$master" ] || idle || replaced "$at_begin"; do
    now
    [ "$now" -lt "$limit" ] || return 1
    pause
  done
}

# The value of a directive of the main context in a configuration text.
directive() {
  printf '%s\n' "$2" | sed 's/^[[:space:]]*#.*//; s/[[:space:]]#.*//' | tr '{};' '\n\n\n' |
    sed -n "s/^[[:space:]]*$1[[:space:]]\\{1,\\}[\"']\\{0,1\\}\\([^\"'[:space:]]*\\).*/\\1/p" | head -n 1
}
built_with() { run "$version_command" | tr ' ' '\n' | sed -n "s/^--$1=//p" | head -n 1; }
under_prefix() {
  case $1 in
    /*) printf '%s' "$1" ;;
    *)
      [ -n "$prefix" ] || prefix=$(built_with prefix)
      printf '%s/%s' "${prefix%/}" "$1"
      ;;
  esac
}

# Tests and dumps the configuration, and finds the pid file of the nginx that it is of: there may be several
# on a machine. A broken configuration is not dumped; then its main file is looked at.
find_nginx() {
  dump=$(run "$dump_command")
  dump_status=$?
  # That one is found from the container's first process.
  [ -z "$container" ] || return 0
  text=$dump
  if [ "$dump_status" != 0 ]; then
    [ -n "$conf" ] || conf=$(built_with conf-path)
    text=$(cat -- "$(under_prefix "$conf")" 2>/dev/null)
  fi
  pid_file=$(directive pid "$globals;$text")
  [ -n "$pid_file" ] || pid_file=$(built_with pid-path)
  [ -z "$pid_file" ] || pid_file=$(under_prefix "$pid_file")
}

is_master() {
  process "$1" || return 1
  case $title in *': master process'*) return 0 ;; esac
  return 1
}

# Whether a process is no container's: those have another number inside.
outside() {
  value=''
  { while read -r key value && [ "$key" != NSpid: ]; do :; done <"/proc/$1/status"; } 2>/dev/null
  case $value in *[[:space:]]*) return 1 ;; esac
}

# Sets `master` and `master_id`, the one that takes signals and reads the files, and `family`, all masters of this
# configuration, the eldest first. On SIGUSR2 a master renames its pid file and starts the next nginx, which has its sockets: both
# accept, and only the younger one reloads. Workers are forked, and the next nginx is the child that was executed: it lacks
# PF_FORKNOEXEC (64, linux/sched.h). It has another title until it has read its configuration.
find_master() {
  master='' master_id='' family=' '
  if [ -n "$container" ]; then
    alive "$container_id" || look_into_container || return 1
    find_master_below "$container_pid" || return 1
    next=$master
  else
    for file in "$pid_file" "$pid_file.oldbin"; do
      next=''
      { read -r next <"$file"; } 2>/dev/null
      case $next in '' | *[!0-9]*) continue ;; esac
      is_master "$next" && outside "$next" && break
      next=''
    done
    while [ -n "$next" ] && process "$next" && is_master "$parent"; do next=$pid; done
  fi
  while [ -n "$next" ] && process "$next"; do
    family="$family$next:$start "
    case $title in *': master process'*) master=$next master_id=$next:$start ;; esac
    children "$next"
    next=''
    for kid in $kids; do
      process "$kid" && [ $((flags & 64)) = 0 ] || continue
      case $title in *': master process'* | *nginx*) next=$kid ;; esac
    done
  done
  [ -n "$master" ]
}

# The process, or the nearest one below it: an init or a script may be in front of nginx.
find_master_below() {
  while [ $# -gt 0 ]; do
    below=''
    for candidate in "$@"; do
      process "$candidate" || continue
      case $title in *': master process'*) master=$candidate && return 0 ;; esac
      children "$candidate"
      below="$below $kids"
    done
    # shellcheck disable=SC2086
    set -- $below
  done
  return 1
}

# One that is started anew has no master for a moment.
await_master() {
  now
  limit=$((now + away_patience))
  until find_master; do
    now
    [ "$now" -lt "$limit" ] || { why="nginx is not running ($(where_master))" && return 1; }
    pause
  done
}
need_master() {
  find_master || [ -n "$container" ] || find_nginx
  await_master || fail "$why"
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

# Whether a master was told to quit: it has closed its sockets and waits for its workers. Only root and whose nginx it
# is can see that.
has_quit() {
  descriptors=$(ls -l "/proc/$1/fd" 2>/dev/null) || return 1
  {
    printf '%s\n' "$descriptors" | sed -n 's/.*socket:\[\([0-9]*\)\]$/inode \1/p'
    cat "/proc/$1/net/tcp" "/proc/$1/net/tcp6" "/proc/$1/net/unix" 2>/dev/null
  } | awk '
    $1 == "inode" { own[$2] = 1 }
    ($4 == "0A" && ($10 in own)) || ($4 == "00010000" && ($7 in own)) { listens = 1 }
    END { exit listens }'
}

# Whether more than one master accepts, or may again. Sets `masters`.
upgrading() {
  masters=''
  for each in $family; do
    [ "$each" = "$master_id" ] || ! has_quit "${each%:*}" || continue
    masters="$masters $each"
  done
  # shellcheck disable=SC2086
  set -- $masters
  [ $# -gt 1 ] || return 1
  why="nginx is being upgraded: its master ${1%:*} keeps the configuration that it has beside master $master. \
Finish the upgrade (kill -QUIT ${1%:*}) or undo it (kill -HUP ${1%:*}, then kill -QUIT $master), then run this again"
}

# Nothing can be switched while there are two. The one that started an upgrade ends it within moments, as a rule.
await_one_master() {
  masters=''
  now
  limit=$((now + upgrade_patience))
  while find_master && upgrading; do
    now
    [ "$now" -lt "$limit" ] || return 1
    pause
  done
}

# The short lock of one nginx: whoever changes its files and reloads it holds it, of whatever service. $1 is -x
# or -s. It is on the pid file's folder, since the file is renamed by an upgrade and made anew by a restart. A container's
# is not at hand: there it is on what the kernel says of its first process, which whoever finds it can open too.
find_lock() {
  locked=${pid_file%/*}/
  [ -r "$locked" ] || locked=$pid_file
  [ -z "$container" ] || locked=/proc/$container_pid/stat
}
holds_lock() { find_lock && [ /proc/self/fd/9 -ef "$locked" ]; }
lock() {
  find_lock
  now
  limit=$((now + lock_patience))
  while :; do
    { command exec 9<"$locked"; } 2>/dev/null || return 2
    flock -n "$1" 9 2>/dev/null
    case $? in
      0) holds_lock && return 0 ;;
      1) ;;
      *) return 3 ;;
    esac
    now
    [ "$now" -lt "$limit" ] || return 1
    pause
  done
}
unlock() { exec 9<&-; }

# Whether the live file was written after every worker that serves was started: nginx has not read it yet. A file's
# time is told in whole seconds everywhere, a process's in hundredths since the machine began.
unread() {
  written=$(stat -c %Y -- "$path" 2>/dev/null) || return 1
  newest=0
  for worker in $serving; do
    [ "${worker#*:}" -le "$newest" ] || newest=${worker#*:}
  done
  now
  [ "$newest" -gt 0 ] && [ $((written - $(date +%s))) -gt $(((newest - now) / 100 + 2)) ]
}

exists() { [ -e "$1" ] || [ -L "$1" ]; }

# ~ is the home of whoever logs in, also under sudo, and where $HOME is not set.
at_home() {
  case $1 in
    \~/*) ;;
    *) printf '%s' "$1" && return ;;
  esac
  home=$HOME account=''
  [ -n "$home" ] || account=$(id -un)
  if [ "$(id -u)" = 0 ] && [ "${SUDO_USER:-root}" != root ]; then account=$SUDO_USER; fi
  if [ -n "$account" ]; then
    home=$({ getent passwd "$account" || grep "^$account:" /etc/passwd; } 2>/dev/null | head -n 1 | cut -d: -f6)
  fi
  printf '%s/%s' "${home%/}" "${1#??}"
}

# What docker says of nginx's container: its state and first process, then two lines for each mount.
look_into_container() {
  container_state='' container_id=''
  described=$(eval "$bounded$inspect_command" 2>/dev/null </dev/null 3<&- 9<&-) || return 1
  read -r container_state container_pid container_network container_address more <<END
$described
END
  [ "$container_state" = running ] && process "$container_pid" && container_id=$container_pid:$start
}

inspect_container() {
  words=''
  look_into_container || [ -n "$container_state" ] || {
    words=$(run "$inspect_command")
    fail "docker says nothing about the container $container"
  }
}

# Sets `source` and `mounted` to the mount through which the container has $1: the one that lies deepest. With `host`
# as $2 the path is the host's.
find_mount() {
  mounted='' source=''
  while IFS= read -r source_here && IFS= read -r mounted_here; do
    side=$mounted_here
    [ "${2-}" != host ] || side=$source_here
    [ -n "$side" ] || continue
    side=${side%/}
    case $1 in "$side" | "$side"/*) ;; *) continue ;; esac
    [ -z "$mounted" ] || [ ${#side} -ge "$deepest" ] || continue
    deepest=${#side} source=${source_here%/} mounted=$mounted_here
  done <<END
$(printf '%s\n' "$described" | tail -n +2)
END
  [ -n "$mounted" ]
}

# A file of the container as the host has it; $1 where it has none.
from_container() {
  if [ -n "$container" ] && find_mount "$1" && [ -n "$source" ]; then
    printf '%s' "$source${1#"${mounted%/}"}"
  else
    printf '%s' "$1"
  fi
}

refuse_single_file() {
  fail "$container has $1 mounted as a single file: a rename gives it a new inode, which the container never sees. \
Mount its folder instead"
}

# Whether nginx in its container has what is in the folder on this host.
follow_mount() {
  [ -n "$source" ] || fail "$container has something mounted on $mounted that this host does not see: mount a folder there"
  mount_root=$(readlink -f -- "$source") && case $(readlink -f -- "$folder") in
    "$mount_root" | "${mount_root%/}"/*) ;;
    *) fail "$path is outside of $source, which is what $container sees: a symlink leads out of it" ;;
  esac
}

# Where the include is: symlinks are followed, since a rename over one would replace it.
find_include() {
  path=$include
  if [ -n "$container" ]; then
    find_mount "$include" || fail "$container has no folder of this host mounted where $include is: mount its folder"
    [ "${mounted%/}" != "$include" ] || refuse_single_file "$include"
    path=$(from_container "$include")
  fi
  named=$path
  real=$(readlink -f -- "$path" 2>/dev/null) && [ -n "$real" ] && path=$real
  folder=${path%/*}
  [ -n "$folder" ] || folder=/
  hidden=${path%/*}/.${path##*/}.bgdeploy
  [ -z "$container" ] || [ ! -d "$folder" ] || follow_mount
}

# Here a symlink is what is put there and taken away, never what it leads to.
find_sites() {
  from_0=$(at_home "$from_0") to_0=$(at_home "$to_0")
  from_1=$(at_home "$from_1") to_1=$(at_home "$to_1")
  path=$to_0 gone=$to_1 from=$from_0
  [ "$slot" != 1 ] || path=$to_1 gone=$to_0 from=$from_1
  [ "$gone" != "$path" ] || gone=''
  named=$path include=$path folder=${path%/*}
  [ -n "$folder" ] || folder=/
  hidden=${to_0%/*}/.${to_0##*/}.bgdeploy
  [ -n "$container" ] || return 0
  for site in "$path" "$gone"; do
    [ -n "$site" ] || continue
    find_mount "$site" host || fail "$container has no folder of this host mounted that $site is in: mount its folder"
    [ "$source" != "$site" ] || refuse_single_file "$site"
  done
  [ ! -d "$folder" ] || follow_mount
}

# With sites of two paths the live one is the one that is there.
find_live_site() {
  [ -n "$to_0" ] && [ -n "$gone" ] && exists "$gone" && ! exists "$path" || return 0
  path=$gone include=$gone gone=''
}

# Sets `path`, the live file; `named`, the same without symlinks followed; `gone`, the other slot's site where it has a path of its own; `from`, what a site is
# copied from. Beside them, under names that no glob matches: `new`, what is going to be there; `kept`, a folder with
# what was there under its own name, from before the first change until the switch is accepted; `part`, what is being
# made or removed.
find_files() {
  gone='' from=''
  [ -z "$container" ] || inspect_container
  if [ -n "$to_0" ]; then find_sites; else find_include; fi
  new=$hidden.new kept=$hidden.before part=$hidden.part
}

# A copy of an entry, or, where that can be, the same file under another name.
keep_entry() {
  { [ ! -L "$1" ] && ln -- "$1" "$2" 2>/dev/null; } || cp -pP -- "$1" "$2"
}

# It is there whole or not at all.
back_up() {
  rm -rf -- "$part" && mkdir -m 0700 -- "$part" || return 1
  for entry in "$path" "$gone"; do
    [ -z "$entry" ] || ! exists "$entry" || keep_entry "$entry" "$part/${entry##*/}" || return 1
  done
  sync "$part" 2>/dev/null
  mv -- "$part" "$kept"
}

# Everything that was there is back before anything else goes: others may reload at any time. What was put where there
# was nothing is kept as `new`.
put_back() {
  for entry in "$path" "$gone"; do
    saved=$kept/${entry##*/}
    [ -n "$entry" ] && exists "$saved" || continue
    [ -L "$saved" ] || ! [ "$saved" -ef "$entry" ] || [ -L "$entry" ] || continue
    rm -rf -- "$part" && keep_entry "$saved" "$part" && mv -f -- "$part" "$entry" || return 1
  done
  for entry in "$path" "$gone"; do
    [ -n "$entry" ] && exists "$entry" && ! exists "$kept/${entry##*/}" || continue
    mv -f -- "$entry" "$new" || return 1
  done
}

forget() {
  [ -n "$hidden" ] || return 0
  rm -rf -- "$new" "$part" || return 1
  [ ! -e "$kept" ] || { mv -- "$kept" "$part" && rm -rf -- "$part"; }
}

# Whether the live file is among the files of a dump, by whatever name: sets `read_as` to that.
reads_include() {
  files=$(printf '%s\n' "$1" | sed -n 's/^# configuration file \(.*\):$/\1/p')
  for read_as in "$include" "$path"; do
    ! printf '%s\n' "$files" | grep -qxF -e "$read_as" || return 0
  done
  target=$(readlink -f -- "$path" 2>/dev/null)
  while read -r read_as; do
    [ "$(readlink -f -- "$(from_container "$read_as")" 2>/dev/null)" != "$target" ] || return 0
  done <<END
$files
END
  read_as=''
  return 1
}

# nginx's configuration, for whoever looks at where its sites send: in lines that begin with '>'. It may hold secrets and
# is never shown. What is longer would not get through whole.
most_bytes=5000000
say_dump() {
  if [ "${#1}" -gt "$most_bytes" ]; then say dump_too_long; else printf '%s\n' "$1" | sed 's/^/> /'; fi
}

# Whether a dump has what is in the live file: a container may have the folder in its own way.
reads_content() {
  written=$(cat -- "$path")
  case $1 in *":
$written"*) return 0 ;; esac
  return 1
}

# What the master wrote to its error log since `remember_log`.
remember_log() {
  log_at=0 log=''
  if [ -n "$container" ]; then
    log_at=$(date +%s)
    return
  fi
  log=$(readlink "/proc/$master/fd/2" 2>/dev/null)
  [ -f "$log" ] && log_at=$(wc -c <"$log")
}
log_since() {
  if [ -n "$container" ]; then
    run "$logs_command --since $log_at" | grep -F '[emerg]' | tail -n 5
    return
  fi
  if [ ! -f "$log" ]; then
    log=$(directive error_log "$(run "$dump_command")")
    case $log in '' | stderr | syslog:* | memory:*) return ;; esac
    log=$(under_prefix "$log")
  fi
  { tail -c "+$((log_at + 1))" -- "$log" | grep -F "[emerg] $master#" | tail -n 5; } 2>/dev/null
}

# Reloads, and waits until only workers serve that read the files as they are now; those in $1 may go on. `before`
# becomes all workers of earlier configurations. On a failure `why` and `words` say what happened.
reload() {
  before=' '
  now
  reload_until=$((now + patience))
  until reload_once "${1-}"; do
    now
    [ $again = 1 ] && [ "$now" -lt "$reload_until" ] || return 1
  done
}

# Sets `again` where another master took the place of the one that was told: it may have read the files as they were.
reload_once() {
  again=0
  await_master || return 1
  # It may have gone with what was started anew.
  holds_lock || lock -x
  await_reload_of_others || { why='nginx is busy with an earlier reload' && return 1; }
  now
  all_workers
  for worker in $all; do
    case $before in *" $worker "*) ;; *) before="$before$worker " ;; esac
  done
  why='nginx was replaced during the reload'
  told=$master_id told_at=$now
  [ -n "$told" ] || { again=1 && return 1; }
  remember_log
  if ! words=$(run "$reload_command"); then
    if find_master && [ "$master_id" = "$told" ]; then why='the reload command failed'; else again=1; fi
    return 1
  fi
  now
  quiet_since=$now alone_at=$now
  while :; do
    # Before the workers, so that an idle master has started all that it is going to start.
    busy=0
    idle || busy=1
    over=1
    replaced "$before" "$1" || over=0
    [ "$master_id" = "$told" ] || { again=1 && return 1; }
    [ $over = 0 ] || return 0
    now
    # A reload command may return a moment before the signal is there.
    [ $busy = 0 ] && [ $fresh = 0 ] || quiet_since=$now
    # The workers of an older master stay with what they have read until its upgrade ends.
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

test_configuration() {
  words=$(run "$test_command") && return 0
  why='nginx refuses the configuration'
  return 1
}

# Waits until the workers in $1 are gone, at most $2 hundredths of a second. Sets `left`.
await_gone() {
  waited_for=$1
  now
  limit=$((now + $2))
  while :; do
    left=''
    for worker in $waited_for; do alive "$worker" && left="$left $worker"; done
    now
    [ -n "$left" ] && [ "$now" -lt "$limit" ] || break
    pause
  done
}

# Of the workers that are left, connections to the backends in the arguments count: HEXADDRESS:HEXPORT as in
# /proc/net/tcp, or :HEXPORT for any address.
say_drained() {
  say "left$left"
  say "drained $(connections "$@")"
}

# The sockets of the workers that are left, a line each. Another user's descriptors cannot be read: then whatever
# runs as that user counts.
owners() {
  for worker in $left; do
    pid=${worker%:*}
    if [ -r "/proc/$pid/fd" ] && sockets=$(ls -l "/proc/$pid/fd" 2>/dev/null); then
      printf '%s\n' "$sockets" | sed -n 's/.*socket:\[\([0-9]*\)\]$/inode \1/p'
    else
      stat -c 'uid %u' "/proc/$pid" 2>/dev/null
    fi
  done
}

# All connections that the workers see: they share one network. Any of them may end while it is asked.
tables() {
  for worker in $left; do
    net=/proc/${worker%:*}/net
    cat "$net/tcp" 2>/dev/null || continue
    cat "$net/tcp6" 2>/dev/null
    return
  done
}

# Through a pipe, since a worker may have more sockets than fit into an argument.
connections() {
  [ -n "$left" ] && [ $# -gt 0 ] || { echo 0 && return; }
  { owners; tables; } | awk -v backends="$*" '
    BEGIN { n = split(backends, list, " "); for (i = 1; i <= n; i++) backend[list[i]] = 1 }
    $1 == "inode" { inode[$2] = 1; next }
    $1 == "uid" { uid[$2] = 1; next }
    $4 == "01" || $4 == "02" {
      port = $3; sub(/^.*:/, ":", port)
      if ((($3 in backend) || (port in backend)) && (($10 in inode) || ($8 in uid))) count++
    }
    END { print count + 0 }'
}
