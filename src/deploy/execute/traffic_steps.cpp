#include "execute/traffic_steps.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

constexpr core::Duration k_between_tries = std::chrono::milliseconds(300);
constexpr int k_tries = 3;

}  // namespace

TrafficSteps::TrafficSteps(StepContext& context, StepRunner& containers, Before before)
    : m_context(context),
      m_containers(containers),
      m_transaction(context),
      m_before(std::move(before)),
      m_sites(context.state.proxies) {}

Result<void> TrafficSteps::carry_out(const plan::AwaitLeaving&) {
  const plan::Plan& plan = m_context.plan;
  return m_transaction.drain_leaving(plan.live ? 1 - *plan.live : plan.target, m_context.stop());
}

Result<void> TrafficSteps::carry_out(const plan::Switch& step) {
  BGDEPLOY_TRY(m_containers.confirm_healthy(step.slot));
  BGDEPLOY_TRY(confirm_reachable(step));
  BGDEPLOY_TRY(m_transaction.stage(step, m_context.wait(deadlines::k_request)));
  if (m_context.stopped()) return std::unexpected(m_context.why_stopped());
  return m_transaction.commit();
}

Result<void> TrafficSteps::carry_out(const plan::Accept&) {
  return m_transaction.accept();
}

Result<void> TrafficSteps::carry_out(const plan::Drain& step) {
  const plan::ProxyKind& kind = plan::proxy_kind(m_context.spec);
  if (!kind.can.observe_drain) {
    const core::Duration pause = std::min(m_context.spec.drain_timeout, kind.blind_drain);
    const bool slept = m_context.world.clock.sleep_for(pause, m_context.stop());
    return slept ? Result<void>{} : std::unexpected(m_context.why_stopped());
  }
  BGDEPLOY_TRY(m_transaction.drain(step));
  m_containers.nothing_uses_old();
  return {};
}

// The health check ran on the app host. The proxy may not reach the address that it is told.
Result<void> TrafficSteps::confirm_reachable(const plan::Switch& step) {
  const plan::ProxyKind& kind = plan::proxy_kind(m_context.spec);
  if (!kind.told(m_context.spec).addresses) return {};
  struct Way {
    std::size_t proxy;
    const plan::Backend* backend;
    std::optional<health::Answer> answer{};
  };
  std::vector<Way> ways;
  for (std::size_t proxy = 0; proxy < step.routing.size(); ++proxy)
    for (const plan::Backend& backend : step.routing[proxy]) ways.push_back({proxy, &backend});
  for_each_parallel(ways.size(), m_context.spec.parallel, [&](std::size_t i) {
    for (int tried = 0; tried < k_tries; ++tried) {
      ways[i].answer = m_context.world.ask_backend(
          ways[i].proxy, *ways[i].backend, health_of(m_context.spec, m_context.world, m_context.plan.to),
          m_context.wait(deadlines::k_request));
      if (!ways[i].answer || ways[i].answer->healthy || ways[i].answer->lost) break;
      if (!m_context.world.clock.sleep_for(k_between_tries, m_context.stop())) break;
    }
  });
  for (const Way& way : ways) {
    const std::string& proxy = m_context.world.proxies[way.proxy].name;
    const std::string at = fmt::format("{}:{}", way.backend->address, way.backend->port);
    if (!way.answer)
      m_context.warn(
          fmt::format("whether {} gets to {} could not be tried: no bash, nc or socat there", kind.name, at),
          proxy);
    else if (way.answer->lost)
      return core::fail(ErrorKind::lost, fmt::format("{}: {}", proxy, way.answer->text));
    else if (!way.answer->healthy)
      return core::fail(ErrorKind::refused,
                        fmt::format("{}: {} would not get to {} at {}: {}", proxy, kind.name,
                                    m_context.spec.slots[step.slot].container, at, way.answer->text),
                        {fmt::format("{} is healthy on {} itself", m_context.spec.slots[step.slot].container,
                                     way.backend->host)},
                        fmt::format("let {} connect to {} (firewall, docker.host_ip, hosts.app[].address, "
                                    "proxy.{}.address)",
                                    proxy, at, kind.name));
  }
  return {};
}

