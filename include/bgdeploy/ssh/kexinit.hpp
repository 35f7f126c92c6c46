// What each side offers when a connection begins (RFC 4253 section 7.1), read from the bytes that were
// exchanged: libssh2 only says that nothing matched.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::ssh {

// In the order of the packet: key exchange, host key, ciphers, MACs and compressions to the host and from it.
struct Offer {
  std::array<std::vector<std::string>, 8> methods;
  bool operator==(const Offer&) const = default;
};

// From the beginning of what one side sent: lines, the last of which is its version, then the packet.
std::optional<Offer> parse_offer(std::string_view sent);

// A line for each kind of method of which the two have none in common.
std::vector<std::string> without_common_method(const Offer& ours, const Offer& theirs);

}  // namespace bgdeploy::ssh
