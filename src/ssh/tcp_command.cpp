#include "bgdeploy/ssh/tcp_command.hpp"


namespace bgdeploy::ssh {
namespace {

// $1 address, $2 port. bash first: it is nearly everywhere, and its variants do not differ as those of nc do.
// The reader ends the whole when the server is done, even though stdin is still open then.
constexpr const char* k_relay = R"(if command -v bash >/dev/null 2>&1; then
exec bash -c 'exec 3<>"/dev/tcp/$1/$2" || exit 1
{ cat <&3; kill $$; } 2>/dev/null & exec 4<&0; cat <&4 >&3; wait' relay "$1" "$2"
fi
command -v nc >/dev/null 2>&1 && exec nc "$1" "$2"
command -v socat >/dev/null 2>&1 && exec socat - "TCP:$1:$2"
exit 127)";

// $3 and $4: the exit codes for success and failure
constexpr const char* k_probe = R"(if command -v bash >/dev/null 2>&1; then
bash -c 'exec 3<>"/dev/tcp/$1/$2"' probe "$1" "$2"
elif command -v nc >/dev/null 2>&1; then
nc -w 2 "$1" "$2" </dev/null >/dev/null
elif command -v socat >/dev/null 2>&1; then
socat -u OPEN:/dev/null "TCP:$1:$2"
else
exit 127
fi && exit "$3"
exit "$4")";

std::vector<std::string> command(const char* script, const TcpTarget& target) {
  return {"sh",           "-c", script, "sh", target.address, std::to_string(target.port), std::to_string(k_tcp_reached),
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
