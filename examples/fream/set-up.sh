#!/bin/sh
# Once, on the server: the network, the database and nginx. Needs MYSQL_ROOT_PASSWORD, MYSQL_USER and
# MYSQL_PASSWORD in the environment; `-e NAME` alone passes them on without showing them to `ps`.
set -eu
: "${MYSQL_ROOT_PASSWORD:?}" "${MYSQL_USER:?}" "${MYSQL_PASSWORD:?}"
export MYSQL_DATABASE="${MYSQL_DATABASE:-fream}"
conf=/home/fream/fream-conf

mkdir -p $conf/mysql/data $conf/mysql/conf.d $conf/nginx
cp nginx/default.conf nginx/service-url.inc $conf/nginx/
docker network inspect fream >/dev/null 2>&1 || docker network create fream

docker run -d --name fream-mysql --network fream --restart unless-stopped \
  -v $conf/mysql/conf.d:/etc/mysql/conf.d/ -v $conf/mysql/data:/var/lib/mysql/ -p 127.0.0.1:3306:3306 \
  -e TZ=Asia/Seoul -e MYSQL_ROOT_PASSWORD -e MYSQL_USER -e MYSQL_PASSWORD -e MYSQL_DATABASE \
  mysql:8 mysqld --default-authentication-plugin=mysql_native_password --ngram-token-size=2

docker run -d --name fream-nginx --network fream --restart unless-stopped \
  -v $conf/nginx:/etc/nginx/conf.d/ -p 18080:18080 -p 80:80 -e TZ=Asia/Seoul nginx:latest
