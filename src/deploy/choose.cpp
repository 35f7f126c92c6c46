#include "bgdeploy/deploy/choose.hpp"

#include <algorithm>
#include <random>
#include <ranges>

#include <fmt/format.h>

#include "bgdeploy/deploy/compose_files.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/spec/load.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;

namespace {

using Entries = std::vector<HistoryEntry>;

// The container of a slot that could be started again: its own, or one that was moved aside.
const plan::Container* kept(const plan::SlotState& slot) {
  if (slot.aside) return &*slot.aside;
  return slot.container ? &*slot.container : nullptr;
}

const HistoryEntry* newest(const Entries& history, auto matches) {
  auto reversed = history | std::views::reverse;
  auto found = std::ranges::find_if(reversed, matches);
  return found == reversed.end() ? nullptr : &*found;
}

// The configuration it ran with; today's where it was never written down.
Result<plan::Launch> launch_of(const spec::Spec& spec, const Entries& history, const plan::Release& release) {
  const HistoryEntry* entry = newest(history, [&](const HistoryEntry& e) {
    return e.to.id == release.id && !release.id.empty() && !e.docker.empty();
  });
  // What ran with compose says nothing of how docker alone would run it, and the other way round.
  if (!entry || entry->compose.empty() == spec.compose.has_value()) return plan::Launch{release, spec.docker};
  const auto of_record = [&](core::Error error) {
    return std::unexpected(std::move(error).within("the history's record of " + release.id));
  };
  auto docker = spec::load_docker(entry->docker);
  if (!docker) return of_record(std::move(docker.error()));
  plan::Launch launch{release, std::move(*docker)};
  if (!entry->compose.empty()) {
    auto compose = parse_compose_record(entry->compose);
    if (!compose) return of_record(std::move(compose.error()));
    launch.compose = std::move(*compose);
  }
  return launch;
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
    if (const plan::Container* container = kept(state.app_hosts.front().slots[1 - live]);
        container && means(container->release, to))
      found.push_back(container->release);
    if (!found.empty()) return found;
  }
  return {};
}

Result<RollbackTarget> named(const spec::Spec& spec, const plan::State& state, std::size_t live,
                             const Entries& history, const std::string& to) {
  const auto found = meant(state, live, history, to);
  if (found.empty())
    return core::fail(ErrorKind::nothing,
                      fmt::format("no release '{}' was deployed here", core::printable(to)),
                      {"`bgdeploy history` lists what was"});
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
  const auto& serving = state.app_hosts.front().slots[live].container;
  const auto serves = [&](const plan::Release& release) {
    return serving && (release.digest.empty() ? release.id == serving->release.id
                                              : release.digest == serving->release.digest);
  };
  const auto other = std::ranges::find_if_not(found, serves);
  BGDEPLOY_ASSIGN(plan::Launch launch,
                  launch_of(spec, history, other == found.end() ? found.front() : *other));
  return RollbackTarget{std::move(launch), ""};
}

}  // namespace

std::string new_release_id(core::SystemTime now) {
  std::string id;
  for (const char c : core::format_time(now))
    if (c != '-' && c != ':') id += c;
  return fmt::format("{}-{:04x}", id, std::random_device{}() & 0xffffU);
}

Result<RollbackTarget> choose_rollback(const spec::Spec& spec, const plan::State& state, std::size_t live,
                                       const Entries& history, const std::optional<std::string>& to) {
  if (to) return named(spec, state, live, history, *to);
  const auto& serving = state.app_hosts.front().slots[live].container;
  const plan::Release now = serving ? serving->release : plan::Release{};

  const HistoryEntry* entry = newest(history, [&](const HistoryEntry& e) {
    return !now.id.empty() && e.to.id == now.id && e.from.id != now.id;
  });
  if (entry && entry->from == plan::Release{})
    return core::fail(
        ErrorKind::nothing,
        fmt::format("{} is the first release, so there is nothing to roll back to", plan::describe(now)),
        {"`bgdeploy history` lists what was deployed"});
  if (entry) {
    BGDEPLOY_ASSIGN(plan::Launch launch, launch_of(spec, history, entry->from));
    std::string note;
    if (entry->command == "rollback")
      note = fmt::format("the last command was a rollback, so this goes forward again to {}",
                         plan::describe(launch.release));
    return RollbackTarget{std::move(launch), std::move(note)};
  }
  const plan::Container* container = kept(state.app_hosts.front().slots[1 - live]);
  if (container && container->managed && container->release.id != now.id) {
    BGDEPLOY_ASSIGN(plan::Launch launch, launch_of(spec, history, container->release));
    return RollbackTarget{std::move(launch), ""};
  }
  entry = newest(history, [&](const HistoryEntry& e) { return e.served && e.to.id != now.id; });
  if (!entry)
    return core::fail(ErrorKind::nothing, "there is no earlier release to roll back to",
                      {"`bgdeploy history` lists what was deployed"});
  BGDEPLOY_ASSIGN(plan::Launch launch, launch_of(spec, history, entry->to));
  return RollbackTarget{std::move(launch),
                        "the history does not tell what served before; taking the newest release "
                        "in it that is not live"};
}

}  // namespace bgdeploy::deploy
