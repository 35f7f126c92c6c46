#include "bgdeploy/deploy/release/rollback_target.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <ranges>
#include <set>
#include <span>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/nearest.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/runtime/launches.hpp"
#include "bgdeploy/spec/load.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;

namespace {

using Entries = std::vector<HistoryEntry>;

// The container of a slot that could be started again: its own, or one that was moved aside. Of the first
// host that has one. What made another one stand aside served only if it has run since before what is in the
// other slot: that one came when this slot was live.
const plan::Container* kept(const plan::State& state, std::size_t slot) {
  for (const plan::AppHost& host : state.app_hosts) {
    const auto& [container, aside] = std::tie(host.slots[slot].container, host.slots[slot].aside);
    const plan::Container* other = plan::occupant(host.slots[1 - slot]);
    const bool served =
        container && container->running() && other != nullptr && container->started < other->started;
    if (aside && !served) return &*aside;
    if (container) return &*container;
  }
  return nullptr;
}

const HistoryEntry* newest(const Entries& history, auto matches) {
  auto reversed = history | std::views::reverse;
  auto found = std::ranges::find_if(reversed, matches);
  return found == reversed.end() ? nullptr : &*found;
}

// Several runs of one release have each an id of their own.
class Runs {
public:
  explicit Runs(const Entries& history) {
    for (const HistoryEntry& entry : history)
      if (!entry.same_as.empty() && first(entry.to.id) != first(entry.same_as))
        m_same[first(entry.to.id)] = first(entry.same_as);
  }
  bool same(const plan::Release& one, const plan::Release& other) const {
    return first(one.id) == first(other.id);
  }

private:
  std::string first(std::string id) const {
    for (auto found = m_same.find(id); found != m_same.end(); found = m_same.find(id)) id = found->second;
    return id;
  }

