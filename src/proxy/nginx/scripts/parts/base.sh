# shellcheck shell=sh
# What every script begins with. POSIX sh (dash, bash, busybox ash). The sender puts the settings before this text, one
# `name=value` a line (proxy/script.cpp): `proc`, the path of /proc; `include`, or `from_0 to_0 from_1 to_1` (whole
# sites, by slot), or both empty; `container` (with `inspect_command logs_command`) where nginx runs in one;
# `test_command dump_command version_command reload_command by_signal globals prefix conf pid_file upgrade_patience`;
# `looks` for a switch, `keep` to recover, `old_workers drain_for backends` to drain. The sender quotes the words of
# commands; nothing that comes from this host is ever evaluated.
#
# A line to the sender begins with a word of the protocol; foreign text always stands behind "detail".
#
# Loops read `proc` with builtins, because a fork per poll costs more than the poll. For the same reason a command runs
# only where no builtin does: on a small host each costs more than all that the shell does itself.
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
unset -v CDPATH TMOUT
tick=0.01
line_break='
'

say() { printf '%s\n' "$*"; }

# Waits for $1 seconds.
nap() { sleep "$1" 2>/dev/null || { tick=1 && sleep 1; }; }
pause() { nap "$tick"; }

# Sets `now`: hundredths of a second since the machine began, the unit in which the kernel tells a process's start.
read_clock() {
  read -r now idle_time <"$proc/uptime"
  now=${now%.*}${now#*.}
}
