#include "bgdeploy/ssh/kexinit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/ssh/wire.hpp"

namespace bgdeploy::ssh {
namespace {

constexpr std::uint8_t k_kexinit = 20;
constexpr std::size_t k_cookie = 16;
constexpr std::array<const char*, 8> k_kinds{"key exchange", "host key", "cipher",      "cipher",
                                             "MAC",          "MAC",      "compression", "compression"};

std::vector<std::string> split_names(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    names.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return names;
}

}  // namespace

std::optional<Offer> parse_offer(std::string_view sent) {
  for (bool version = false; !version;) {
    const auto end = sent.find('\n');
    if (end == std::string_view::npos) return {};
    version = sent.starts_with("SSH-");
    sent.remove_prefix(end + 1);
  }
  WireReader reader(sent);
  const auto length = reader.u32();
  const auto padding = reader.byte();
  if (!length || !padding || reader.byte() != k_kexinit || reader.rest().size() < k_cookie) return {};
  WireReader lists(reader.rest().substr(k_cookie));
  Offer offer;
  for (auto& names : offer.methods) {
    const auto list = lists.string();
    if (!list) return {};
    names = split_names(*list);
  }
  return offer;
}

std::vector<std::string> without_common_method(const Offer& ours, const Offer& theirs) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < k_kinds.size(); ++i) {
    const auto& own = ours.methods[i];
    const auto& other = theirs.methods[i];
    if (std::ranges::find_first_of(own, other) != own.end()) continue;
    auto line = fmt::format("no common {}: this build offers {}; the host offers {}", k_kinds[i],
                            fmt::join(own, ", "), core::printable(fmt::format("{}", fmt::join(other, ", "))));
    if (lines.empty() || lines.back() != line) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace bgdeploy::ssh
