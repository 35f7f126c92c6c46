# shellcheck shell=sh
# shellcheck disable=SC2015
# Waiting for workers that only finish their connections.

# Waits until the workers in $1 are gone, at most $2 hundredths of a second. Sets `left`.
await_gone() {
  waited_for=$1
  read_clock
  began=$now limit=$((now + $2))
  while :; do
    left=''
    for worker in $waited_for; do alive "$worker" && left="$left $worker"; done
    read_clock
    [ -n "$left" ] && [ "$now" -lt "$limit" ] || break
    # Who waits for a second does not mind a tenth.
    if [ $((now - began)) -lt 100 ]; then pause; else nap 0.1; fi
  done
}

# The sockets of the remaining workers, a line each. The descriptors of another user cannot be read: then every socket
# of that user counts.
owners() {
  for worker in $left; do
    pid=${worker%:*}
    if [ -r "$proc/$pid/fd" ] && sockets=$(ls -l "$proc/$pid/fd" 2>/dev/null); then
      printf '%s\n' "$sockets" | sed -n 's/.*socket:\[\([0-9]*\)\]$/inode \1/p'
    else
      stat -c 'uid %u' "$proc/$pid" 2>/dev/null
    fi
  done
}

# All connections that the workers see: they share one network. A worker may end while its table is read.
tables() {
  for worker in $left; do
    net=$proc/${worker%:*}/net
    cat "$net/tcp" 2>/dev/null || continue
    cat "$net/tcp6" 2>/dev/null
    return
  done
}

# Uses a pipe, since a worker may have more sockets than fit into an argument.
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

# Counts the connections that the remaining workers have to the backends in the arguments: HEXADDRESS:HEXPORT as in
# /proc/net/tcp, or :HEXPORT for any address.
say_drained() {
  say "left$left"
  say "drained $(connections "$@")"
}
