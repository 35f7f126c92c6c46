// Looking at a container, and at the ports of its host, after something went wrong.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "engine_containers.hpp"
#include "listening.hpp"

namespace bgdeploy::runtime {
namespace {

constexpr core::Duration k_looking = std::chrono::seconds(5);
constexpr std::string_view k_listening = "0A";  // TCP_LISTEN, linux/include/net/tcp_states.h
constexpr std::string_view k_resolver = "127.0.0.11";

std::vector<std::string_view> words_in(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const auto begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    words.push_back(line.substr(0, line.find(' ')));
    line.remove_prefix(words.back().size());
  }
}

template <class Number>
std::optional<Number> hex_number(std::string_view digits) {
  Number value{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// The kernel prints an address in words of 32 bits, each as a number of its own byte order.
std::optional<std::string> kernel_address(std::string_view hex) {
  constexpr std::size_t k_word = 8, k_v4 = 8, k_v6 = 32;
  if (hex.size() != k_v4 && hex.size() != k_v6) return std::nullopt;
  std::array<std::uint32_t, 4> words{};
  for (std::size_t i = 0; i < hex.size() / k_word; ++i) {
    const auto word = hex_number<std::uint32_t>(hex.substr(i * k_word, k_word));
    if (!word) return std::nullopt;
    words.at(i) = *word;
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool mapped = hex.size() == k_v6 && words[0] == 0 && words[1] == 0 && words[2] == htonl(0xffff);
  if (hex.size() == k_v4 || mapped)
    inet_ntop(AF_INET, &words[mapped ? 3 : 0], text.data(), text.size());
  else
    inet_ntop(AF_INET6, words.data(), text.data(), text.size());
  return text.data();
}

}  // namespace

std::optional<std::vector<host::TcpEndpoint>> parse_listening(std::string_view proc_net_tcp) {
  std::optional<std::vector<host::TcpEndpoint>> found;
  for (const std::string& line : core::split_lines(proc_net_tcp)) {
    const auto words = words_in(line);
    if (words.size() < 4) continue;
    if (words[1] == "local_address" && !found) found.emplace();
    const auto colon = words[1].rfind(':');
    if (!found || words[3] != k_listening || colon == std::string_view::npos) continue;
    const auto address = kernel_address(words[1].substr(0, colon));
    const auto port = hex_number<int>(words[1].substr(colon + 1));
    if (!address || !port || *address == k_resolver) continue;
    const auto same = [&](const host::TcpEndpoint& one) {
      return one.address == *address && one.port == *port;
    };
    if (std::ranges::none_of(*found, same)) found->push_back({*address, *port});
  }
  return found;
}

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
    if (read) clues.listening = parse_listening(read->out);
  }
  if (container->running && !clues.listening) {
    std::string text;
    const auto take = [&](bool is_stderr, std::string_view piece) {
      if (!is_stderr) text += piece;
    };
    const auto read =
        m_on.client->exec(id, {"cat", "/proc/net/tcp", "/proc/net/tcp6"}, nullptr, take, looking);
    if (read) clues.listening = parse_listening(text);
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
  const auto listening = parse_listening(output->out);
  const auto here = [&](const host::TcpEndpoint& socket) { return socket.port == port; };
  if (listening && std::ranges::none_of(*listening, here)) return std::nullopt;
  return parse_listener(output->out);
}

}  // namespace bgdeploy::runtime
