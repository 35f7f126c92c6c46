# shellcheck shell=sh
# Running commands of this host, and failing with their words.

# No command of this machine may keep us waiting for ever.
bounded=
command -v timeout >/dev/null 2>&1 && bounded='timeout 60 '

details() {
  [ -z "$1" ] || printf '%s\n' "$1" | head -n 60 | sed 's/^/detail /'
}

fail() {
  details "$words"
  say "failed refused $1"
  exit 1
}

# A daemon would keep our lock (9) and the protocol's stdin (3), so what we start gets neither.
run() { eval "$bounded$1" </dev/null 2>&1 3<&- 9<&-; }

exists() { [ -e "$1" ] || [ -L "$1" ]; }

# Sets `user`, the user that this script runs as. (proc(5): "Uid:" has the real one, then the effective one)
find_user() {
  user=''
  { while read -r key value user rest && [ "$key" != Uid: ]; do :; done <"$proc/self/status"; } 2>/dev/null
  [ -n "$user" ] || user=$(id -u)
}