// Reads the proxy's sites where they were unknown before the switch, or were replaced by it.
Result<void> TrafficSteps::see_sites() {
  const bool known =
      std::ranges::none_of(m_sites, [](const plan::ProxyHost& proxy) { return proxy.fronts.empty(); });
  if (known && plan::proxy_kind(m_context.spec).told(m_context.spec).addresses) return {};
  BGDEPLOY_ASSIGN(m_sites, observe_proxies(m_context.spec, m_context.world,
                                           m_context.wait_through(deadlines::k_request)));
  return {};
}

Result<void> TrafficSteps::carry_out(const plan::Verify& step) {
  const Wait wait = m_context.wait_through(deadlines::k_request);
  const spec::Spec spec = as_of(m_context.spec, m_context.world, m_context.plan.to);
  if (step.old_stopped) {
    // A different answer has nothing to do with the slot that stopped; a refusal does.
    const Before before{m_after, true};
    const Clients now = ask_until_as_good(spec, m_context.world, m_sites, before, wait);
    auto worse = refused_now(spec, m_context.world, before, now);
    return worse.empty() ? Result<void>{} : come_back(std::move(worse));
  }
  BGDEPLOY_TRY(see_sites());
  m_after = ask_until_as_good(spec, m_context.world, m_sites, m_before, wait);
  if (m_context.lost()) return std::unexpected(m_context.why_stopped());
  if (auto worse = worse_off(spec, m_context.world, m_before, m_after); !worse.empty())
    return worse_after_switch(std::move(worse));
  BGDEPLOY_TRY(still_nobody());
  if (nobody_is_sure(m_after))
    m_context.world.sink.emit(
        report::Info{"no request showed what clients get; `verify: {host: …, path: …}` names one "
                     "that does"});
  return {};
}

// Where no backend answered the proxy before the switch, none after it is no worse. A human has to look all
// the same, and nothing more is stopped.
Result<void> TrafficSteps::still_nobody() {
  auto words =
      not_served(as_of(m_context.spec, m_context.world, m_context.plan.to), m_context.world, m_after);
  if (words.empty()) return {};
  const bool no_backend = std::ranges::any_of(m_after, [](const std::vector<Asked>& sites) {
    return !sites.empty() && std::ranges::all_of(sites, [](const Asked& asked) {
      return health::is_gateway_error(asked.reply);
    });
  });
  if (!no_backend) {
    for (const std::string& each : words) m_context.warn(each + ", as before the switch");
    return {};
  }
  BGDEPLOY_TRY(m_transaction.accept());
  return core::fail(ErrorKind::inconsistent, "nobody is served, as before the switch: " + words.front(), {},
                    plan::where_to_look(m_context.spec));
}

Result<void> TrafficSteps::old_answers(Old old) const {
  if (!m_context.plan.live) return {};
  const std::size_t live = *m_context.plan.live;
  const auto silent = [&](std::size_t host, const std::string& why) {
    return core::fail(ErrorKind::unhealthy, fmt::format("{}: {}", m_context.world.apps[host].name, why));
  };
  for (std::size_t i = 0; i < m_context.state.app_hosts.size(); ++i) {
    const plan::SlotState& slot = m_context.state.app_hosts[i].slots[live];
    const plan::Container* container = plan::occupant(slot);
    if (m_context.spec.order == spec::Order::stop_first) continue;  // started again when the rest is undone
    if (slot.answers == true && container != nullptr) {
      const health::Answer answer = ask_old(i, live, *container);
      if (!answer.healthy) return silent(i, answer.text);
    } else if (old == Old::must_answer && !runs_at_all(i, live)) {
      return silent(i, "nothing answers there");
    }
  }
  return {};
}

