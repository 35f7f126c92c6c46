#include "target.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>

#include <charconv>
#include <memory>

namespace bgload {
namespace {

std::uint32_t host_order(const sockaddr* address) {
  return ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr);
}

bool is_loopback(std::uint32_t address) {
  return address >> 24 == 127;
}

bool is_lab(std::uint32_t address) {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return false;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(raw, ::freeifaddrs);
  for (const auto* each = list.get(); each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_netmask == nullptr || each->ifa_addr->sa_family != AF_INET)
      continue;
    if (!std::string_view(each->ifa_name).starts_with("bglab")) continue;
    const auto mask = host_order(each->ifa_netmask);
    if ((host_order(each->ifa_addr) & mask) == (address & mask)) return true;
  }
  return false;
}

}  // namespace

std::expected<Target, std::string> parse_target(std::string_view url) {
  constexpr std::string_view k_plain = "http://", k_tls = "https://";
  Target target;
  target.tls = url.starts_with(k_tls);
  if (!target.tls && !url.starts_with(k_plain)) return std::unexpected("the url must start with http[s]://");
  url.remove_prefix(target.tls ? k_tls.size() : k_plain.size());
  const auto authority = url.substr(0, url.find('/'));
  target.host = authority;
  target.path = authority.size() == url.size() ? "/" : url.substr(authority.size());

  const auto colon = authority.find(':');
  std::uint16_t port = target.tls ? 443 : 80;
  if (colon != std::string_view::npos) {
    const auto text = authority.substr(colon + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size()) return std::unexpected("no port number");
  }
  target.address.sin_family = AF_INET;
  target.address.sin_port = htons(port);
  const std::string host(authority.substr(0, colon));
  if (::inet_pton(AF_INET, host.c_str(), &target.address.sin_addr) != 1)
    return std::unexpected("the host must be a numeric IPv4 address");
  const auto number = ntohl(target.address.sin_addr.s_addr);
  if (!is_loopback(number) && !is_lab(number))
    return std::unexpected("only loopback and the addresses of a lab of this machine are accepted");
  return target;
}

}  // namespace bgload
