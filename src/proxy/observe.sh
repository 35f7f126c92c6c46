# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154
# Everything there is to know about one nginx and its include, changing nothing.
say bgdeploy
find_include
case $path in *"
"*) say 'failed refused the path of the include has a line break in it' && exit 1 ;; esac
say "path $path"
find_nginx
say "pid_file $pid_file"
# Whoever is in the middle of a switch, or undoes one because its deployer died, is waited for.
if [ -n "$pid_file" ] && lock -s && [ "$dump_status" != 0 ]; then
  find_nginx
fi

if [ -f "$path" ]; then
  if [ -r "$path" ]; then
    say state file
    say "content $(od -An -v -tx1 <"$path" | tr -d ' \n')"
  else
    say state unreadable
  fi
elif [ -e "$path" ]; then
  say state other
else
  say state missing
fi
for leftover in "$new" "$old" "$absent"; do
  [ ! -e "$leftover" ] || say "leftover ${leftover##*.}"
done

user=$(id -u)
say "user $user $(id -un 2>/dev/null)"
if [ ! -d "$folder" ]; then
  say folder missing
elif [ ! -w "$folder" ]; then
  say folder unwritable
elif grep -F " $path " /proc/self/mountinfo 2>/dev/null | while read -r _ _ _ _ point _; do
  [ "$point" = "$path" ] && echo yes
done | grep -q yes; then
  say folder mounted
elif [ "$user" = 0 ] && [ -e "$path" ] && [ ! -w "$path" ]; then
  say folder immutable
else
  say folder writable
fi

if find_master; then
  workers
  say "master $master"
  say "leaving$leaving"
fi

# Only a configuration that is right is dumped.
if [ "$dump_status" = 0 ]; then
  included=no
  ! reads_include "$dump" || included=yes
  say "included $included"
else
  details "$dump"
fi
say "test $dump_status"
say end
