// The script that looks at a host, and its answer.
#pragma once

#include <string_view>

namespace bgdeploy::deploy {

// Prints "NAME VALUE" lines, and changes nothing. Its variables: docker, nginx and everything (commands as
// the login is to run them, one a line), compose (a command), folder and history (of which it asks whether
// the login may write there), include, sources (files, one a line).
inline constexpr std::string_view k_facts_script = R"sh(
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export LC_ALL=C
say() { printf '%s\n' "$*"; }
ask() {
  fact=$1
  shift
  if "$@" >/dev/null 2>&1 </dev/null; then say "$fact yes"; else say "$fact no"; fi
}
at_home() { case $1 in '~/'*) printf '%s/%s' "${HOME%/}" "${1#??}" ;; *) printf '%s' "$1" ;; esac; }
say "login $(id -un)"
say "uid $(id -u)"
(
  . /etc/os-release 2>/dev/null
  say "system ${PRETTY_NAME:-an unknown system}"
  say "family ${ID:-} ${ID_LIKE:-}"
)
may_become_root() { [ "$(id -u)" = 0 ] || sudo -n -- sh -c :; }
ask root may_become_root
ask sudo_there command -v sudo
ask docker_there command -v docker
ask nginx_there command -v nginx
ask engine_runs test -S /var/run/docker.sock
in_group() { case " $(id -Gn) " in *" docker "*) ;; *) return 1 ;; esac; }
ask docker_group in_group
# Also a rule for other arguments makes sudo list something: only an allowed command makes it succeed.
all_work() {
  while IFS= read -r line; do
    [ -z "$line" ] || eval "$line" </dev/null || return 1
  done <<END
$1
END
}
[ -z "$docker" ] || ask docker_works all_work "$docker"
[ -z "$nginx" ] || ask nginx_works all_work "$nginx"
[ -z "$everything" ] || ask everything_works all_work "$everything"
[ -z "$compose" ] || ask compose_works all_work "$compose"
ask nginx_runs grep -qsx nginx /proc/[0-9]*/comm
can_write() {
  way=$(at_home "$1")
  while [ -n "$way" ] && [ ! -e "$way" ]; do way=${way%/*}; done
  [ -w "${way:-/}" ]
}
ask folder_there test -d "$(at_home "$folder")"
ask folder_writable test -w "$(at_home "$folder")"
ask history_writable can_write "$history"
has_sources() {
  while IFS= read -r source; do [ -f "$(at_home "$source")" ] || return 1; done <<END
$sources
END
}
[ -z "$sources" ] || ask sources_there has_sources
ask include_there test -e "$(at_home "$include")"
say end
)sh";

}  // namespace bgdeploy::deploy