  std::map<std::string, std::string> m_same;  // without loops
};

// The newest entry before this one whose release served, and was another one.
const HistoryEntry* served_before(const Entries& history, const Runs& runs, const HistoryEntry& entry) {
  const std::span<const HistoryEntry> earlier(history.data(), &entry);
  const auto found = std::ranges::find_if(earlier | std::views::reverse, [&](const HistoryEntry& e) {
    return e.served && !runs.same(e.to, entry.to);
  });
  return found == earlier.rend() ? nullptr : &*found;
}

// The history does not keep them, since they may hold a secret.
spec::Health with_headers(spec::Health health, const spec::Health& today) {
  auto* http = std::get_if<spec::HealthHttp>(&health.probe);
  const auto* todays = std::get_if<spec::HealthHttp>(&today.probe);
  if (http != nullptr && todays != nullptr) http->headers = todays->headers;
  return health;
}

// Whether the release was healthy with what this entry has. A failed deploy may have asked it the wrong
// thing.
bool came_up(const HistoryEntry& entry) {
  return entry.served || entry.result == "held";
}

// How a release ran, and what it was asked: as it came up last, else as it was tried last.
const HistoryEntry* run_of(const Entries& history, const plan::Release& release) {
  const auto is_its = [&](const HistoryEntry& e) {
    return e.to.id == release.id && !release.id.empty() && !e.ran_with.empty();
  };
  const HistoryEntry* entry = newest(history, [&](const HistoryEntry& e) { return is_its(e) && came_up(e); });
  return entry != nullptr ? entry : newest(history, is_its);
}

Result<RollbackTarget> target_of(const spec::Spec& spec, const Entries& history, const plan::Release& release,
                                 std::string note = "") {
  RollbackTarget target{.release = release, .launch = std::nullopt, .note = std::move(note)};
  const HistoryEntry* entry = run_of(history, release);
  if (entry == nullptr) return target;
  const auto of_record = [&](core::Error error) {
    return std::unexpected(std::move(error).within("the history's record of " + release.id));
  };
  auto launch = runtime::recorded_launch(spec, release, entry->ran_with);
  if (!launch) return of_record(std::move(launch.error()));
  target.launch = std::move(*launch);
  target.sources = entry->sources;
  if (!target.launch || entry->health.empty()) return target;
  auto health = spec::load_health(entry->health);
  if (!health) return of_record(std::move(health.error()));
  target.launch->health = with_headers(std::move(*health), spec.health);
  return target;
}

// Hexadecimal digits at the start of a digest, as `history` prints 12 of them, with its algorithm or without.
bool starts_digest(const std::string& digest, std::string_view prefix) {
  constexpr std::size_t k_least = 6;  // fewer may well be a tag
  const std::size_t colon = digest.find(':');
  if (colon == std::string::npos) return false;
  const std::string_view algorithm = std::string_view(digest).substr(0, colon + 1);
  if (prefix.starts_with(algorithm)) prefix.remove_prefix(algorithm.size());
  return prefix.size() >= k_least && std::string_view(digest).substr(colon + 1).starts_with(prefix);
}

// What `to` can mean, the surest first.
using Meaning = bool (*)(const plan::Release&, const std::string&);
constexpr Meaning k_meanings[] = {
    [](const plan::Release& release, const std::string& to) {
      return release.tag == to || release.digest == to || release.id == to;
    },
    [](const plan::Release& release, const std::string& to) { return starts_digest(release.digest, to); },
};

// All that served here and can be meant, newest first. The container of the idle slot need not be in the
// history.
std::vector<plan::Release> meant(const plan::State& state, std::size_t live, const Entries& history,
                                 const std::string& to) {
  for (const Meaning means : k_meanings) {
    std::vector<plan::Release> found;
    for (const HistoryEntry& entry : history | std::views::reverse)
      if (entry.served && means(entry.to, to)) found.push_back(entry.to);
    if (const plan::Container* container = kept(state, 1 - live); container && means(container->release, to))
      found.push_back(container->release);
    if (!found.empty()) return found;
  }
  return {};
}

// By what `--to` takes, the newest last.
std::vector<std::string> names_of_served(const Entries& history) {
  constexpr std::size_t k_most = 8;
  std::vector<std::string> names;
  for (const HistoryEntry& entry : history | std::views::reverse) {
    const std::string& name = entry.to.tag.empty() ? entry.to.digest : entry.to.tag;
    if (entry.served && !name.empty() && names.size() < k_most &&
        std::ranges::find(names, name) == names.end())
      names.push_back(name);
  }
  std::ranges::reverse(names);
  return names;
}

core::Error none_served(const Entries& history, const std::string& to) {
  const auto served = names_of_served(history);
  const HistoryEntry* tried = newest(history, [&](const HistoryEntry& entry) {
    return std::ranges::any_of(k_meanings, [&](Meaning means) { return means(entry.to, to); });
  });
  const auto meant = tried == nullptr ? core::nearest(to, served) : std::nullopt;
  core::Error error{ErrorKind::nothing,
                    tried ? fmt::format("{} was tried on {} and never served", core::printable(to),
                                        core::format_time(tried->time))
                          : fmt::format("no release '{}' was deployed here", core::printable(to)),
                    {},
                    meant ? "bgdeploy rollback --to " + core::shell_quote(*meant) : "bgdeploy history"};
  if (!served.empty())
    error.message += "; served so far: " + core::printable(fmt::format("{}", fmt::join(served, ", ")));
  return error;
}

Result<RollbackTarget> named(const spec::Spec& spec, const plan::State& state, std::size_t live,
                             const Entries& history, const std::string& to) {
  const auto found = meant(state, live, history, to);
  if (found.empty()) return std::unexpected(none_served(history, to));
  std::vector<std::string> digests;
  for (const plan::Release& release : found)
    if (release.tag != to && starts_digest(release.digest, to) &&
        std::ranges::find(digests, release.digest) == digests.end())
      digests.push_back(release.digest);
  if (digests.size() > 1) {
    auto message = fmt::format("'{}' may be any of {} digests", core::printable(to), digests.size());
    return core::fail(ErrorKind::usage, std::move(message), std::move(digests));
  }
  // A tag such as `latest` may name the live release too, and whoever goes back wants another one.
  const plan::Container* serving = plan::occupant(state, live);
  const auto serves = [&](const plan::Release& release) {
    return serving != nullptr && (release.digest.empty() ? release.id == serving->release.id
                                                         : release.digest == serving->release.digest);
  };
  const auto other = std::ranges::find_if_not(found, serves);
  return target_of(spec, history, other == found.end() ? found.front() : *other);
}

}  // namespace

Result<RollbackTarget> recorded_target(const spec::Spec& spec, const Entries& history,
                                       const plan::Release& release) {
  return target_of(spec, history, release);
}

