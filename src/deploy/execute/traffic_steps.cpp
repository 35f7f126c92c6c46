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

bool hooks_before_switch(const plan::Plan& plan) {
  return std::ranges::any_of(plan.steps, [](const plan::Step& step) {
    const auto* hook = std::get_if<plan::RunHook>(&step);
    return hook != nullptr && hook->at == spec::HookPosition::before_switch;
  });
}

bool drains(const plan::Plan& plan) {
  return std::ranges::any_of(
      plan.steps, [](const plan::Step& step) { return std::holds_alternative<plan::Drain>(step); });
}

std::string not_back(const std::string& old, const Error& why) {
  return fmt::format("nothing was switched back: {} does not answer ({})", old, why.message);
}

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
  // The host that was ready first waited for the others, and all of them for what a hook did.
  if (m_containers.ready().size() > 1 || hooks_before_switch(m_context.plan))
    BGDEPLOY_TRY(m_containers.confirm_healthy(step.slot));
  BGDEPLOY_TRY(confirm_reachable(step));
  BGDEPLOY_TRY(m_transaction.stage(step, m_context.wait(deadlines::k_request)));
  if (m_context.stopped()) return std::unexpected(m_context.why_stopped());
  return m_transaction.commit();
}

// Where a drain follows, the last look before something stops is that one's.
Result<void> TrafficSteps::carry_out(const plan::Accept&) {
  if (!drains(m_context.plan)) BGDEPLOY_TRY(confirm_before_accept());
  return m_transaction.accept();
}

Result<void> TrafficSteps::confirm_before_accept() {
  BGDEPLOY_ASSIGN(auto found, m_containers.ailing(StepRunner::Look::and_ask, m_context.stop_through()));
  if (!found) return {};
  return std::unexpected(
      unless_old_is_gone(m_containers.explain(m_context.plan.target, std::move(*found)), Old::must_answer));
}

Error TrafficSteps::unless_old_is_gone(Error error, Old old) {
  const auto answers = old_answers(old);
  if (answers) return error;
  error.kind = ErrorKind::inconsistent;
  if (auto accepted = m_transaction.accept(); !accepted) error.details.push_back(accepted.error().message);
  error.details.push_back(not_back(slot_name(*m_context.plan.live), answers.error()));
  return error;
}

// There is no way back by one call any more, but the old slot still runs.
Result<void> TrafficSteps::confirm_before_retire() {
  BGDEPLOY_ASSIGN(auto found, m_containers.ailing(StepRunner::Look::and_ask, m_context.stop()));
  if (!found) return {};
  const std::string& old = slot_name(*m_context.plan.live);
  const auto answers = old_answers(Old::must_answer);
  const auto back = answers ? switch_back() : Result<void>{};
  Error error = m_containers.explain(m_context.plan.target, std::move(*found));
  if (!answers) {
    error.kind = ErrorKind::inconsistent;
    error.details.push_back(not_back(old, answers.error()));
  } else if (!back) {
    error.kind = ErrorKind::inconsistent;
    error.message += fmt::format("; {} could not be switched to again: {}", old, back.error().message);
    append(error.details, back.error().details);
  } else {
    error.details.push_back(m_context.world.proxies.empty()
                                ? fmt::format("{} was not stopped", old)
                                : fmt::format("{} was not stopped, and all proxies send to it again", old));
  }
  return std::unexpected(std::move(error));
}

