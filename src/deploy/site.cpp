#include "bgdeploy/deploy/site.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/proxy/kinds.hpp"
#include "lock/leases.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

using Slots = std::array<plan::Routing, 2>;

Result<Slots> slots_of(const spec::Spec& spec, const plan::Places& places, std::size_t proxy) {
  Slots slots;
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    BGDEPLOY_ASSIGN(slots[slot], plan::routing_to(spec, places, proxy, slot, ""));
  }
  return slots;
}

// `proxy: none`: where the nginx is, only the user knows. Without an `address` it is taken for each app
// host's own.
Slots listed(const spec::Spec& spec) {
  Slots slots;
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    const auto port = std::to_string(spec.slots[slot].port);
    for (const spec::Host& app : spec.app_hosts)
      if (app.address) slots[slot].push_back({app.name, *app.address, port, "", spec.slots[slot].name, ""});
    if (slots[slot].empty())
      slots[slot].push_back({"", plan::address_of(spec, {}, 0), port, "", spec.slots[slot].name, ""});
  }
  return slots;
}

Result<void> put_on(const Context& context, const Fleet& fleet, const proxy::SiteWish& wish, bool force,
                    std::vector<SiteWritten>& written, const Wait& wait) {
  const spec::Spec& spec = context.spec;
  const std::size_t count = spec::proxies(spec).size();
  std::vector<std::unique_ptr<proxy::SiteTransaction>> transactions;
  std::vector<Slots> slots;
  for (std::size_t i = 0; i < count; ++i) {
    BGDEPLOY_ASSIGN(slots.emplace_back(), slots_of(spec, fleet.places(), i));
    BGDEPLOY_ASSIGN(transactions.emplace_back(),
                    proxy::stage_site(fleet.proxy(i), spec, slots[i], wish, force, wait));
  }
  std::size_t committed = 0;
  const auto done = [&]() -> Result<void> {
    for (; committed < count; ++committed) BGDEPLOY_TRY(transactions[committed]->commit(wait));
    // Whether a deploy would go on from here.
    for (std::size_t i = 0; i < count; ++i) {
      const auto proxy = proxy::proxy_on(fleet.proxy(i), spec);
      BGDEPLOY_TRY(proxy->observe(slots[i], wait));
      BGDEPLOY_TRY(proxy->check(wait));
    }
    return {};
  }();
  if (!done) {
    core::Error error = done.error();
    // An undo does not depend on what is left of a deadline, or on a signal.
    for (const Wait undo = deadlines::within(context.clock, deadlines::k_switch); committed > 0; --committed)
      if (const auto back = transactions[committed - 1]->restore(undo); !back) {
        error.kind = ErrorKind::inconsistent;
        error.details.push_back(
            fmt::format("{}: {}", fleet.proxy(committed - 1).name(), back.error().message));
      }
    return std::unexpected(std::move(error));
  }
  // From here on the files stay everywhere, whatever a signal or one of the proxies says.
  const Wait through = deadlines::within(context.clock, deadlines::k_switch);
  Result<void> accepted;
  for (std::size_t i = 0; i < count; ++i) {
    if (auto one = transactions[i]->accept(through); !one) accepted = std::move(one);
    written.push_back({fleet.proxy(i).name(), transactions[i]->names(), transactions[i]->parts()});
  }
  return accepted;
}

Result<void> need_requests(const spec::Spec& spec) {
  if (!spec::is_worker(spec)) return {};
  return core::fail(ErrorKind::usage,
                    fmt::format("{} is a worker: it serves no requests, so it has no site", spec.service));
}

}  // namespace

Result<std::vector<proxy::SitePart>> site_text(const spec::Spec& spec, const proxy::SiteWish& wish) {
  BGDEPLOY_TRY(need_requests(spec));
  if (!plan::proxy_kind(spec).can.be_switched) return proxy::site_parts(spec, listed(spec), wish);
  plan::Places places;
  for (std::size_t i = 0; i < spec.app_hosts.size() && !spec.proxy_hosts.empty(); ++i)
    places.at(i).address = spec.app_hosts[i].name;
  BGDEPLOY_ASSIGN(const Slots slots, slots_of(spec, places, 0));
  BGDEPLOY_ASSIGN(auto parts, proxy::site_parts(spec, slots, wish));
  // A name without a dot may be an alias of ~/.ssh/config.
  const bool aliased = !spec.proxy_hosts.empty() && std::ranges::any_of(spec.app_hosts, [](const auto& app) {
    return !app.address && app.name.find_first_of(".:") == std::string::npos;
  });
  for (proxy::SitePart& part : parts)
    if (aliased && part.kind != proxy::SitePart::Kind::site)
      part.text.insert(
          0,
          "# The hosts are named as in the spec, and nginx knows nothing of aliases in ~/.ssh/config.\n"
          "# `bgdeploy site --write` writes the addresses that SSH reaches.\n");
  return parts;
}

Result<std::vector<SiteWritten>> write_site(const Context& context, const proxy::SiteWish& wish, bool force) {
  const spec::Spec& spec = context.spec;
  BGDEPLOY_TRY(need_requests(spec));
  if (!plan::proxy_kind(spec).can.be_switched)
    return core::fail(ErrorKind::usage, "with `proxy: none` only you know where nginx is", {},
                      "put what `bgdeploy site` prints there");
  const Wait wait = deadlines::within(context.clock, deadlines::k_prepare, context.stop);
  BGDEPLOY_ASSIGN(const Fleet fleet, Fleet::connect(spec, wait));
  std::vector<SiteWritten> written;
  BGDEPLOY_TRY(under_lock(context, fleet, "site", wait, [&](const Wait& held) {
    return put_on(context, fleet, wish, force, written, held);
  }));
  return written;
}

}  // namespace bgdeploy::deploy
