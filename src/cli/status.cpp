#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "bgdeploy/deploy/inspect.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "command.hpp"
#include "state_text.hpp"

namespace bgdeploy::cli {
namespace {

int run(const Globals& globals) {
  auto session = Session::open(globals);
  if (!session) return print_error(session.error());
  const spec::Spec& spec = (*session)->spec();
  const auto survey = deploy::survey((*session)->context());
  if (!survey) return print_error(survey.error());
  print(globals.output == "json" ? state_json(spec, survey->state, survey->lock)
                                           .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
                                       "\n"
                                 : state_text(spec, survey->state, survey->lock));
  const auto live = plan::live_slot(spec, survey->state);
  return live ? 0 : deploy::exit_code(live.error().kind);
}

}  // namespace

void add_status(const Registration& registration) {
  CLI::App* command = registration.app.add_subcommand("status", "Show what runs where, and what serves");
  command->footer(
      "Example: bgdeploy status -o json\n\nExit code 5 when the proxies disagree or name neither slot.");
  add_output_option(*command, registration.globals);
  command->callback(
      [=] { registration.action = [&globals = registration.globals] { return run(globals); }; });
}

}  // namespace bgdeploy::cli
