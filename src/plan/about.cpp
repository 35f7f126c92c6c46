// Steps in the few words that stand beside their name.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/plan/hooks.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "overloaded.hpp"

namespace bgdeploy::plan {
namespace {

// "shop-green :8082"; a worker has no port.
std::string place(const spec::Spec& spec, std::size_t slot) {
  const spec::Slot& of = spec.slots.at(slot);
  return of.port == 0 ? of.container : fmt::format("{} :{}", of.container, of.port);
}

std::string named(const std::string& container, const Release& release) {
  return release == Release{} ? container : fmt::format("{} ({})", container, short_name(release));
}

// What had to make room for a new container.
std::string made_room(const Plan& plan, const Create& create) {
  for (const Step& step : plan.steps)
    if (const auto* aside = std::get_if<SetAside>(&step);
        aside != nullptr && aside->host == create.host && aside->slot == create.slot)
      return fmt::format(" ({} set aside)", short_name(aside->release));
  return "";
}

std::string image(const Release& release) {
  if (release.tag.empty()) return fmt::format("{}@{}", release.image, short_name(release));
  return fmt::format("{}:{}", release.image, release.tag);
}

std::string switched(const spec::Spec& spec, const Switch& change) {
  const std::string& to = spec.slots.at(change.slot).name;
  std::string where = to;
  if (change.rewrite)
    where = fmt::format("{} written anew for {}", proxy_kind(spec).file(spec, change.slot), to);
  else if (change.from)
    where = fmt::format("{} -> {}", spec.slots.at(*change.from).name, to);
  const auto at = addresses(change.routing);
  return at.empty() ? where : fmt::format("{} ({})", where, fmt::join(at, ", "));
}

}  // namespace

std::string short_name(const Release& release) {
  return release.tag.empty() ? describe(release) : release.tag;
}

std::string about(const spec::Spec& spec, const Plan& plan, const Step& step) {
  const auto container = [&](const auto& of) { return spec.slots.at(of.slot).container; };
  const auto slot = [&](const auto& of) { return spec.slots.at(of.slot).name; };
  return std::visit(
      Overloaded{
          [](const Pull& pull) { return image(pull.release); },
          [](const Build& build) { return image(build.release); },
          [](const Send& send) { return fmt::format("{} ({})", image(send.release), size_of(send)); },
          [&](const Stop& stop) { return container(stop) + ", which does not serve"; },
          [&](const StopFirst& stop) { return named(container_name(spec, stop), stop.release); },
          [&](const SetAside& aside) { return named(container(aside), aside.release); },
          [&](const PutBack& back) { return named(container(back), back.release); },
          [&](const Remove& remove) { return named(container(remove), remove.release); },
          [&](const Create& create) { return place(spec, create.slot) + made_room(plan, create); },
          [&](const Start& start) { return place(spec, start.slot) + " (the container that was kept)"; },
          [&](const Discard& discard) { return container(discard); },
          [&](const AwaitHealth& health) { return container(health); },
          [&](const Retire& retire) {
            return named(container_name(spec, retire), retire.release) +
                   (retire.how == spec::Retire::remove ? ", removed" : "");
          },
          [](const Prune&) { return std::string("what old releases left"); },
          [](const RunHook& hook) { return describe(hook); },
          [&](const AwaitLeaving&) { return std::string(proxy_kind(spec).leaving_words); },
          [&](const Switch& change) { return switched(spec, change); },
          [&](const Verify& verify) {
            const std::string path = spec.verify ? spec.verify->path : "/";
            return verify.old_stopped && plan.live
                       ? fmt::format("{}, with {} stopped", path, spec.slots.at(*plan.live).name)
                       : fmt::format("{} gets through to {}", path, slot(verify));
          },
          [&](const Watch& watch) {
            return fmt::format("{} for {}", slot(watch), core::format_duration(watch.settings.for_at_least));
          },
          [&](const Accept& accept) { return slot(accept); },
          [&](const Restore&) { return proxy_kind(spec).undo_words(spec); },
          [&](const Drain& drain) {
            return fmt::format("until nothing uses {}, at most {}", slot(drain),
                               core::format_duration(spec.drain_timeout));
          },
      },
      step);
}

std::string about_undo(const spec::Spec& spec, const Step& inverse) {
  if (const auto* discard = std::get_if<Discard>(&inverse))
    return fmt::format("{} {}", spec.slots.at(discard->slot).container,
                       discard->remove ? "removed" : "stopped");
  if (const auto* back = std::get_if<PutBack>(&inverse))
    return fmt::format("{} back in its place", named(spec.slots.at(back->slot).container, back->release));
  if (const auto* start = std::get_if<Start>(&inverse))
    return named(spec.slots.at(start->slot).container, start->release) + " started again";
  return describe(spec, inverse);
}

}  // namespace bgdeploy::plan
