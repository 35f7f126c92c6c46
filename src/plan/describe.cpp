#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/substitutions.hpp"

namespace bgdeploy::plan {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

// "sha256:0123456789ab", "build:0123456789ab".
std::string short_digest(const std::string& digest) {
  const std::size_t colon = digest.find(':');
  return colon == std::string::npos ? digest : digest.substr(0, colon + 1 + 12);
}

// Of all proxies, each once.
std::string addresses(const std::vector<Routing>& routings) {
  std::vector<std::string> seen;
  for (const Routing& routing : routings)
    for (const Backend& backend : routing) {
      auto address = fmt::format("{}:{}", backend.address, backend.port);
      if (std::ranges::find(seen, address) == seen.end()) seen.push_back(std::move(address));
    }
  return fmt::format("{}", fmt::join(seen, ", "));
}

const spec::Slot& slot_of(const spec::Spec& spec, std::size_t slot) {
  return spec.slots.at(slot);
}

}  // namespace

std::string describe(const Release& release) {
  if (release.digest.empty()) return release.tag.empty() ? release.image : release.tag;
  if (release.tag.empty()) return short_digest(release.digest);
  return fmt::format("{} ({})", release.tag, short_digest(release.digest));
}

std::string_view step_name(const Step& step) {
  return std::visit(Overloaded{
                        [](const Pull&) { return "pull"; },
                        [](const Build&) { return "build"; },
                        [](const Stop&) { return "stop"; },
                        [](const SetAside&) { return "set-aside"; },
                        [](const PutBack&) { return "put-back"; },
                        [](const Remove&) { return "remove"; },
                        [](const Create&) { return "start"; },
                        [](const Start&) { return "start"; },
                        [](const AwaitHealth&) { return "health"; },
                        [](const Retire&) { return "retire"; },
                        [](const AwaitLeaving&) { return "settle"; },
                        [](const Switch&) { return "switch"; },
                        [](const Verify&) { return "verify"; },
                        [](const Drain&) { return "drain"; },
                    },
                    step);
}

std::string step_host(const spec::Spec& spec, const Step& step) {
  return std::visit(
      [&spec](const auto& value) -> std::string {
        if constexpr (requires { value.host; }) {
          return spec.app_hosts.at(value.host).name;
        } else {
          std::vector<std::string> names;
          if (spec.proxied)
            for (const spec::Host& host : spec::proxies(spec)) names.push_back(host.name);
          return fmt::format("{}", fmt::join(names, ", "));
        }
      },
      step);
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

std::string describe(const spec::Spec& spec, const Step& step) {
  return std::visit(
      Overloaded{
          [](const Pull& pull) {
            return fmt::format("{} {}:{}", pull.release.built() ? "look for" : "pull", pull.release.image,
                               describe(pull.release));
          },
          [&](const Build& build) {
            return fmt::format("build {}:{} from {}", build.release.image, describe(build.release),
                               spec.build ? spec.build->context.string() : "its context");
          },
          [&](const Stop& stop) {
            return fmt::format("stop {}, which does not serve", slot_of(spec, stop.slot).container);
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
            return fmt::format("start {} {} on port {}", slot.container, describe(create.launch.release),
                               slot.port);
          },
          [&](const Start& start) {
            const spec::Slot& slot = slot_of(spec, start.slot);
            return fmt::format("start {} {} again on port {}", slot.container, describe(start.release),
                               slot.port);
          },
          [&](const AwaitHealth& health) {
            return fmt::format("wait until {} is healthy", slot_of(spec, health.slot).container);
          },
          [&](const Retire& retire) {
            return fmt::format("{} {} {}", retire.how == spec::Retire::remove ? "remove" : "stop",
                               container_name(spec, retire), describe(retire.release));
          },
          [](const AwaitLeaving&) {
            return std::string("wait for nginx workers that still serve an earlier configuration");
          },
          [&](const Switch& change) {
            if (!spec.proxied) return fmt::format("leave the traffic to {}", slot_of(spec, change.slot).name);
            if (change.rewrite)
              return fmt::format("write {} as the spec has it ({}, {}) and reload nginx",
                                 routing_file(spec, change.slot), slot_of(spec, change.slot).name,
                                 addresses(change.routing));
            return fmt::format("point {} at {} ({}) and reload nginx", routing_file(spec, change.slot),
                               slot_of(spec, change.slot).name, addresses(change.routing));
          },
          [&](const Verify& verify) {
            return fmt::format("see that requests for {} get through to {}{}",
                               spec.verify ? spec.verify->path : "/", slot_of(spec, verify.slot).name,
                               verify.old_stopped ? " alone" : "");
          },
          [&](const Drain& drain) {
            if (!spec.proxied)
              return fmt::format("wait {}, in which nginx tries the new port again",
                                 core::format_duration(std::min(spec.drain_timeout, k_until_tried_again)));
            return fmt::format("wait until nothing uses {}, at most {}", slot_of(spec, drain.slot).name,
                               core::format_duration(spec.drain_timeout));
          },
      },
      step);
}

std::string describe_undo(const spec::Spec& spec, const Step& step) {
  return std::visit(
      Overloaded{
          [](const auto&) { return std::string(); },
          [&](const Stop& stop) {
            return stop.restart_on_undo ? fmt::format("start {} again", slot_of(spec, stop.slot).container)
                                        : std::string();
          },
          [&](const SetAside& aside) {
            return fmt::format("put {} back", slot_of(spec, aside.slot).container);
          },
          [&](const Create& create) {
            return fmt::format("stop and remove {}", slot_of(spec, create.slot).container);
          },
          [&](const Start& start) { return fmt::format("stop {}", slot_of(spec, start.slot).container); },
          [&](const Switch&) {
            return spec.proxied ? fmt::format("put {} back and reload nginx", routing_file(spec))
                                : std::string();
          },
      },
      step);
}

}  // namespace bgdeploy::plan
