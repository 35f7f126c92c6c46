# shellcheck shell=sh
# The container in which nginx runs, and its mounts.

# Sets `described` to what docker says of it (its state and first process, then two lines for each mount), and the
# variables `container_…`.
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

# Sets `source` and `mounted` to the deepest mount through which the container sees $1, a path of the container or, with
# `host` as $2, of this host.
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

# The path on this host of the container's file $1; $1 itself where no mount has it.
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

# Fails where the container does not see what is in the folder on this host.
follow_mount() {
  [ -n "$source" ] ||
    fail "$container has something mounted on $mounted that this host does not see: mount a folder there"
  mount_root=$(readlink -f -- "$source") && case $(readlink -f -- "$folder") in
    "$mount_root" | "${mount_root%/}"/*) ;;
    *) fail "$path is outside of $source, which is what $container sees: a symlink leads out of it" ;;
  esac
}
