// Where the slots' ports are published, from what was observed.
#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/spec/address.hpp"

namespace bgdeploy::plan {
namespace {

// Of several addresses the one that most others reach; "" for all of them.
std::optional<std::string> address_of(const Container& container, int port) {
  const auto rank = [](const Published& one) {
    return spec::is_wildcard(one.ip) ? 2 : spec::is_loopback(one.ip) ? 0 : 1;
  };
  const Published* best = nullptr;
  for (const Published& one : container.published)
    if (one.holds(port) && (best == nullptr || rank(one) > rank(*best))) best = &one;
  if (best == nullptr) return std::nullopt;
  return spec::is_wildcard(best->ip) ? std::string() : best->ip;
}

}  // namespace

std::vector<std::array<std::optional<std::string>, 2>> published_at(const spec::Spec& spec,
                                                                    const State& state,
                                                                    const Request& request) {
  const auto live = live_slot(spec, state).value_or(std::nullopt);
  std::vector<std::array<std::optional<std::string>, 2>> at(state.app_hosts.size());
  for (std::size_t host = 0; host < at.size(); ++host)
    for (std::size_t slot = 0; slot < at[host].size(); ++slot) {
      const SlotState& seen = state.app_hosts[host].slots[slot];
      const Container* there = occupant(seen);
      if (there == nullptr && seen.aside) there = &*seen.aside;
      const bool stays = slot == live || takes_up(state, host, slot, request);
      at[host][slot] =
          there != nullptr && stays ? address_of(*there, spec.slots[slot].port) : seen.will_publish;
    }
  return at;
}

std::optional<core::Error> unreachable_from_container(const spec::Spec& spec, const Backend& backend,
                                                      const std::string& ip,
                                                      const std::vector<std::string>& networks) {
  return proxy_kind(spec).unreachable(spec, backend, ip, networks);
}

}  // namespace bgdeploy::plan
