# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154
# Tells everything about one nginx and its include, and changes nothing.
. ./parts/base.sh
. ./parts/process.sh
. ./parts/command.sh
. ./parts/configuration.sh
. ./parts/master.sh
. ./parts/upgrade.sh
. ./parts/lock.sh
. ./parts/container.sh
. ./parts/files.sh
. ./parts/live_file.sh
. ./parts/text.sh
. ./parts/dump.sh
. ./parts/look.sh

look
