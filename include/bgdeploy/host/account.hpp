// Which account a script runs as, found without a process where that is possible.
#pragma once

#include <string_view>

namespace bgdeploy::host {

// Functions for the beginning of a script. `find_uid` sets `uid`, the user in whose name it works (proc(5):
// "Uid:" has the real one, then the effective one). `find_home` sets `home`, as the account has it: systemd
// and cron set no $HOME.
inline constexpr std::string_view k_account = R"sh(
find_uid() {
  uid=
  { while read -r key value uid rest && [ "$key" != Uid: ]; do :; done </proc/self/status; } 2>/dev/null
  [ -n "$uid" ] || uid=$(id -u)
}
find_home() {
  find_uid
  home=
  { while IFS=: read -r name password number group words home shell && [ "$number" != "$uid" ]; do home=; done \
    </etc/passwd; } 2>/dev/null
  # A last line without its end is read, and whoever it is of.
  [ "$number" = "$uid" ] || home=
  [ -n "$home" ] || IFS=: read -r name password number group words home shell <<END
$(getent passwd "$uid" 2>/dev/null)
END
  home=${home:-$HOME}
}
)sh";

// ~ is the home of whoever logs in, also where commands run through sudo: then what belongs there is done as
// that user, so that no folder of root's appears in it. It is the home that the account has, since $HOME is
// not set by systemd and cron. Arguments: SCRIPT DIR …
inline constexpr std::string_view k_as_login_user = R"sh(
script=$1; shift
case $1 in '~' | '~/'*)
  if [ "${SUDO_USER:-root}" != root ] && [ "$(id -u)" = 0 ]; then
    exec sudo -n -H -u "$SUDO_USER" -- sh -c "$script" bgdeploy "$@"
  fi ;;
esac
eval "$script"
)sh";

}  // namespace bgdeploy::host