std::optional<plan::LastServed> find_last_served(const spec::Spec& spec, const plan::State& state,
                                                 const Entries& history) {
  const auto live = plan::live_slot(spec, state);
  if (plan::proxy_kind(spec).can.be_switched || !live || *live) return std::nullopt;
  const auto holds = [&](std::size_t slot, auto fits) {
    return std::ranges::any_of(state.app_hosts, [&](const plan::AppHost& host) {
      const auto& [container, aside] = std::tie(host.slots[slot].container, host.slots[slot].aside);
      return (container && fits(*container)) || (aside && fits(*aside));
    });
  };
  const HistoryEntry* last = newest(history, [](const HistoryEntry& entry) { return entry.served; });
  for (std::size_t slot = 0; last != nullptr && slot < spec.slots.size(); ++slot)
    if (holds(slot, [&](const plan::Container& one) { return one.release == last->to; }))
      return plan::LastServed{slot, last->to};
  for (std::size_t slot = 0; last != nullptr && slot < spec.slots.size(); ++slot)
    if (spec.slots[slot].name == last->slot) return plan::LastServed{slot, last->to};
  // What an older tool ran before the first deploy.
  for (std::size_t slot = 0; slot < spec.slots.size(); ++slot)
    for (const plan::AppHost& host : state.app_hosts)
      if (const auto& container = host.slots[slot].container; container && !container->managed)
        return plan::LastServed{slot, container->release};
  return std::nullopt;
}

std::string new_release_id(core::SystemTime now) {
  std::string id;
  for (const char c : core::format_time(now))
    if (c != '-' && c != ':') id += c;
  return fmt::format("{}-{:04x}", id, std::random_device{}() & 0xffffU);
}

Result<RollbackTarget> find_rollback_target(const spec::Spec& spec, const plan::State& state,
                                            std::size_t live, const Entries& history,
                                            const std::optional<std::string>& to) {
  if (to) return named(spec, state, live, history, *to);
  if (state.last_served)
    return target_of(spec, history, state.last_served->release,
                     fmt::format("nothing runs, so this starts what served last again: {}",
                                 plan::describe(state.last_served->release)));
  const plan::Container* serving = plan::occupant(state, live);
  const plan::Release now = serving != nullptr ? serving->release : plan::Release{};

  const Runs runs(history);
  const HistoryEntry* entry = newest(history, [&](const HistoryEntry& e) {
    return !now.id.empty() && runs.same(e.to, now) && !runs.same(e.from, now);
  });
  // A run that died right after its switch put a release back that the history knows from earlier.
  const HistoryEntry* last = newest(history, [](const HistoryEntry& e) { return e.served; });
  if (entry && last && !runs.same(last->to, now))
    return target_of(spec, history, last->to,
                     fmt::format("the history does not say since when {} serves again; before it {} did",
                                 plan::describe(now), plan::describe(last->to)));
  // The live container was gone when its successor came.
  if (entry && entry->from == plan::Release{})
    if (const auto* before = served_before(history, runs, *entry))
      return target_of(spec, history, before->to,
                       fmt::format("nothing served when {} came; before that {} did", plan::describe(now),
                                   plan::describe(before->to)));
  if (entry && entry->from == plan::Release{})
    return core::fail(
        ErrorKind::nothing,
        fmt::format("{} is the first release, so there is nothing to roll back to", plan::describe(now)), {},
        "bgdeploy history");
  if (entry) {
    std::string note;
    if (entry->command == "rollback")
      note = fmt::format("the last command was a rollback, so this goes forward again to {}",
                         plan::describe(entry->from));
    return target_of(spec, history, entry->from, std::move(note));
  }
  const plan::Container* container = kept(state, 1 - live);
  if (container && container->managed && !runs.same(container->release, now)) {
    return target_of(spec, history, container->release);
  }
  entry = newest(history, [&](const HistoryEntry& e) { return e.served && !runs.same(e.to, now); });
  if (!entry)
    return core::fail(ErrorKind::nothing, "there is no earlier release to roll back to", {},
                      "bgdeploy history");
  return target_of(
      spec, history, entry->to,
      "the history does not tell what served before; taking the newest release in it that is not live");
}

std::map<std::string, spec::Health> past_healths(const spec::Spec& spec, const Entries& history) {
  std::map<std::string, spec::Health> healths;
  std::set<std::string> up;
  for (const HistoryEntry& entry : history) {
    const std::string& id = entry.to.id;
    if (id.empty() || entry.health.empty() || (up.contains(id) && !came_up(entry))) continue;
    if (came_up(entry)) up.insert(id);
    // What cannot be read is asked as today.
    if (auto health = spec::load_health(entry.health))
      healths.insert_or_assign(id, with_headers(std::move(*health), spec.health));
  }
  return healths;
}

}  // namespace bgdeploy::deploy
