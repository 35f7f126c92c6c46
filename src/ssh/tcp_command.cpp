#include "bgdeploy/ssh/tcp_command.hpp"

namespace bgdeploy::ssh {
namespace {

// $1 address, $2 port. bash first: it is nearly everywhere, and its variants do not differ as those of nc do.
//
// Neither end may outlive the other, or the host would keep the process, and the application the connection,
// for ever. When stdin ends, because we closed it or our connection broke, the writer kills the reader of the
// socket. When the server closes, this shell ends, and sshd closes the writer's stdin. `wait` waits for the
// reader only, and the writer holds none of sshd's pipes but stdin.
constexpr const char* k_relay = R"(exec 4<&0
if command -v bash >/dev/null 2>&1; then
exec bash -c 'exec 3<>"/dev/tcp/$1/$2" || exit 1
cat <&3 4<&- & reader=$!
{ cat <&4 >&3; kill "$reader"; } </dev/null >/dev/null 2>&1 &
exec 3<&- 4<&-
wait "$reader"' relay "$1" "$2"
fi
command -v socat >/dev/null 2>&1 && exec socat -t 0.1 - "TCP:$1:$2"
command -v nc >/dev/null 2>&1 || exit 127
folder=$(mktemp -d) && mkfifo "$folder/in" || exit 1
nc "$1" "$2" <"$folder/in" 4<&- & reader=$!
exec 5>"$folder/in"
rm -r "$folder"
{ cat <&4 >&5; kill "$reader"; } </dev/null >/dev/null 2>&1 &
exec 4<&- 5>&-
wait "$reader")";

// $3 and $4: the exit codes for success and failure. nc ends when the server closes, so one that still runs
// has reached the server.
constexpr const char* k_probe = R"(if command -v bash >/dev/null 2>&1; then
bash -c 'exec 3<>"/dev/tcp/$1/$2"' probe "$1" "$2"
elif command -v socat >/dev/null 2>&1; then
socat -u OPEN:/dev/null "TCP:$1:$2"
elif command -v nc >/dev/null 2>&1; then
timeout 1 nc "$1" "$2" </dev/null >/dev/null
case $? in 0 | 124 | 143) ;; *) false ;; esac
else
exit 127
fi && exit "$3"
exit "$4")";

std::vector<std::string> command(const char* script, const TcpTarget& target) {
  return {"sh",
          "-c",
          script,
          "sh",
          target.address,
          std::to_string(target.port),
          std::to_string(k_tcp_reached),
          std::to_string(k_tcp_not_reached)};
}

}  // namespace

std::vector<std::string> tcp_command(const TcpTarget& target) {
  return command(k_relay, target);
}

std::vector<std::string> tcp_probe_command(const TcpTarget& target) {
  return command(k_probe, target);
}

}  // namespace bgdeploy::ssh
