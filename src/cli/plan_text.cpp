#include "plan_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "command.hpp"
#include "state_text.hpp"

namespace bgdeploy::cli {
namespace {

std::string as_json(const spec::Spec& spec, const deploy::Preview& preview) {
  const plan::Plan& plan = preview.plan;
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const plan::Step& step : plan.steps)
    steps.push_back({{"step", plan::step_name(step)},
                     {"host", plan::step_host(spec, step)},
                     {"slot", plan::step_slot(spec, step)},
                     {"what", plan::describe(spec, step)},
                     {"undo", plan::describe_undo(spec, step)}});
  nlohmann::ordered_json document = {{"service", spec.service},
                                     {"from", release_json(plan.from)},
                                     {"to", release_json(plan.to)},
                                     {"live", plan.live ? spec.slots[*plan.live].name : ""},
                                     {"target", spec.slots[plan.target].name},
                                     {"notes", plan.notes},
                                     {"steps", std::move(steps)},
                                     {"observed", state_json(spec, preview.state, preview.lock)}};
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string as_text(const spec::Spec& spec, const deploy::Preview& preview) {
  const plan::Plan& plan = preview.plan;
  std::string text = state_text(spec, preview.state, preview.lock);
  for (const plan::ProxyHost& proxy : preview.state.proxies)
    if (proxy.unfinished)
      text += fmt::format("\n! {}: an earlier switch was cut short; it is ended first\n", proxy.host);
  for (const std::string& note : plan.notes) text += "\n! " + core::printable(note) + "\n";
  if (plan.steps.empty())
    return text + fmt::format("\n{} is live on {} already: nothing to do\n", plan::describe(plan.to),
                              spec.slots[plan.target].name);
  if (plan.rewrites())
    text +=
        fmt::format("\n{} is live on {} already: only {} is not what the spec would write\n\n",
                    plan::describe(plan.to), spec.slots[plan.target].name, spec::routing_file(spec.nginx));
  else
    text += fmt::format("\n{} -> {} on {} ({})\n\n",
                        plan.from == plan::Release{}
                            ? "nothing"
                            : plan::describe(plan.from) + " on " + spec.slots[*plan.live].name,
                        plan::describe(plan.to), spec.slots[plan.target].name, plan.to.digest);
  std::vector<std::vector<std::string>> rows = {{"", "STEP", "HOST", "SLOT", "WHAT", "UNDONE BY"}};
  for (const plan::Step& step : plan.steps)
    rows.push_back({std::to_string(rows.size()), std::string(plan::step_name(step)),
                    plan::step_host(spec, step), plan::step_slot(spec, step), plan::describe(spec, step),
                    plan::describe_undo(spec, step)});
  return text + table(rows);
}

}  // namespace

void print_preview(const spec::Spec& spec, const deploy::Preview& preview, bool json) {
  json ? print_json(as_json(spec, preview)) : print(as_text(spec, preview));
}

}  // namespace bgdeploy::cli
