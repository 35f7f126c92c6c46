// What is asked around the switch: whether each proxy gets to the new backends before it, and whether clients
// get through after it. And the way back, while the old slot runs and when it has stopped already.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/deploy/observe.hpp"
#include "parallel.hpp"
#include "step_runner.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

constexpr core::Duration k_ask = std::chrono::minutes(1);
constexpr core::Duration k_start = std::chrono::minutes(1);
constexpr core::Duration k_between_tries = std::chrono::milliseconds(300);
constexpr int k_tries = 3;

}  // namespace

// Health was asked on the app host itself; what counts is what nginx gets, at the address that it is told.
// A whole site has addresses of its own.
Result<void> StepRunner::confirm_reachable(const plan::Switch& step) {
  if (m_spec.nginx.sites) return {};
  struct Way {
    std::size_t proxy;
    const plan::Backend* backend;
    std::optional<health::Answer> answer{};
  };
  std::vector<Way> ways;
  for (std::size_t proxy = 0; proxy < step.routing.size(); ++proxy)
    for (const plan::Backend& backend : step.routing[proxy]) ways.push_back({proxy, &backend});
  for_each_parallel(ways.size(), m_spec.parallel, [&](std::size_t i) {
    for (int tried = 0; tried < k_tries; ++tried) {
      ways[i].answer = m_world.ask_backend(ways[i].proxy, *ways[i].backend, wait(k_ask));
      if (!ways[i].answer || ways[i].answer->healthy || ways[i].answer->lost) break;
      if (!m_world.clock.sleep_for(k_between_tries, m_stop.get_token())) break;
    }
  });
  for (const Way& way : ways) {
    const std::string& proxy = m_world.proxies[way.proxy].name;
    const std::string at = fmt::format("{}:{}", way.backend->address, way.backend->port);
    if (!way.answer)
      warn(fmt::format("whether nginx gets to {} could not be tried: no bash, nc or socat there", at), proxy);
    else if (way.answer->lost)
      return core::fail(ErrorKind::lost, fmt::format("{}: {}", proxy, way.answer->text));
    else if (!way.answer->healthy)
      return core::fail(
          ErrorKind::refused,
          fmt::format("{}: nginx would not get to {} at {}: {}", proxy, m_spec.slots[step.slot].container, at,
                      way.answer->text),
          {fmt::format("{} is healthy on {} itself", m_spec.slots[step.slot].container, way.backend->host),
           fmt::format("let {} connect to {} (firewall, docker.host_ip, hosts.app[].address, "
                       "proxy.nginx.address)",
                       proxy, at)});
  }
  return {};
}

// Where nginx's sites are not known from before the switch, or went with it.
Result<void> StepRunner::see_sites() {
  const bool known =
      std::ranges::none_of(m_sites, [](const plan::ProxyHost& proxy) { return proxy.fronts.empty(); });
  if (known && !m_spec.nginx.sites) return {};
  BGDEPLOY_ASSIGN(m_sites, observe_proxies(m_spec, m_world, Wait::for_at_most(k_ask, m_lost)));
  return {};
}

Result<void> StepRunner::carry_out(const plan::Verify& step) {
  const Wait wait = Wait::for_at_most(k_ask, m_lost);
  if (step.old_stopped) {
    // An answer that is merely another one has nothing to do with the slot that stopped.
    const Before before{m_after, true};
    const Clients now = ask_until_as_good(m_spec, m_world, m_sites, before, wait);
    auto worse = refused_now(m_spec, m_world, before, now);
    return worse.empty() ? Result<void>{} : come_back(std::move(worse));
  }
  BGDEPLOY_TRY(see_sites());
  m_after = ask_until_as_good(m_spec, m_world, m_sites, m_before, wait);
  if (m_lost.stop_requested()) return std::unexpected(why_stopped());
  if (auto worse = worse_off(m_spec, m_world, m_before, m_after); !worse.empty())
    return take_back(std::move(worse));
  BGDEPLOY_TRY(still_nobody());
  if (nobody_is_sure(m_after))
    m_world.sink.emit({.name = "info",
                       .message =
                           "no request showed what clients get; `verify: {host: …, path: …}` names one "
                           "that does"});
  return accept_all();
}

// Nothing is worse than before where nginx gets no answer from any backend, before and after. Somebody has to
// look all the same, and nothing more is stopped.
Result<void> StepRunner::still_nobody() {
  auto words = not_served(m_spec, m_world, m_after);
  if (words.empty()) return {};
  const bool no_backend = std::ranges::any_of(m_after, [](const std::vector<Asked>& sites) {
    return !sites.empty() && std::ranges::all_of(sites, [](const Asked& asked) {
      return health::is_gateway_error(asked.reply);
    });
  });
  if (!no_backend) {
    for (const std::string& each : words) warn(each + ", as before the switch");
    return {};
  }
  BGDEPLOY_TRY(accept_all());
  return core::fail(ErrorKind::inconsistent, "nobody is served, as before the switch: " + words.front(),
                    {"look at nginx's error log, and with `bgdeploy check`"});
}

