#include "observe/clients.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "parallel.hpp"

namespace bgdeploy::deploy {
namespace {

using core::Wait;
using namespace std::chrono_literals;

// A site for each customer is one site to us.
constexpr std::size_t k_most_sites = 8;
constexpr std::array<core::Duration, 4> k_pauses{100ms, 400ms, 1100ms, 1100ms};

// Where there is a name to ask for, it is asked wherever the proxy listens.
std::vector<plan::Front> sites_of(const plan::ProxyHost& proxy, const spec::Verify& verify) {
  std::vector<plan::Front> sites = proxy.fronts;
  if (sites.empty() && verify.host) sites.push_back({.address = "127.0.0.1", .host = *verify.host});
  std::vector<plan::Front> once;
  for (plan::Front& site : sites) {
    if (verify.host) site.host = *verify.host;
    if (std::ranges::find(once, site) == once.end() && once.size() < k_most_sites)
      once.push_back(std::move(site));
  }
  return once;
}

std::string words(const spec::Spec& spec, const World& world, std::size_t proxy, const Asked& asked) {
  const plan::Front& front = asked.front;
  std::string host = front.host.empty() ? front.address : front.host;
  if (front.port != (front.tls ? 443 : 80) && host.find(':') == std::string::npos)
    host += fmt::format(":{}", front.port);
  return fmt::format("{}: GET {}://{}{}: {}", world.proxies.at(proxy).name, front.tls ? "https" : "http",
                     host, spec.verify->path, asked.reply.text);
}

std::optional<health::Reply> reply_to(const Clients& clients, std::size_t proxy, const plan::Front& front) {
  if (proxy >= clients.size()) return {};
  for (const Asked& asked : clients[proxy])
    if (asked.front == front) return asked.reply;
  return {};
}

bool any_good(const std::vector<Asked>& sites) {
  return std::ranges::any_of(
      sites, [](const Asked& asked) { return asked.reply.kind == health::Reply::Kind::good; });
}

// No answer, or an error, at each site of a proxy.
bool all_refuse(const std::vector<Asked>& sites) {
  return std::ranges::all_of(sites, [](const Asked& asked) { return health::is_refusal(asked.reply); });
}

template <class Test>
std::vector<std::string> those(const spec::Spec& spec, const World& world, const Clients& now, Test test) {
  std::vector<std::string> found;
  for (std::size_t proxy = 0; proxy < now.size(); ++proxy)
    for (const Asked& asked : now[proxy])
      if (test(proxy, asked)) found.push_back(words(spec, world, proxy, asked));
  return found;
}

}  // namespace

Clients ask_clients(const spec::Spec& spec, const World& world, const std::vector<plan::ProxyHost>& proxies,
                    const Wait& wait) {
  if (!spec.verify) return {};
  Clients clients(proxies.size());
  std::vector<std::pair<std::size_t, Asked*>> all;
  for (std::size_t i = 0; i < proxies.size(); ++i)
    for (plan::Front& site : sites_of(proxies[i], *spec.verify)) clients[i].push_back({std::move(site), {}});
  for (std::size_t i = 0; i < clients.size(); ++i)
    for (Asked& asked : clients[i]) all.emplace_back(i, &asked);
  for_each_parallel(all.size(), spec.parallel, [&](std::size_t i) {
    const auto& [proxy, asked] = all[i];
    asked->reply = world.ask_site(proxy, asked->front, spec.health, *spec.verify, wait);
  });
  return clients;
}

Clients ask_until_as_good(const spec::Spec& spec, const World& world,
                          const std::vector<plan::ProxyHost>& proxies, const Before& before,
                          const Wait& wait) {
  Clients now = ask_clients(spec, world, proxies, wait);
  for (const core::Duration pause : k_pauses) {
    if (worse_off(spec, world, before, now).empty()) break;
    if (!world.clock.sleep_for(pause, wait.stop)) break;
    now = ask_clients(spec, world, proxies, wait);
  }
  return now;
}

std::vector<std::string> worse_off(const spec::Spec& spec, const World& world, const Before& before,
                                   const Clients& now) {
  return those(spec, world, now, [&](std::size_t proxy, const Asked& asked) {
    const auto reply = reply_to(before.clients, proxy, asked.front);
    // What one site never answered says nothing where another one does.
    const bool same = reply && reply->kind == asked.reply.kind && reply->status == asked.reply.status;
    if (same && any_good(now[proxy])) return false;
    return health::is_worse(reply, before.served, asked.reply);
  });
}

std::vector<std::string> refused_now(const spec::Spec& spec, const World& world, const Before& before,
                                     const Clients& now) {
  return those(spec, world, now, [&](std::size_t proxy, const Asked& asked) {
    return health::is_refusal(asked.reply) &&
           health::is_worse(reply_to(before.clients, proxy, asked.front), before.served, asked.reply);
  });
}

std::vector<std::string> not_served(const spec::Spec& spec, const World& world, const Clients& now) {
  return those(spec, world, now, [&](std::size_t proxy, const Asked&) { return all_refuse(now[proxy]); });
}

Serving who_is_served(const spec::Spec& spec, const World& world, const plan::State& state,
                      const Wait& wait) {
  const Clients clients = ask_clients(spec, world, state.proxies, wait);
  std::vector<std::vector<std::string>> refused(clients.size());
  for (std::size_t proxy = 0; proxy < clients.size(); ++proxy) {
    if (!all_refuse(clients[proxy])) continue;
    for (const Asked& asked : clients[proxy]) refused[proxy].push_back(words(spec, world, proxy, asked));
  }
  return serving(spec, state, refused);
}

bool nobody_is_sure(const Clients& now) {
  return std::ranges::any_of(now, [](const std::vector<Asked>& sites) { return !any_good(sites); });
}

}  // namespace bgdeploy::deploy
