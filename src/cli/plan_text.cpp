#include "plan_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bgdeploy/core/display_width.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/report/layout.hpp"
#include "command.hpp"
#include "page.hpp"
#include "state_text.hpp"

namespace bgdeploy::cli {
namespace {

nlohmann::ordered_json changes_json(const std::vector<deploy::Change>& changes) {
  const auto value = [](const std::string& text) {
    auto json = nlohmann::ordered_json::parse(text, nullptr, false);
    if (text.empty()) return nlohmann::ordered_json(nullptr);
    return json.is_discarded() ? nlohmann::ordered_json(text) : json;
  };
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const deploy::Change& change : changes)
    list.push_back(change.words.empty()
                       ? nlohmann::ordered_json{{"key", change.key},
                                                {"before", value(change.before)},
                                                {"after", value(change.after)}}
                       : nlohmann::ordered_json{{"key", change.key}, {"change", change.words}});
  return list;
}

// Against what serves.
std::string changes_text(const deploy::Preview& preview) {
  const plan::Plan& plan = preview.plan;
  if (!plan.live || plan.from == plan::Release{}) return {};
  std::string text;
  for (const deploy::Change& change : preview.changes)
    // The heading has these two.
    if (change.key != "tag" && change.key != "digest") text += "  " + deploy::describe(change) + "\n";
  if (!preview.compared && text.empty())
    return fmt::format("how {} runs is not recorded; nothing is known to differ\n",
                       core::printable(plan::short_name(plan.from)));
  if (!preview.compared)
    return fmt::format("how {} runs is not recorded; what is known to differ:\n{}",
                       core::printable(plan::short_name(plan.from)), text);
  if (text.empty()) return "the configuration does not change\n";
  return fmt::format("what changes, compared with {}:\n{}", core::printable(plan::short_name(plan.from)),
                     text);
}

std::string as_json(const spec::Spec& spec, const deploy::Preview& preview) {
  const plan::Plan& plan = preview.plan;
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const plan::Step& step : plan.steps)
    steps.push_back({{"step", plan::step_name(step)},
                     {"host", plan::step_host(spec, step)},
                     {"slot", plan::step_slot(spec, step)},
                     {"what", plan::describe(spec, step)},
                     {"undo", plan::describe_undo(spec, step)}});
  auto notes = plan.notes;
  notes.insert(notes.end(), plan.remarks.begin(), plan.remarks.end());
  nlohmann::ordered_json document = {{"service", spec.service},
                                     {"from", release_json(plan.from)},
                                     {"to", release_json(plan.to)},
                                     {"live", plan.live ? spec.slots[*plan.live].name : ""},
                                     {"target", spec.slots[plan.target].name},
                                     {"notes", notes},
                                     {"skipped", plan.skipped},
                                     {"compared", preview.compared},
                                     {"changes", changes_json(preview.changes)},
                                     {"steps", std::move(steps)},
                                     {"observed", state_json(spec, preview.state, preview.lock)}};
  return dumped(document);
}

// "Plan: start 1, switch 1 proxy, stop 1. Nothing was changed."
std::string tally(const plan::Plan& plan) {
  std::size_t starts = 0, stops = 0, proxies = 0, hooks = 0;
  for (const plan::Step& step : plan.steps) {
    if (std::holds_alternative<plan::Create>(step) || std::holds_alternative<plan::Start>(step)) ++starts;
    if (std::holds_alternative<plan::Retire>(step) || std::holds_alternative<plan::StopFirst>(step)) ++stops;
    if (std::holds_alternative<plan::RunHook>(step)) ++hooks;
    if (const auto* change = std::get_if<plan::Switch>(&step)) proxies = change->routing.size();
  }
  std::vector<std::string> parts;
  if (starts > 0) parts.push_back(fmt::format("start {}", starts));
  if (hooks > 0) parts.push_back(fmt::format("run {} hook{}", hooks, hooks == 1 ? "" : "s"));
  if (proxies > 0)
    parts.push_back(fmt::format("{} {} {}", plan.rewrites() ? "rewrite" : "switch", proxies,
                                proxies == 1 ? "proxy" : "proxies"));
  if (stops > 0) parts.push_back(fmt::format("stop {}", stops));
  const std::string what =
      parts.empty() ? fmt::format("{} step{}", plan.steps.size(), plan.steps.size() == 1 ? "" : "s")
                    : fmt::format("{}", fmt::join(parts, ", "));
  return fmt::format("Plan: {}. Nothing was changed.\n", what);
}

