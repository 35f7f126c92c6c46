# shellcheck shell=sh
# shellcheck disable=SC3013
# The backup of the live files, which `kept` holds.

# Gives the entry $1 the further name $2, or copies it where a hard link is impossible.
keep_entry() {
  { [ ! -L "$1" ] && ln -- "$1" "$2" 2>/dev/null; } || cp -pP -- "$1" "$2"
}

# Everything old is back before anything new goes, since others may reload at any time. A new file that replaced nothing
# is kept as `new`.
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

# Removes the backup and everything else that is hidden.
forget() {
  [ -n "$hidden" ] || return 0
  for entry in "$new" "$part"; do ! exists "$entry" || rm -rf -- "$entry" || return 1; done
  [ ! -e "$kept" ] || { mv -- "$kept" "$part" && rm -rf -- "$part"; }
}
