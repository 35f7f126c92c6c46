# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC2086
# Telling everything about one nginx and its include. Changes nothing.

# Whether no switch is under way here. A run that undoes one because its deployer died has hidden files here from its
# stage to its end. What nginx refuses may be another service's, which is in the middle of a switch.
settled() { [ "$dump_status" = 0 ] && ! exists "$new" && ! exists "$part" && ! exists "$kept"; }

# Says, after the word $1, the state of file $2. Where it can be read, its text follows: each line between "= " and ".",
# the last one between "- " and "."; or its bytes, in lines that begin with a blank.
say_text() {
  while :; do
    case $text in
      *"$line_break"*) say "= ${text%%"$line_break"*}." && text=${text#*"$line_break"} ;;
      *) say "- $text." && return ;;
    esac
  done
}

read_out() {
  if [ -f "$2" ]; then
    if [ -r "$2" ]; then
      say "$1 file"
      if read_short "$2"; then say_text; else od -An -v -tx1 <"$2"; fi
    else
      say "$1 unreadable"
    fi
  elif exists "$2"; then
    say "$1 other"
  else
    say "$1 missing"
  fi
}

# Whether something is mounted on a file that is to be replaced. A host with many containers has a long list of mounts,
# and `read` would ask the kernel for each byte of it.
covered() {
  awk '
    BEGIN { path = ARGV[2]; gone = ARGV[3]; ARGC = 2 }
    $5 == path || $5 == gone { found = 1; exit }
    END { exit !found }' "$proc/self/mountinfo" "$path" "$gone"
}

# Prints the file $1 as a dump would. Keys and certificates are no configuration.
as_dumped() {
  first_line=''
  IFS= read -r first_line <"$1"
  case $first_line in *-----BEGIN*) return ;; esac
  printf '# configuration file %s:\n' "$1"
  cat -- "$1"
  echo
}

# Prints what a dump would have, as far as the files lie beside the main one $1.
beside_main() {
  as_dumped "$1"
  $bounded find -L "${1%/*}/" -maxdepth 4 -type f -size -500k ! -name '.*' 2>/dev/null | sort | head -n 1000 |
    while IFS= read -r file; do
      [ ! -r "$file" ] || as_dumped "$file"
    done
}

look() {
  say bgdeploy
  words=''
  find_files
  case $path in *"$line_break"*) fail 'the path of the include has a line break in it' ;; esac
  [ -z "$container" ] || say "inside $container_pid $container_network $container_address"
  find_nginx
  say "pid_file $pid_file"
  [ -z "$container" ] || say "container $container_state"
  if ! settled && find_master && lock -s && [ "$dump_status" != 0 ]; then
    find_nginx
  fi

  if [ -n "$to_0" ]; then
    for site in "$from_0" "$to_0" "$from_1" "$to_1"; do
      say "site_path $site"
      read_out site "$site"
    done
  fi
  find_live_site
  say "path $path"
  read_out file "$path"
  for leftover in "$new" "$part" "$kept"; do
    [ ! -e "$leftover" ] || say "leftover ${leftover##*.}"
  done

  find_user
  name=root
  [ "$user" = 0 ] || name=$(id -un 2>/dev/null)
  say "user $user $name"

  if find_master; then
    await_one_master
    sort_workers
    say "master $master"
    say "masters$masters"
    say "leaving$leaving"
    ! reload_pending || say reload_pending
  fi

  if [ ! -d "$folder" ]; then
    say folder missing
  elif [ ! -w "$folder" ]; then
    say folder unwritable
  elif covered 2>/dev/null; then
    say folder mounted
  elif [ "$user" = 0 ] && [ -e "$path" ] && [ ! -w "$path" ]; then
    say folder immutable
  else
    say folder writable
  fi

  say "test $dump_status"
  # nginx dumps only a correct configuration.
  if [ "$dump_status" = 0 ]; then
    included=no
    ! reads_include "$dump" || included=yes
    say "included $included"
    [ -z "$read_as" ] || say "read_as $read_as"
  else
    details "$dump"
    main=''
    [ -z "$conf" ] || main=$(under_prefix "$conf")
    if [ -z "$container" ] && [ -n "${main%/*}" ] && [ -f "$main" ] && [ -r "$main" ]; then
      say partial
      dump=$(beside_main "$main" 2>/dev/null | head -c "$((most_bytes + 1))")
    else
      dump=''
    fi
  fi
  # It tells where the sites send requests, and may hold secrets, so users never see it.
  [ "${#dump}" -le "$most_bytes" ] || { say dump_too_long && dump=''; }
  say dump
  say "$dump"
  say end
}
