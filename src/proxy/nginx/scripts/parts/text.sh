# shellcheck shell=sh
# shellcheck disable=SC2034
# The text of files, without a process where they are short.

# Sets `text` to that of the file $1, or fails where it is long: `read` asks the kernel for each byte, so a process is
# cheaper then. A byte 0 is lost, as everywhere in a shell.
read_short() {
  text='' line=''
  while IFS= read -r line; do
    text=$text$line$line_break
    [ ${#text} -lt 10000 ] || return 1
  done <"$1"
  text=$text$line
}
