# shellcheck shell=sh
# nginx's dump of its configuration (`nginx -T`).

# Whether the dump $1 has the live file, under whatever name: sets `read_as` to that name.
reads_include() {
  for read_as in "$include" "$path"; do
    case "$line_break$1" in *"$line_break# configuration file $read_as:$line_break"*) return 0 ;; esac
  done
  files=$(printf '%s\n' "$1" | sed -n 's/^# configuration file \(.*\):$/\1/p')
  target=$(readlink -f -- "$path" 2>/dev/null)
  while read -r read_as; do
    [ "$(readlink -f -- "$(from_container "$read_as")" 2>/dev/null)" != "$target" ] || return 0
  done <<END
$files
END
  read_as=''
  return 1
}

# A longer one would not get through whole.
most_bytes=5000000