std::string steps_text(const spec::Spec& spec, const plan::Plan& plan, bool verbose, const Page& page) {
  constexpr int k_widest_host = 24;
  int host_width = 0, step_width = 0;
  const auto host_of = [&](const plan::Step& step) {
    const auto hosts = plan::step_hosts(spec, step);
    return report::cut(hosts.size() > 1 ? fmt::format("{} hosts", hosts.size())
                       : hosts.empty()  ? ""
                                        : core::printable(hosts.front()),
                       k_widest_host);
  };
  for (const plan::Step& step : plan.steps) {
    host_width = std::max(host_width, core::display_width(host_of(step)));
    step_width = std::max(step_width, static_cast<int>(plan::step_name(step).size()));
  }
  std::string text;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const plan::Step& step = plan.steps[i];
    std::string begin =
        fmt::format("{:>3}  {}  {}  ", i + 1, report::padded(plan::step_name(step), step_width),
                    report::padded(host_of(step), host_width));
    const int indent = core::display_width(begin);
    const auto add = [&](const std::string& words) {
      for (const std::string& line :
           report::wrapped(core::printable(words), std::max(page.width - indent, 20))) {
        text += begin + line + "\n";
        begin.assign(static_cast<std::size_t>(indent), ' ');
      }
    };
    add(verbose ? plan::describe(spec, step) : plan::about(spec, plan, step));
    if (const auto undo = plan::inverse(step); undo && verbose) add("undo: " + plan::describe(spec, *undo));
  }
  return text;
}

// "shop: 1.1.0 (sha256:d73367740b0c) to green; 1.0.0 serves on blue"
std::string heading(const spec::Spec& spec, const plan::Plan& plan) {
  const std::string& target = spec.slots[plan.target].name;
  std::string text = fmt::format("{}: ", spec.service);
  if (plan.steps.empty())
    return text + fmt::format("{} is live on {} already: nothing to do", plan::describe(plan.to), target);
  if (plan.rewrites())
    return text + fmt::format("{} is live on {} already: only {} is not what the spec would write",
                              plan::describe(plan.to), target, plan::proxy_kind(spec).file_pattern(spec));
  text += fmt::format("{} {} on {}", plan.command, plan::describe(plan.to), target);
  if (!plan.live || plan.from == plan::Release{}) return text + "; nothing serves";
  const bool same = plan.from.tag == plan.to.tag;
  return text + fmt::format("; {} serves on {}",
                            same ? plan::describe(plan.from) : plan::short_name(plan.from),
                            spec.slots[*plan.live].name);
}

}  // namespace

std::string preview_text(const spec::Spec& spec, const deploy::Preview& preview, const Arguments& arguments,
                         const Page& page) {
  const plan::Plan& plan = preview.plan;
  const core::SystemTime now = core::system_clock().wall();
  std::string text =
      fitted(core::printable(heading(spec, plan)) + "\n", page) + lock_text(preview.lock, now, page);
  if (arguments.verbose)
    text += "\n" + slots_text(spec, preview.state, {.now = now, .verbose = true}, page) +
            proxies_text(spec, preview.state, page);
  for (const plan::ProxyHost& proxy : preview.state.proxies)
    if (proxy.unfinished)
      text += noted("!", Color::magenta,
                    fmt::format("{}: an earlier switch was cut short; it is ended first", proxy.host), page);
  for (const std::string& note : plan.notes) text += noted("!", Color::magenta, note, page);
  for (const std::string& odd : oddities(spec, preview.state, preview.lock))
    if (std::ranges::find(plan.notes, odd) == plan.notes.end()) text += noted("!", Color::magenta, odd, page);
  for (const std::string& remark : plan.remarks) text += fitted(core::printable(remark) + "\n", page);
  text += fitted(changes_text(preview), page);
  for (const std::string& hook : plan.skipped)
    text += fitted("skipped: " + core::printable(hook) + "\n", page);
  if (plan.steps.empty()) return text;
  return text + "\n" + steps_text(spec, plan, arguments.verbose, page) + "\n" + tally(plan);
}

void print_preview(const spec::Spec& spec, const deploy::Preview& preview, const Arguments& arguments) {
  arguments.output == "json"
      ? print_json(as_json(spec, preview))
      : print(preview_text(spec, preview, arguments, page_of_stdout(arguments.no_color)));
}

}  // namespace bgdeploy::cli
