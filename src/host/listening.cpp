#include "bgdeploy/host/listening.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::host {
namespace {

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

std::optional<std::vector<TcpEndpoint>> parse_listening(std::string_view proc_net_tcp) {
  std::optional<std::vector<TcpEndpoint>> found;
  for (const std::string& line : core::split_lines(proc_net_tcp)) {
    const auto words = words_in(line);
    if (words.size() < 4) continue;
    if (words[1] == "local_address" && !found) found.emplace();
    const auto colon = words[1].rfind(':');
    if (!found || words[3] != k_listening || colon == std::string_view::npos) continue;
    const auto address = kernel_address(words[1].substr(0, colon));
    const auto port = hex_number<int>(words[1].substr(colon + 1));
    if (!address || !port || *address == k_resolver) continue;
    const auto same = [&](const TcpEndpoint& one) { return one.address == *address && one.port == *port; };
    if (std::ranges::none_of(*found, same)) found->push_back({*address, *port});
  }
  return found;
}

}  // namespace bgdeploy::host
