#!/usr/bin/env bash
# The script that bgdeploy is measured against: what one writes by hand for a blue-green deploy of a container
# behind nginx, made fast where that is easy. One ssh ControlMaster connection, the docker command line, the
# same steps in the same order as bgdeploy, and as few remote commands as they allow. It is not made safe: no
# lock, no way back after the switch, no answer to a lost connection or to a proxy that names neither slot.
#
#   deploy.sh TAG
#
# Settings come from the environment: TARGET ([user@]host), IDENTITY_FILE, KNOWN_HOSTS, CONTROL (path of the
# control socket), IMAGE, SERVICE, INCLUDE, NGINX_PID, BLUE and GREEN (ports). SSH_OPTIONS: more words for ssh.
# On stderr: "phase NAME MICROSECONDS-SINCE-THE-EPOCH" at the beginning of each phase, for the benchmark.
set -euo pipefail

tag=$1
# shellcheck disable=SC2206
ssh_options=(-S "$CONTROL" -i "$IDENTITY_FILE" -o IdentitiesOnly=yes -o BatchMode=yes
  -o "UserKnownHostsFile=$KNOWN_HOSTS" -o StrictHostKeyChecking=yes ${SSH_OPTIONS:-})

phase() { printf 'phase %s %s\n' "$1" "${EPOCHREALTIME/./}" >&2; }
# shellcheck disable=SC2029
on_host() { ssh "${ssh_options[@]}" "$TARGET" "$1"; }

phase connect
ssh "${ssh_options[@]}" -M -f -N "$TARGET"
trap 'ssh "${ssh_options[@]}" -O exit "$TARGET" 2>/dev/null' EXIT

phase look
case $(on_host "cat $INCLUDE") in
  *":$BLUE;"*) live=blue idle=green port=$GREEN ;;
  *":$GREEN;"*) live=green idle=blue port=$BLUE ;;
  *) echo "$INCLUDE names neither slot" >&2 && exit 1 ;;
esac
old=$SERVICE-$live new=$SERVICE-$idle aside=$SERVICE-$idle-old

phase pull
on_host "docker pull -q $IMAGE:$tag" >/dev/null

# The older release stays until the new one serves, so that a failed deploy leaves the way back open.
phase start
on_host "docker rename $new $aside 2>/dev/null
  docker run -d --name $new --label service=$SERVICE --label slot=$idle --label tag=$tag \
    --restart unless-stopped --stop-timeout 10 -p 127.0.0.1:$port:8080 $IMAGE:$tag" >/dev/null

phase health
if ! on_host "i=0
  until curl -sf --max-time 1 http://127.0.0.1:$port/health | grep -q 'server is on'; do
    i=\$((i + 1))
    [ \$i -lt 150 ] || exit 1
    sleep 0.1
  done"; then
  on_host "docker logs --tail 50 $new; docker rm -f $new; docker rename $aside $new 2>/dev/null || true" >&2
  echo "$new did not become healthy" >&2
  exit 1
fi

# Ends when the workers that may still send to the old slot are gone: only then may it be stopped.
phase switch
on_host "set -e
  workers=\$(pgrep -P \$(cat $NGINX_PID))
  cp -p $INCLUDE $INCLUDE.old
  printf 'set \$service_url http://127.0.0.1:%s;\n' $port >$INCLUDE.new
  mv $INCLUDE.new $INCLUDE
  if ! nginx -t -q; then
    mv $INCLUDE.old $INCLUDE
    exit 1
  fi
  nginx -s reload
  rm $INCLUDE.old
  for worker in \$workers; do
    while [ -e /proc/\$worker ]; do sleep 0.01; done
  done"

phase retire
on_host "docker stop $old; docker rm $aside 2>/dev/null || true" >/dev/null
phase end