// A worker has no port.
bool TrafficSteps::runs_at_all(std::size_t host, std::size_t slot) const {
  if (m_context.spec.slots.at(slot).port != 0) return m_context.world.listens(host, slot);
  const plan::Container* container = plan::occupant(m_context.state.app_hosts[host].slots[slot]);
  return container != nullptr && container->running();
}

// One answer that got lost on the way must not decide.
health::Answer TrafficSteps::ask_old(std::size_t host, std::size_t slot,
                                     const plan::Container& container) const {
  const spec::Health& health = health_of(m_context.spec, m_context.world, container.release);
  auto prober = m_context.world.prober(host, slot, container.id, health);
  if (!prober) return {.text = prober.error().message};
  const health::Answer answer = (*prober)->probe(m_context.wait_through(health.timeout));
  return answer.healthy ? answer : (*prober)->probe(m_context.wait_through(health.timeout));
}

// The old slot still runs: an error takes the switch back.
Result<void> TrafficSteps::worse_after_switch(std::vector<std::string> worse) {
  const std::string& name = m_context.spec.slots[m_context.plan.target].name;
  Error error{ErrorKind::refused,
              fmt::format("{} is healthy, but requests through {} do not get through to it: {}", name,
                          plan::proxy_kind(m_context.spec).name, worse.front()),
              std::move(worse)};
  if (auto answers = old_answers(Old::may_be_sick); !answers) {
    // Nobody is better off there.
    (void)m_transaction.accept();
    error.kind = ErrorKind::inconsistent;
    error.details.push_back(fmt::format("nothing was switched back: {} does not answer any more either ({})",
                                        m_context.spec.slots[*m_context.plan.live].name,
                                        answers.error().message));
    return std::unexpected(std::move(error));
  }
  error.next =
      "if that request does not go to the application, name one that does: "
      "`verify: {host: …, path: …}`, or `verify: off`";
  return std::unexpected(std::move(error));
}

// Requests went to the old slot, which shows only after it has stopped.
Result<void> TrafficSteps::come_back(std::vector<std::string> worse) {
  const std::string old = m_context.spec.slots[*m_context.plan.live].name;
  Error error{ErrorKind::refused,
              fmt::format("nobody was served once {} had stopped: {}", old, worse.front()), std::move(worse)};
  const auto switch_back = [&]() -> Result<void> {
    BGDEPLOY_TRY(start_old_again());
    const auto change = std::ranges::find_if(m_context.plan.steps, [](const plan::Step& step) {
      return std::holds_alternative<plan::Switch>(step);
    });
    BGDEPLOY_ASSIGN(const plan::Switch back, reversed(std::get<plan::Switch>(*change)));
    BGDEPLOY_TRY(m_transaction.stage(back, m_context.wait_through(deadlines::k_request)));
    BGDEPLOY_TRY(m_transaction.commit());
    return m_transaction.accept();
  };
  if (auto back = switch_back(); !back) {
    error.kind = ErrorKind::inconsistent;
    error.message +=
        fmt::format("; {} could not be started and switched to again: {}", old, back.error().message);
    error.details.insert(error.details.end(), back.error().details.begin(), back.error().details.end());
    return std::unexpected(std::move(error));
  }
  error.details.push_back(fmt::format("{} was started again, and all proxies send to it", old));
  return std::unexpected(std::move(error));
}

Result<void> TrafficSteps::start_old_again() {
  std::vector<const plan::Retire*> stopped;
  for (const plan::Step& step : m_context.plan.steps)
    if (const auto* retire = std::get_if<plan::Retire>(&step); retire && retire->how == spec::Retire::stop)
      stopped.push_back(retire);
  std::vector<Result<void>> results(stopped.size());
  for_each_parallel(results.size(), m_context.spec.parallel, [&](std::size_t i) {
    const plan::Retire& old = *stopped[i];
    results[i] = m_containers.start_again(old);
    if (!results[i])
      results[i] = std::unexpected(std::move(results[i].error()).within(m_context.world.apps[old.host].name));
  });
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  return {};
}

}  // namespace bgdeploy::deploy
