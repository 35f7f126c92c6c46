#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "bgdeploy/deploy/inspect.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "command.hpp"
#include "state_text.hpp"

namespace bgdeploy::cli {
namespace {

std::string as_text(const spec::Spec& spec, const deploy::Survey& survey) {
  std::string text = state_text(spec, survey.state, survey.lock);
  for (const auto& [host, error] : survey.failed) text += "\n" + error_text("not shown", error);
  return text;
}

std::string as_json(const spec::Spec& spec, const deploy::Survey& survey) {
  auto document = state_json(spec, survey.state, survey.lock);
  document["failed"] = nlohmann::ordered_json::array();
  for (const auto& [host, error] : survey.failed)
    document["failed"].push_back(
        {{"host", host.name},
         {"error", {{"kind", core::to_string(error.kind)}, {"message", error.message}}}});
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

int run(const Globals& globals) {
  auto session = Session::open(globals);
  if (!session) return print_error(session.error());
  const spec::Spec& spec = (*session)->spec();
  const auto survey = deploy::survey((*session)->context());
  if (!survey) return print_error(survey.error());
  print(globals.output == "json" ? as_json(spec, *survey) : as_text(spec, *survey));
  const auto live = plan::live_slot(spec, survey->state);
  if (!live) return deploy::exit_code(live.error().kind);
  return survey->failed.empty() ? 0 : deploy::exit_code(survey->failed.front().error.kind);
}

}  // namespace

void add_status(const Registration& registration) {
  CLI::App* command = registration.app.add_subcommand("status", "Show what runs where, and what serves");
  command->footer(
      "Example: bgdeploy status -o json\n\nExit code 5 when the proxies disagree or name neither slot, 3 "
      "when a host cannot be reached: the others are shown.");
  add_output_option(*command, registration.globals);
  command->callback(
      [=] { registration.action = [&globals = registration.globals] { return run(globals); }; });
}

}  // namespace bgdeploy::cli