// Whether what served before the switch still can.
Result<void> StepRunner::old_answers() const {
  if (!m_plan.live) return {};
  for (std::size_t i = 0; i < m_state.app_hosts.size(); ++i) {
    const plan::SlotState& slot = m_state.app_hosts[i].slots[*m_plan.live];
    const plan::Container* container = plan::occupant(slot);
    if (container == nullptr || slot.answers != true) continue;
    auto prober = m_world.prober(i, *m_plan.live, container->id);
    const health::Answer answer = prober ? (*prober)->probe(Wait::for_at_most(m_spec.health.timeout, m_lost))
                                         : health::Answer{.text = prober.error().message};
    if (!answer.healthy)
      return core::fail(ErrorKind::unhealthy, fmt::format("{}: {}", m_world.apps[i].name, answer.text));
  }
  return {};
}

// While the old slot runs: one call.
Result<void> StepRunner::take_back(std::vector<std::string> worse) {
  const std::string& name = m_spec.slots[m_plan.target].name;
  Error error{ErrorKind::refused,
              fmt::format("{} is healthy, but requests through nginx do not get through to it: {}", name,
                          worse.front()),
              std::move(worse)};
  if (auto answers = old_answers(); !answers) {
    // Nobody is better off there.
    (void)accept_all();
    error.kind = ErrorKind::inconsistent;
    error.details.push_back(fmt::format("nothing was switched back: {} does not answer any more either ({})",
                                        m_spec.slots[*m_plan.live].name, answers.error().message));
    return std::unexpected(std::move(error));
  }
  error.details.push_back(
      "if that request does not go to the application, name one that does: "
      "`verify: {host: …, path: …}`, or `verify: off`");
  restore_all(m_switches, error);
  return std::unexpected(std::move(error));
}

// The old slot has stopped, and only then it shows that requests went there.
Result<void> StepRunner::come_back(std::vector<std::string> worse) {
  const std::string old = m_spec.slots[*m_plan.live].name;
  Error error{ErrorKind::refused,
              fmt::format("nobody was served once {} had stopped: {}", old, worse.front()), std::move(worse)};
  const auto switch_back = [&]() -> Result<void> {
    BGDEPLOY_TRY(start_old_again());
    const auto change = std::ranges::find_if(
        m_plan.steps, [](const plan::Step& step) { return std::holds_alternative<plan::Switch>(step); });
    BGDEPLOY_ASSIGN(m_switches, stage_all(*m_plan.live, std::get<plan::Switch>(*change).old, m_lost));
    BGDEPLOY_TRY(commit_all(m_switches));
    return accept_all();
  };
  if (auto back = switch_back(); !back) {
    error.kind = ErrorKind::inconsistent;
    error.message +=
        fmt::format("; {} could not be started and switched to again: {}", old, back.error().message);
    error.details.insert(error.details.end(), back.error().details.begin(), back.error().details.end());
    return std::unexpected(std::move(error));
  }
  m_committed = false;
  if (auto drained = drain_leaving(m_plan.target, m_lost); !drained)
    error.details.push_back(drained.error().message);
  error.details.push_back(fmt::format("{} was started again, and all proxies send to it", old));
  return std::unexpected(std::move(error));
}

Result<void> StepRunner::start_old_again() {
  std::vector<const plan::Retire*> stopped;
  for (const plan::Step& step : m_plan.steps)
    if (const auto* retire = std::get_if<plan::Retire>(&step); retire && retire->how == spec::Retire::stop)
      stopped.push_back(retire);
  std::vector<Result<void>> results(stopped.size());
  for_each_parallel(results.size(), m_spec.parallel, [&](std::size_t i) {
    const plan::Retire& old = *stopped[i];
    results[i] = [&]() -> Result<void> {
      const core::SteadyTime began = m_world.clock.now();
      BGDEPLOY_TRY(runtime(old.host).start(old.container, Wait::for_at_most(k_start, m_lost)));
      BGDEPLOY_ASSIGN(auto prober, m_world.prober(old.host, old.slot, old.container));
      return health::await_healthy(*prober,
                                   {m_spec.health, began, [] { return false; }, [](const auto&, int) {}},
                                   m_world.clock, m_lost);
    }();
    if (!results[i])
      results[i] = std::unexpected(std::move(results[i].error()).within(m_world.apps[old.host].name));
  });
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  return {};
}

}  // namespace bgdeploy::deploy
