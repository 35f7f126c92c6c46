# shellcheck shell=sh
# The files that a switch changes, and the hidden ones beside them.

# The path $1 with the home of the user that logged in for ~, also under sudo and without $HOME.
at_home() {
  case $1 in
    \~/*) ;;
    *) printf '%s' "$1" && return ;;
  esac
  home=$HOME account=''
  [ -n "$home" ] || account=$(id -un)
  find_user
  if [ "$user" = 0 ] && [ "${SUDO_USER:-root}" != root ]; then account=$SUDO_USER; fi
  if [ -n "$account" ]; then
    home=$({ getent passwd "$account" || grep "^$account:" /etc/passwd; } 2>/dev/null | head -n 1 | cut -d: -f6)
  fi
  printf '%s/%s' "${home%/}" "${1#??}"
}

# Whether the path $1 is the one that `readlink -f` would print: no part of it is a symlink.
is_real() {
  case $1/ in [!/]* | *//* | */./* | */../*) return 1 ;; esac
  way=$1
  while [ -n "$way" ]; do
    [ ! -L "$way" ] || return 1
    way=${way%/*}
  done
}

# Follows symlinks, since a rename over one would replace it.
find_include() {
  path=$include
  if [ -n "$container" ]; then
    find_mount "$include" || fail "$container has no folder of this host mounted where $include is: mount its folder"
    [ "${mounted%/}" != "$include" ] || refuse_single_file "$include"
    path=$(from_container "$include")
  fi
  named=$path
  is_real "$path" || { real=$(readlink -f -- "$path" 2>/dev/null) && [ -n "$real" ] && path=$real; }
  folder=${path%/*}
  [ -n "$folder" ] || folder=/
  hidden=${path%/*}/.${path##*/}.bgdeploy
  [ -z "$container" ] || [ ! -d "$folder" ] || follow_mount
}

# Follows no symlinks: the switch places and removes a site's link itself.
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

# Sets `path`, the live file; `named`, its path before symlinks were followed; `gone`, the other slot's site where that
# has a path of its own; `from`, the file that a site is copied from. Beside them, under names that no glob matches:
# `new`, the next live file; `kept`, the files as they were (backup.sh), from before the first change until the switch
# is accepted; `part`, anything half made or half removed.
find_files() {
  gone='' from=''
  [ -z "$container" ] || inspect_container
  if [ -n "$to_0" ]; then find_sites; else find_include; fi
  new=$hidden.new kept=$hidden.before part=$hidden.part
}
