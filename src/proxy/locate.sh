# shellcheck shell=sh
# shellcheck disable=SC2154
# Where the live file is, and nothing else.
say bgdeploy
words=''
find_files
say "folder $folder"
say end
