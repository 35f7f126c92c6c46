#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/size.hpp"
#include "bgdeploy/plan/hooks.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/spec/hooks.hpp"
#include "overloaded.hpp"

namespace bgdeploy::plan {
namespace {

// "sha256:0123456789ab", "build:0123456789ab", "image:0123456789ab".
std::string short_digest(const std::string& digest) {
  const std::size_t colon = digest.find(':');
  return colon == std::string::npos ? digest : digest.substr(0, colon + 1 + 12);
}

// Shares that do not add up to 1 by less than this do so by rounding.
constexpr double k_rounding = 1e-9;

const spec::Slot& slot_of(const spec::Spec& spec, std::size_t slot) {
  return spec.slots.at(slot);
}

// "health", "https://shop.example.com/health", "responses", "./burn-rate.sh"
std::vector<std::string> checks_of(const spec::Watch& watch) {
  std::vector<std::string> words;
  if (watch.health) words.emplace_back("health");
  for (const spec::WatchUrl& url : watch.urls) words.push_back(core::printable(url.url));
  if (watch.responses) words.emplace_back("responses");
  for (const spec::WatchRun& run : watch.runs) words.push_back(spec::words_of({spec::HookRun{run.command}}));
  return words;
}

// " on port 8081"; of a worker nothing.
std::string on_port(const spec::Slot& slot) {
  return slot.port == 0 ? "" : fmt::format(" on port {}", slot.port);
}

}  // namespace

std::string describe(const Release& release) {
  if (release.digest.empty()) return release.tag.empty() ? release.image : release.tag;
  if (release.tag.empty()) return short_digest(release.digest);
  return fmt::format("{} ({})", release.tag, short_digest(release.digest));
}

std::vector<std::string> addresses(const std::vector<Routing>& routings) {
  std::vector<std::string> seen;
  for (const Routing& routing : routings)
    for (const Backend& backend : routing) {
      auto address = fmt::format("{}:{}", backend.address, backend.port);
      if (std::ranges::find(seen, address) == seen.end()) seen.push_back(std::move(address));
    }
  return seen;
}

std::string describe(const spec::Spec& spec, const Traffic& traffic) {
  std::vector<std::string> parts;
  const auto add = [&](double share, const std::string& where) {
    if (share > k_rounding) parts.push_back(fmt::format("{:.3g}% {}", share * 100, where));
  };
  for (std::size_t slot = 0; slot < spec.slots.size(); ++slot)
    add(traffic.share[slot], "to " + spec.slots[slot].name);
  add(traffic.elsewhere(), "elsewhere");
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string_view step_name(const Step& step) {
  return std::visit(Overloaded{
                        // No registry has what was built or sent.
                        [](const Pull& pull) { return pull.release.local() ? "find" : "pull"; },
                        [](const Build&) { return "build"; },
                        [](const Send&) { return "send"; },
                        [](const Stop&) { return "stop"; },
                        [](const StopFirst&) { return "stop-first"; },
                        [](const SetAside&) { return "set-aside"; },
                        [](const PutBack&) { return "put-back"; },
                        [](const Remove&) { return "remove"; },
                        [](const Create&) { return "start"; },
                        [](const Start&) { return "start"; },
                        [](const Discard&) { return "discard"; },
                        [](const AwaitHealth&) { return "health"; },
                        [](const Retire&) { return "retire"; },
                        [](const Prune&) { return "prune"; },
                        [](const RunHook&) { return "hook"; },
                        [](const AwaitLeaving&) { return "settle"; },
                        [](const Switch&) { return "switch"; },
                        [](const Verify&) { return "verify"; },
                        [](const Watch&) { return "watch"; },
                        [](const Accept&) { return "accept"; },
                        [](const Restore&) { return "restore"; },
                        [](const Drain&) { return "drain"; },
                    },
                    step);
}

bool fetches(const Step& step) {
  return std::holds_alternative<Pull>(step) || std::holds_alternative<Build>(step) ||
         std::holds_alternative<Send>(step);
}

std::optional<std::size_t> app_host(const Step& step) {
  return std::visit(
      [](const auto& value) -> std::optional<std::size_t> {
        if constexpr (requires { value.host; })
          return value.host;
        else
          return std::nullopt;
      },
      step);
}

std::vector<std::string> step_hosts(const spec::Spec& spec, const Step& step) {
  if (const auto app = app_host(step)) return {spec.app_hosts.at(*app).name};
  std::vector<std::string> names;
  if (const auto* hook = std::get_if<RunHook>(&step))
    for (const std::size_t app : hook->hosts) names.push_back(spec.app_hosts.at(app).name);
  else
    for (const spec::Host& host : spec::proxies(spec)) names.push_back(host.name);
  return names;
}

std::string step_host(const spec::Spec& spec, const Step& step) {
  return fmt::format("{}", fmt::join(step_hosts(spec, step), ", "));
}

std::string step_slot(const spec::Spec& spec, const Step& step) {
  return std::visit(
      [&spec](const auto& value) -> std::string {
        if constexpr (requires { value.slot; })
          return slot_of(spec, value.slot).name;
        else
          return "";
      },
      step);
}

std::string container_name(const spec::Spec& spec, const Retire& step) {
  return step.name.empty() ? slot_of(spec, step.slot).container : step.name;
}

std::string container_name(const spec::Spec& spec, const StopFirst& step) {
  return step.name.empty() ? slot_of(spec, step.slot).container : step.name;
}

std::string size_of(const Send& step) {
  return step.bytes == 0 ? "all layers are there" : core::short_bytes(step.bytes);
}

std::string describe(const spec::Spec& spec, const Step& step) {
  const ProxyKind& kind = proxy_kind(spec);
  return std::visit(
      Overloaded{
          [](const Pull& pull) {
            return fmt::format("{} {}:{}", pull.release.local() ? "find" : "pull", pull.release.image,
                               describe(pull.release));
          },
          [&](const Build& build) {
            const bool here = spec.build && spec.build->here;
            return fmt::format("build {}:{} {}from {}{}", build.release.image, describe(build.release),
                               here ? "here " : "", spec.build ? spec.build->context.string() : "its context",
                               here ? ", and send it" : "");
          },
          [](const Send& send) {
            return fmt::format("send {}:{} ({})", send.release.image, describe(send.release), size_of(send));
          },
          [&](const Stop& stop) {
            return fmt::format("stop {}, which does not serve", slot_of(spec, stop.slot).container);
          },
          [&](const StopFirst& stop) {
            return fmt::format("{} {} {}, which must not run beside its successor",
                               stop.stopped ? "leave stopped" : "stop", container_name(spec, stop),
                               describe(stop.release));
          },
          [&](const SetAside& aside) {
            return fmt::format("move {} ({}) aside", slot_of(spec, aside.slot).container,
                               describe(aside.release));
          },
          [&](const PutBack& back) {
            return fmt::format("put {} ({}) back", slot_of(spec, back.slot).container,
                               describe(back.release));
          },
          [&](const Remove& remove) {
            return fmt::format("remove {} {}", slot_of(spec, remove.slot).container,
                               describe(remove.release));
          },
          [&](const Create& create) {
            const spec::Slot& slot = slot_of(spec, create.slot);
            return fmt::format("start {} {}{}", slot.container, describe(create.launch.release),
                               on_port(slot));
          },
          [&](const Start& start) {
            const spec::Slot& slot = slot_of(spec, start.slot);
            return fmt::format("start {} {} again{}", slot.container, describe(start.release), on_port(slot));
          },
          [&](const Discard& discard) {
            return fmt::format("{} {}", discard.remove ? "stop and remove" : "stop",
                               slot_of(spec, discard.slot).container);
          },
          [&](const AwaitHealth& health) {
            return fmt::format("wait until {} is healthy", slot_of(spec, health.slot).container);
          },
          [&](const Retire& retire) {
            return fmt::format("{} {} {}", retire.how == spec::Retire::remove ? "remove" : "stop",
                               container_name(spec, retire), describe(retire.release));
          },
          [](const Prune&) { return std::string("remove what old releases left"); },
          [](const RunHook& hook) { return describe(hook); },
          [&](const AwaitLeaving&) { return std::string(kind.leaving_words); },
          [&](const Switch& change) {
            return kind.switch_words(spec, change,
                                     fmt::format("{}", fmt::join(addresses(change.routing), ", ")));
          },
          [&](const Verify& verify) {
            return fmt::format("see that requests for {} get through to {}{}",
                               spec.verify ? spec.verify->path : "/", slot_of(spec, verify.slot).name,
                               verify.old_stopped ? " alone" : "");
          },
          [&](const Watch& watch) {
            return fmt::format("watch {} for {}: {}", slot_of(spec, watch.slot).name,
                               core::format_duration(watch.settings.for_at_least),
                               fmt::join(checks_of(watch.settings), ", "));
          },
          [&](const Accept& accept) {
            return fmt::format("accept {}: the switch is not undone from here on",
                               slot_of(spec, accept.slot).name);
          },
          [&](const Restore&) { return kind.undo_words(spec); },
          [&](const Drain& drain) { return kind.drain_words(spec, drain.slot); },
      },
      step);
}

std::string describe_undo(const spec::Spec& spec, const Step& step) {
  const auto undo = inverse(step);
  return undo ? describe(spec, *undo) : std::string();
}

}  // namespace bgdeploy::plan
