# shellcheck shell=sh
# shellcheck disable=SC3013
# The backup of the live files: `kept` is a further name of the only one, or a folder that holds them.

# Gives the entry $1 the further name $2, or copies it where a hard link is impossible.
keep_entry() {
  { [ ! -L "$1" ] && ln -- "$1" "$2" 2>/dev/null; } || cp -pP -- "$1" "$2"
}

# Sets `saved`, where `kept` has the entry $1.
find_saved() {
  saved=$kept
  [ ! -d "$kept" ] || saved=$kept/${1##*/}
}

# Everything old is back before anything new goes, since others may reload at any time. A new file that replaced nothing
# is kept as `new`.
put_back() {
  [ -d "$kept" ] || gone=''
  for entry in "$path" "$gone"; do
    find_saved "$entry"
    [ -n "$entry" ] && exists "$saved" || continue
    [ -L "$saved" ] || ! [ "$saved" -ef "$entry" ] || [ -L "$entry" ] || continue
    rm -rf -- "$part" && keep_entry "$saved" "$part" && mv -f -- "$part" "$entry" || return 1
  done
  for entry in "$path" "$gone"; do
    find_saved "$entry"
    [ -n "$entry" ] && exists "$entry" && ! exists "$saved" || continue
    mv -f -- "$entry" "$new" || return 1
  done
}

# Removes the backup and everything else that is hidden.
forget() {
  [ -n "$hidden" ] || return 0
  for entry in "$new" "$part"; do ! exists "$entry" || rm -rf -- "$entry" || return 1; done
  exists "$kept" || return 0
  if [ -d "$kept" ]; then mv -- "$kept" "$part" && rm -rf -- "$part"; else rm -f -- "$kept"; fi
}
