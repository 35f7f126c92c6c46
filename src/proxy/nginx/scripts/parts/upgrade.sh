# shellcheck shell=sh
# An upgrade of nginx: two masters accept connections at once.

# Whether master $1 was told to quit: it has closed its sockets and waits for its workers. Only root and the owner of
# the process can see that.
has_quit() {
  descriptors=$(ls -l "$proc/$1/fd" 2>/dev/null) || return 1
  {
    printf '%s\n' "$descriptors" | sed -n 's/.*socket:\[\([0-9]*\)\]$/inode \1/p'
    cat "$proc/$1/net/tcp" "$proc/$1/net/tcp6" "$proc/$1/net/unix" 2>/dev/null
  } | awk '
    $1 == "inode" { own[$2] = 1 }
    ($4 == "0A" && ($10 in own)) || ($4 == "00010000" && ($7 in own)) { listens = 1 }
    END { exit listens }'
}

# Whether more than one master accepts, or may accept again. Sets `masters`.
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

# No switch is possible while there are two. An upgrade usually ends within moments. Begins with what find_master saw.
await_one_master() {
  masters=''
  read_clock
  limit=$((now + upgrade_patience))
  while upgrading; do
    read_clock
    [ "$now" -lt "$limit" ] || return 1
    pause
    find_master || return 0
  done
}
