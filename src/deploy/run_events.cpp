#include "run_events.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/deploy/observe/serving.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "execute/step_context.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;

namespace {

// Nothing ran, and what served last runs again.
bool starts_again(const plan::Plan& plan) {
  return !plan.live && plan.from != plan::Release{} && plan.from == plan.to;
}

report::ReleaseName full_name(const plan::Release& release) {
  if (release == plan::Release{}) return {};
  return {name_of(release), release.digest.empty() ? std::nullopt : std::optional(release.digest)};
}

// As far as it is known: what nobody touched, or asked again, is as it was seen at first.
std::optional<report::Serving> now_serving(const Context& context, const Prepared& prepared,
                                           const Outcome& outcome, report::ReleaseName release) {
  const plan::Plan& plan = prepared.plan;
  const std::optional<std::size_t> slot = outcome.committed ? plan.target : plan.live;
  if (outcome.verdict == Verdict::inconsistent || release.name.empty() || !slot) return std::nullopt;
  report::Serving serving{
      .release = std::move(release), .slot = slot_name(context, slot), .checked = outcome.checked};
  for (const spec::Host& host : context.spec.app_hosts) serving.hosts.push_back(host.name);
  if (outcome.committed || outcome.checked) return serving;
  const Serving seen = deploy::serving(context.spec, prepared.state, {});
  if (seen.who != Serving::Who::everybody) serving.trouble = seen.words();
  return serving;
}

}  // namespace

report::Command command_of(const Goal& goal) {
  using report::Command;
  if (goal.promote) return Command::promote;
  if (goal.abort) return Command::abort;
  if (goal.rehearse) return Command::rehearse;
  return goal.kind == plan::Request::Kind::deploy ? Command::deploy : Command::rollback;
}

std::string_view command_name(const Goal& goal) {
  return to_string(command_of(goal));
}

const std::string& wish(const Goal& goal) {
  if (goal.to) return *goal.to;
  return goal.tag.empty() ? goal.digest : goal.tag;
}

std::string purpose(const Goal& goal) {
  return fmt::format("{}{}{}", command_name(goal), wish(goal).empty() ? "" : " ", wish(goal));
}

std::string slot_name(const Context& context, std::optional<std::size_t> slot) {
  return slot ? context.spec.slots[*slot].name : std::string();
}

std::string service_name(const spec::Spec& spec) {
  return spec.environment.empty() ? spec.service : fmt::format("{} ({})", spec.service, spec.environment);
}

std::string name_of(const plan::Release& release) {
  return release.tag.empty() ? release.digest : release.tag;
}

bool changes_release(const plan::Plan& plan) {
  return plan.switches() && !plan.rewrites();
}

std::string remark(const spec::Spec& spec, const Prepared& prepared) {
  const plan::Plan& plan = prepared.plan;
  if (starts_again(plan)) return "nothing ran any more";
  // With `retire: keep` there was nothing to start, and so nothing to stop again.
  const auto is_undone = [](const plan::Step& step) { return plan::inverse(step).has_value(); };
  if (plan.aim == plan::Plan::Aim::rehearse && std::ranges::none_of(plan.steps, is_undone))
    return "is healthy, and goes on running";
  if (plan.aim != plan::Plan::Aim::serve) return "";
  if (plan.rewrites())
    return fmt::format("already live; {} is written as the spec has it", plan::routing_file(spec));
  if (plan.switches()) return "";
  if (prepared.state.held) return "already live; the held release was taken away";
  const auto waits = [](const plan::Step& step) { return std::holds_alternative<plan::AwaitHealth>(step); };
  return std::ranges::all_of(plan.steps, waits) ? "already live"
                                                : "already live; removed leftovers of an interrupted deploy";
}

std::string public_url(const spec::Spec& spec, const plan::State& state) {
  if (spec.watch && !spec.watch->urls.empty()) return spec.watch->urls.front().url;
  for (const plan::ProxyHost& proxy : state.proxies)
    for (const plan::Front& front : proxy.fronts) {
      if (front.host.empty() || front.host == "_") continue;  // `server_name _` is of a site without a name
      const int usual = front.tls ? 443 : 80;
      return fmt::format("{}://{}{}/", front.tls ? "https" : "http", front.host,
                         front.port == usual ? "" : fmt::format(":{}", front.port));
    }
  return "";
}

report::PlanMade plan_made(const Context& context, const plan::Plan& plan) {
  report::PlanMade made{.steps = {},
                        .from = plan.live ? full_name(plan.from) : report::ReleaseName{},
                        .to = full_name(plan.to),
                        .live = slot_name(context, plan.live),
                        .target = slot_name(context, plan.target)};
  for (const plan::Step& step : plan.steps) made.steps.push_back(report_name(context.spec, step));
  return made;
}

report::Finished finished(const Context& context, const Goal& goal, const Prepared& prepared,
                          const Outcome& outcome, const std::string& words, core::Duration took) {
  const plan::Plan& plan = prepared.plan;
  // The tag does not tell the two apart.
  const bool same_tag = plan.from.tag == plan.to.tag && plan.from.digest != plan.to.digest;
  const auto named = [&](const plan::Release& release) {
    return report::ReleaseName{name_of(release), same_tag ? std::optional(release.digest) : std::nullopt};
  };
  return {.command = command_of(goal),
          .verdict = outcome.verdict,
          .exit_code = outcome.exit_code,
          .from = starts_again(plan) ? report::ReleaseName{} : named(plan.from),
          .to = named(plan.to),
          .slot = slot_name(context, outcome.committed ? plan.target : plan.live),
          .took = took,
          .remark = words,
          .error = outcome.error,
          .gap = outcome.gap,
          .serving = now_serving(context, prepared, outcome, named(outcome.committed ? plan.to : plan.from)),
          .service = service_name(context.spec),
          .url = public_url(context.spec, prepared.state)};
}

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
    case ErrorKind::unsupported:
    case ErrorKind::nothing:
      return 2;
    case ErrorKind::unreachable:
    case ErrorKind::untrusted:
    case ErrorKind::denied:
    case ErrorKind::lost:
      return 3;
    case ErrorKind::locked:
    case ErrorKind::frozen:
      return 4;
    case ErrorKind::inconsistent:
      return 5;
    case ErrorKind::cancelled:
      return 130;
    default:
      return 1;
  }
}

report::Finished refused(const Goal& goal, Error error, core::Duration took, const plan::Release& from) {
  const int code = exit_code(error.kind);
  const Verdict verdict = error.kind == ErrorKind::inconsistent ? Verdict::inconsistent
                          : error.kind == ErrorKind::cancelled  ? Verdict::interrupted
                                                                : Verdict::failed;
  return {.command = command_of(goal),
          .verdict = verdict,
          .exit_code = code,
          .from = {name_of(from)},
          .to = {wish(goal)},
          .took = took,
          .error = std::move(error),
          .nothing_changed = true};
}

}  // namespace bgdeploy::deploy
