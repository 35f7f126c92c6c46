#include "bgdeploy/deploy/logs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/log_merge.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "connect/usable_fleet.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

// Told before anything connects.
Result<void> check_choice(const spec::Spec& spec, const ContainerChoice& choice) {
  if (!choice.slot.empty() &&
      std::ranges::find(spec.slots, choice.slot, &spec::Slot::name) == spec.slots.end())
    return core::fail(ErrorKind::usage,
                      fmt::format("there is no slot '{}'; the slots are {} and {}",
                                  core::printable(choice.slot), spec.slots[0].name, spec.slots[1].name));
  std::vector<std::string> hosts;
  for (const spec::Host& host : spec.app_hosts) hosts.push_back(host.name);
  if (!choice.host.empty() && std::ranges::find(hosts, choice.host) == hosts.end())
    return core::fail(ErrorKind::usage, fmt::format("there is no app host '{}'; the spec has {}",
                                                    core::printable(choice.host), fmt::join(hosts, ", ")));
  return {};
}

// The host that was asked for must be there; of others that are not it is only said.
Result<Fleet> open_fleet(const Context& context, const ContainerChoice& choice, const Wait& wait,
                         std::vector<HostFailure>& failed) {
  BGDEPLOY_ASSIGN(Fleet fleet, open_usable_fleet(context, wait, failed));
  for (const HostFailure& failure : failed) {
    if (choice.host == failure.host.name) return std::unexpected(failure.error);
    context.sink.emit(report::Warning{failure.error.message});
  }
  return fleet;
}

struct Found {
  std::size_t host;
  plan::Container container;
};

struct ChosenSlot {
  std::size_t slot = 0;
  std::optional<std::size_t> live{};
  std::vector<Found> containers{};
};

// "; blue is live", of another slot than that one.
std::string live_words(const spec::Spec& spec, const ChosenSlot& chosen) {
  if (!chosen.live || *chosen.live == chosen.slot) return {};
  return fmt::format("; {} is live", spec.slots[*chosen.live].name);
}

Result<std::size_t> slot_index(const spec::Spec& spec, const plan::State& state, const std::string& name) {
  if (name.empty()) {
    BGDEPLOY_ASSIGN(const auto live, plan::live_slot(spec, state));
    if (!live) return core::fail(ErrorKind::usage, "nothing is live yet; name a slot with --slot");
    return *live;
  }
  return spec.slots[0].name == name ? 0 : 1;
}

Result<ChosenSlot> find_containers(const spec::Spec& spec, const World& world, const ContainerChoice& choice,
                                   const Wait& wait) {
  BGDEPLOY_ASSIGN(const plan::State state, observe(spec, world, std::nullopt, wait));
  ChosenSlot chosen{.live = plan::live_slot(spec, state).value_or(std::nullopt)};
  BGDEPLOY_ASSIGN(chosen.slot, slot_index(spec, state, choice.slot));
  for (std::size_t i = 0; i < state.app_hosts.size(); ++i) {
    if (!choice.host.empty() && state.app_hosts[i].host != choice.host) continue;
    if (const auto* container = plan::occupant(state.app_hosts[i].slots[chosen.slot]))
      chosen.containers.push_back({i, *container});
  }
  if (chosen.containers.empty())
    return core::fail(
        ErrorKind::not_found,
        fmt::format("slot {} has no container{}", spec.slots[chosen.slot].name, live_words(spec, chosen)));
  return chosen;
}

// Lines that several threads read at the same time, handed on by one after the other.
class Merged {
public:
  Merged(std::size_t logs, bool follow, core::Clock& clock, const Wait& wait,
         std::function<void(const LogMerge::Line&)> give)
      : m_merge(logs, follow ? k_window : deadlines::k_following),
        m_clock(clock),
        m_wait(wait),
        m_give(std::move(give)) {
    if (follow && logs > 1) m_watcher = std::jthread([this](const std::stop_token& stop) { watch(stop); });
  }

  void add(std::size_t log, const runtime::LogLine& line) {
    std::unique_lock lock(m_mutex);
    // Who is far ahead waits for the others.
    m_taken.wait_until(lock, m_wait.deadline, [&] { return m_merge.waiting(log) < k_most; });
    m_merge.add(log, line.time, line.text, m_clock.now());
    hand_on();
  }
  void end(std::size_t log) {
    const std::scoped_lock lock(m_mutex);
    m_merge.end(log);
    hand_on();
  }

private:
  static constexpr core::Duration k_window{300};
  static constexpr std::size_t k_most = 10000;

  void hand_on() {
    for (const LogMerge::Line& line : m_merge.take(m_clock.now())) m_give(line);
    m_taken.notify_all();
  }
  void watch(const std::stop_token& stop) {
    while (m_clock.sleep_for(k_window / 3, stop)) {
      const std::scoped_lock lock(m_mutex);
      hand_on();
    }
  }

