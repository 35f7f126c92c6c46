# shellcheck shell=sh
# What nginx's configuration says in its main context, and what nginx was built with.

# The first argument of every directive $1 in the main context, a line each: of the `-g` globals, then of the
# configuration $2. That is a dump (`nginx -T`), whose files each follow a line with their name, or the main file alone.
# The main context is the main file outside of its blocks, and the files that it includes there. The words are cut as
# nginx cuts them (src/core/ngx_conf_file.c: ngx_conf_read_token). A Lua block has Lua's strings, comments and braces.
directive() {
  printf '%s\n' "$globals" "$2" | awk -v name="$1" '
    BEGIN {
      taken = 1
      closed["\""] = "^([^\"\\\\]|\\\\.)*\""
      closed["\047"] = "^([^\047\\\\]|\\\\.)*\047"
    }
    /^# configuration file .*:$/ {
      file = substr($0, 22, length($0) - 22)
      if (!files++) { folder = file; sub(/[^\/]*$/, "", folder); taken = 1 } else taken = included(file)
      words = depth = lua = 0
      quote = long = ""
      next
    }
    taken { read_line($0) }

    function read_line(rest,  first) {
      for (;;) {
        if (long != "") {
          if (!index(rest, long)) return
          rest = substr(rest, index(rest, long) + length(long))
          long = ""
        } else if (lua) {
          if (!match(rest, /[{}"\047]|--(\[=*\[)?|\[=*\[/)) return
          first = substr(rest, RSTART, RLENGTH)
          rest = substr(rest, RSTART + RLENGTH)
          if (first == "--") return
          if (first == "{") lua++
          else if (first == "}") lua--
          else if (first in closed) {
            if (!match(rest, closed[first])) return
            rest = substr(rest, RLENGTH + 1)
          } else {
            long = first
            sub(/^--/, "", long)
            gsub(/\[/, "]", long)
          }
        } else if (quote != "") {
          if (!match(rest, closed[quote])) { token = token rest "\n"; return }
          word[++words] = plain(token substr(rest, 1, RLENGTH - 1))
          rest = substr(rest, RLENGTH + 1)
          quote = ""
        } else {
          sub(/^[ \t\r]+/, "", rest)
          first = substr(rest, 1, 1)
          if (first == "" || first == "#") return
          if (index("\"\047;{}", first)) {
            rest = substr(rest, 2)
            if (first in closed) { quote = first; token = "" } else punctuate(first)
          } else {
            match(rest, /^([^ \t\r;{\\$]|\\.?|[$][{]?)+/)
            word[++words] = plain(substr(rest, 1, RLENGTH))
            rest = substr(rest, RLENGTH + 1)
          }
        }
      }
    }
    function punctuate(mark) {
      if (mark == "{" && word[1] ~ /lua_block$/) lua = 1
      else if (mark == "{") depth++
      else if (mark == "}" && depth > 0) depth--
      else if (mark == ";" && depth == 0 && words > 1) {
        if (word[1] == name) print word[2]
        if (word[1] == "include") patterns[++included_count] = as_regex(word[2])
      }
      words = 0
      word[1] = ""
    }
    function plain(text,  out, at, escaped) {
      while ((at = index(text, "\\")) && at < length(text)) {
        escaped = substr(text, at + 1, 1)
        out = out substr(text, 1, at - 1)
        if (escaped == "t") out = out "\t"
        else if (escaped == "r") out = out "\r"
        else if (escaped == "n") out = out "\n"
        else if (index("\"\047\\", escaped)) out = out escaped
        else out = out "\\" escaped
        text = substr(text, at + 2)
      }
      return out text
    }
    function as_regex(pattern,  out, at, mark) {
      if (pattern !~ /^\//) pattern = folder pattern
      for (at = 1; at <= length(pattern); at++) {
        mark = substr(pattern, at, 1)
        if (mark == "*") out = out "[^/]*"
        else if (mark == "?") out = out "[^/]"
        else if (mark == "!" && substr(pattern, at - 1, 1) == "[") out = out "^"
        else if (index(".^$+(){}|\\", mark)) out = out "\\" mark
        else out = out mark
      }
      return "^" out "$"
    }
    function included(file,  at) {
      for (at = 1; at <= included_count; at++) if (file ~ patterns[at]) return 1
      return 0
    }'
}

# The value of the build option $1. `nginx -V` quotes one that has a blank in it.
built_with() {
  run "$version_command" | sed -n -e "s/.* --$1='\\([^']*\\)'.*/\\1/p;t" -e "s/.* --$1=\\([^ ]*\\).*/\\1/p"
}

under_prefix() {
  case $1 in
    /*) printf '%s' "$1" ;;
    *)
      [ -n "$prefix" ] || prefix=$(built_with prefix)
      printf '%s/%s' "${prefix%/}" "$1"
      ;;
  esac
}

# Sets `pid_file` as the first lines of the dump $1 have it, before any block. Fails where it is not there, alone on its
# line, or the lines before it are not as plain: then `directive` knows.
plain_pid_file() {
  [ -z "$globals" ] || return 1
  top=${1#*"# configuration file "}
  top=${top#*"$line_break"}
  while read -r name value rest; do
    case $name$value$rest in
      '' | '#'*) continue ;;
      *[\'\"\\\$\#]* | *\;*\;* | *[!\;]) return 1 ;;
    esac
    [ "$name" = pid ] || continue
    pid_file=${value%;}
    [ -z "$rest" ] && [ -n "$pid_file" ]
    return
  done <<END
${top%%"{"*}
END
  return 1
}

# Tests and dumps the configuration, and finds the pid file of the nginx that reads it: a machine may have several.
# nginx does not dump a broken configuration; then the main file is read.
find_nginx() {
  dump=$(run "$dump_command")
  dump_status=$?
  # That one is found from the container's first process.
  [ -z "$container" ] || return 0
  text=$dump
  if [ "$dump_status" != 0 ]; then
    [ -n "$conf" ] || conf=$(built_with conf-path)
    text=$(cat -- "$(under_prefix "$conf")" 2>/dev/null)
  fi
  { [ "$dump_status" = 0 ] && plain_pid_file "$dump"; } || IFS= read -r pid_file <<END
$(directive pid "$text")
END
  [ -n "$pid_file" ] || pid_file=$(built_with pid-path)
  [ -z "$pid_file" ] || pid_file=$(under_prefix "$pid_file")
}