Result<void> TrafficSteps::carry_out(const plan::Drain& step) {
  const plan::ProxyKind& kind = plan::proxy_kind(m_context.spec);
  if (!kind.can.observe_drain) {
    const core::Duration pause = std::min(m_context.spec.drain_timeout, kind.blind_drain);
    const bool slept = m_context.world.clock.sleep_for(pause, m_context.stop());
    if (!slept) return std::unexpected(m_context.why_stopped());
  } else {
    BGDEPLOY_TRY(m_transaction.drain(step));
    m_containers.nothing_uses_old();
  }
  return confirm_before_retire();
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
    else if (!way.answer->healthy) {
      BGDEPLOY_TRY(m_containers.confirm_healthy(step.slot));
      return core::fail(ErrorKind::refused,
                        fmt::format("{}: {} would not get to {} at {}: {}", proxy, kind.name,
                                    m_context.spec.slots[step.slot].container, at, way.answer->text),
                        {fmt::format("{} is healthy on {} itself", m_context.spec.slots[step.slot].container,
                                     way.backend->host)},
                        fmt::format("let {} connect to {} (firewall, docker.host_ip, hosts.app[].address, "
                                    "proxy.{}.address)",
                                    proxy, at, kind.name));
    }
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
    // The good answer may have been one between two crashes.
    auto ailing = m_containers.ailing(StepRunner::Look::at_docker, m_context.stop_through());
    if (worse.empty() && !ailing) return std::unexpected(std::move(ailing.error()));
    if (worse.empty() && !*ailing) return {};
    return come_back(std::move(worse), ailing.value_or(std::nullopt));
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
  const std::string& name = slot_name(m_context.plan.target);
  const std::string_view proxy = plan::proxy_kind(m_context.spec).name;
  const auto ailing = m_containers.ailing(StepRunner::Look::and_ask, m_context.stop_through());
  const std::string where =
      !ailing ? fmt::format("requests through {} do not get through to {}", proxy, name)
              : fmt::format("{} is healthy, but requests through {} do not get through to it", name, proxy);
  Error error{ErrorKind::refused, fmt::format("{}: {}", where, worse.front())};
  if (ailing && *ailing) error = m_containers.explain(m_context.plan.target, **ailing);
  error.details.insert(error.details.begin(), worse.begin(), worse.end());
  error = unless_old_is_gone(std::move(error), Old::may_be_sick);
  if (error.kind == ErrorKind::inconsistent || (ailing && *ailing)) return std::unexpected(std::move(error));
  error.next =
      "if that request does not go to the application, name one that does: "
      "`verify: {host: …, path: …}`, or `verify: off`";
  return std::unexpected(std::move(error));
}

Result<void> TrafficSteps::switch_back() {
  const auto change = std::ranges::find_if(m_context.plan.steps, [](const plan::Step& step) {
    return std::holds_alternative<plan::Switch>(step);
  });
  BGDEPLOY_ASSIGN(const plan::Switch back, reversed(std::get<plan::Switch>(*change)));
  BGDEPLOY_TRY(m_transaction.stage(back, m_context.wait_through(deadlines::k_request)));
  BGDEPLOY_TRY(m_transaction.commit());
  return m_transaction.accept();
}

// Requests went to the old slot, which shows only after it has stopped; or the new release ended meanwhile.
Result<void> TrafficSteps::come_back(std::vector<std::string> worse,
                                     std::optional<StepRunner::Ailing> ailing) {
  const std::string& old = slot_name(*m_context.plan.live);
  const auto back = [&]() -> Result<void> {
    BGDEPLOY_TRY(start_old_again());
    return switch_back();
  }();
  Error error{ErrorKind::refused, worse.empty() ? "" : worse.front(), {}};
  if (ailing) error = m_containers.explain(m_context.plan.target, std::move(*ailing));
  if (!worse.empty())
    error.message = fmt::format("nobody was served once {} had stopped: {}", old, error.message);
  error.details.insert(error.details.begin(), worse.begin(), worse.end());
  if (!back) {
    error.kind = ErrorKind::inconsistent;
    error.message +=
        fmt::format("; {} could not be started and switched to again: {}", old, back.error().message);
    append(error.details, back.error().details);
    return std::unexpected(std::move(error));
  }
  error.details.push_back(fmt::format("{} was started again{}", old,
                                      m_context.world.proxies.empty() ? "" : ", and all proxies send to it"));
  return std::unexpected(std::move(error));
}

Result<void> TrafficSteps::start_old_again() {
  std::vector<const plan::Retire*> stopped;
  for (const plan::Step& step : m_context.plan.steps)
    if (const auto* retire = std::get_if<plan::Retire>(&step);
        retire && std::ranges::none_of(stopped, [&](const auto* one) { return one->host == retire->host; }))
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
