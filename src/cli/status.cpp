#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "bgdeploy/deploy/inspect.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "command.hpp"
#include "state_text.hpp"

namespace bgdeploy::cli {
namespace {

std::string as_text(const spec::Spec& spec, const deploy::Survey& survey) {
  std::string text = core::printable(fmt::format("{}: {}", spec.service, survey.serving.words())) + "\n";
  text += state_text(spec, survey.state, survey.lock);
  for (const auto& [host, error] : survey.failed) text += "\n" + error_text("not shown", error);
  return text;
}

std::string as_json(const spec::Spec& spec, const deploy::Survey& survey) {
  using Who = deploy::Serving::Who;
  auto document = state_json(spec, survey.state, survey.lock);
  const deploy::Serving& serving = survey.serving;
  document["served"] = serving.who == Who::everybody ? "everybody"
                       : serving.who == Who::some    ? "some"
                                                     : "nobody";
  document["consistent"] = serving.consistent;
  document["troubles"] = serving.troubles;
  document["failed"] = nlohmann::ordered_json::array();
  for (const auto& [host, error] : survey.failed)
    document["failed"].push_back(
        {{"host", host.name},
         {"error", {{"kind", core::to_string(error.kind)}, {"message", error.message}}}});
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

// For monitoring: 0 served and consistent, 1 not.
int health_code(const deploy::Survey& survey) {
  const bool well = survey.serving.who == deploy::Serving::Who::everybody && survey.serving.consistent;
  return well && survey.failed.empty() ? 0 : 1;
}

int run(const Globals& globals, bool exit_code) {
  auto session = Session::open(globals);
  if (!session) return print_error(session.error());
  const spec::Spec& spec = (*session)->spec();
  const auto survey = deploy::survey((*session)->context());
  if (!survey) {
    const int code = print_error(survey.error());
    return exit_code && code != 2 ? 1 : code;
  }
  globals.output == "json" ? print_json(as_json(spec, *survey)) : print(as_text(spec, *survey));
  if (exit_code) return health_code(*survey);
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
  refuse_planned(*command, {"--watch"});
  const auto exit_code = std::make_shared<bool>(false);
  command->add_flag("--exit-code", *exit_code, "0 when everybody is served and all agrees, 1 when not");
  command->callback([=] {
    registration.action = [&globals = registration.globals, exit_code] { return run(globals, *exit_code); };
  });
}

}  // namespace bgdeploy::cli
