// Looking at a container, and at the ports of its host, after something went wrong.
#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/host/listening.hpp"
#include "engine_containers.hpp"
#include "listening.hpp"

namespace bgdeploy::runtime {
namespace {

constexpr core::Duration k_looking = std::chrono::seconds(5);

}  // namespace

// users:(("python3",pid=4624,fd=3),("python3",pid=4625,fd=3))
std::string parse_listener(std::string_view ss) {
  constexpr std::string_view k_users = "users:((\"", k_pid = "\",pid=";
  const auto begin = ss.find(k_users);
  if (begin == std::string_view::npos) return {};
  ss.remove_prefix(begin + k_users.size());
  const auto end = ss.find(k_pid);
  if (end == std::string_view::npos) return {};
  const auto pid = core::leading_number<int>(ss.substr(end + k_pid.size()));
  return pid ? fmt::format("{} (pid {})", core::printable(ss.substr(0, end)), *pid) : std::string();
}

// The host sees the container's network below its first process, whatever the image holds. Where the login
// may not (hidepid), the image itself may be able to.
Clues EngineContainers::clues(const std::string& id, const Wait& wait) {
  const Wait looking = wait.at_most(k_looking);
  Clues clues;
  const auto container = m_on.client->inspect_container(id, looking);
  if (!container) return clues;
  clues.on_host_network = container->network_mode == "host";
  if (container->memory_limit > 0) clues.memory_limit = container->memory_limit;
  if (container->pid > 0) {
    const std::string folder = fmt::format("/proc/{}/net/", container->pid);
    const auto read =
        m_on.host.run({{"cat", folder + "tcp", folder + "tcp6"}, host::Tool::other, {}}, looking);
    if (read) clues.listening = host::parse_listening(read->out);
  }
  if (container->running && !clues.listening) {
    std::string text;
    const auto take = [&](bool is_stderr, std::string_view piece) {
      if (!is_stderr) text += piece;
    };
    const auto read =
        m_on.client->exec(id, {"cat", "/proc/net/tcp", "/proc/net/tcp6"}, nullptr, take, looking);
    if (read) clues.listening = host::parse_listening(text);
  }
  const auto image = m_on.client->inspect_image(container->image_id, looking);
  const auto engine = m_on.client->info(looking);
  if (image && engine && !image->architecture.empty() && !engine->architecture.empty() &&
      image->architecture != engine->architecture) {
    clues.image_architecture = core::printable(image->architecture);
    clues.host_architecture = core::printable(engine->architecture);
  }
  return clues;
}

std::optional<std::string> EngineContainers::listener_on(int port, const Wait& wait) {
  constexpr const char* k_script =
      R"(PATH=$PATH:/usr/sbin:/sbin; cat /proc/net/tcp /proc/net/tcp6 2>/dev/null; ss -Hltnp "sport = :$1")";
  const auto output = m_on.host.run(
      {{"sh", "-c", k_script, "sh", std::to_string(port)}, host::Tool::other, {}}, wait.at_most(k_looking));
  if (!output) return "";
  const auto listening = host::parse_listening(output->out);
  const auto here = [&](const host::TcpEndpoint& socket) { return socket.port == port; };
  if (listening && std::ranges::none_of(*listening, here)) return std::nullopt;
  return parse_listener(output->out);
}

}  // namespace bgdeploy::runtime