  std::mutex m_mutex;
  std::condition_variable m_taken;
  LogMerge m_merge;
  core::Clock& m_clock;
  Wait m_wait;
  std::function<void(const LogMerge::Line&)> m_give;
  std::jthread m_watcher;
};

}  // namespace

core::Duration time_to_follow(const runtime::LogRange& range, core::SystemTime now) {
  constexpr core::Duration k_late{1000};  // for what was written before `until` and is on its way
  if (!range.follow || (range.until && *range.until <= now)) return {};
  if (!range.until || *range.until - now > deadlines::k_following) return deadlines::k_following;
  return std::chrono::duration_cast<core::Duration>(*range.until - now) + k_late;
}

Result<void> logs(const Context& context, const ContainerChoice& choice, const runtime::LogRange& range,
                  const LogSink& line) {
  BGDEPLOY_TRY(check_choice(context.spec, choice));
  const Wait wait = deadlines::within(context.clock, deadlines::k_command, context.stop);
  std::vector<HostFailure> failed;
  BGDEPLOY_ASSIGN(Fleet fleet, open_fleet(context, choice, wait, failed));
  const World world = fleet.world(context.clock, context.sink);
  BGDEPLOY_ASSIGN(const auto chosen, find_containers(fleet.spec(), world, choice, wait));
  const auto& found = chosen.containers;
  std::vector<Result<void>> results(found.size());
  const core::Duration following = time_to_follow(range, context.clock.wall());
  const bool follow = following > following.zero();
  const Wait reading =
      deadlines::within(context.clock, follow ? following : deadlines::k_command, context.stop);
  const auto give = [&](const LogMerge::Line& one) { line(world.apps[found[one.log].host].name, one.text); };
  Merged merged(found.size(), follow, context.clock, reading, give);
  runtime::LogRange each = range;
  each.follow = follow;
  each.timed = found.size() > 1;
  for_each_parallel(found.size(), static_cast<int>(found.size()), [&](std::size_t i) {
    results[i] = guarded([&] {
      return world.apps[found[i].host].runtime->logs(
          found[i].container.id, each, [&](const runtime::LogLine& log) { merged.add(i, log); }, reading);
    });
    merged.end(i);
  });
  const auto is_end = [&](ErrorKind kind) {
    return follow && (kind == ErrorKind::cancelled || (range.until && kind == ErrorKind::timeout));
  };
  for (Result<void>& result : results)
    if (!result && !is_end(result.error().kind)) return result;
  if (choice.host.empty() && !failed.empty()) return std::unexpected(failed.front().error);
  return {};
}

Result<FailedLog> failed_log(const Context& context) {
  const Wait wait = deadlines::within(context.clock, deadlines::k_command, context.stop);
  BGDEPLOY_ASSIGN(const Fleet fleet, Fleet::connect(context.spec, wait));
  BGDEPLOY_ASSIGN(auto failed, read_failed_log(fleet.history_host(), fleet.spec(), wait));
  if (!failed)
    return core::fail(ErrorKind::not_found, "no release has failed yet, as far as its log was kept");
  return std::move(*failed);
}

std::string why_no_exec(const plan::Container& container) {
  using enum plan::Container::Status;
  if (container.status == running) return "";
  if (container.status != restarting) return "not running";
  return fmt::format("restarting, exited with code {}{}", container.exit_code,
                     container.oom_killed ? " (out of memory)" : "");
}

Result<int> exec(const Context& context, const ContainerChoice& choice, const std::vector<std::string>& argv,
                 engine::Console* console, const runtime::Inspection::Output& output) {
  BGDEPLOY_TRY(check_choice(context.spec, choice));
  const Wait wait = deadlines::within(context.clock, deadlines::k_command, context.stop);
  std::vector<HostFailure> failed;
  BGDEPLOY_ASSIGN(Fleet fleet, open_fleet(context, choice, wait, failed));
  const World world = fleet.world(context.clock, context.sink);
  BGDEPLOY_ASSIGN(const auto chosen, find_containers(fleet.spec(), world, choice, wait));
  const Found& first = chosen.containers.front();
  const std::string& slot = fleet.spec().slots[chosen.slot].name;
  if (const std::string why = why_no_exec(first.container); !why.empty())
    return core::fail(
        ErrorKind::not_found,
        fmt::format("{} (slot {}) on {} is {}{}", first.container.name, slot, world.apps[first.host].name,
                    why, live_words(fleet.spec(), chosen)),
        {},
        chosen.live && *chosen.live != chosen.slot
            ? fmt::format("leave out --slot {}, or look with: bgdeploy logs --slot {}", slot, slot)
            : fmt::format("look with: bgdeploy logs --slot {}", slot));
  return world.apps[first.host].runtime->exec(
      first.container.id, argv, console, output,
      deadlines::within(context.clock, deadlines::k_following, context.stop));
}

}  // namespace bgdeploy::deploy
