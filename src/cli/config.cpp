#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/inspect.hpp"
#include "bgdeploy/deploy/secrets.hpp"
#include "bgdeploy/spec/load.hpp"
#include "command.hpp"

namespace bgdeploy::cli {
namespace {

int run(const Globals& globals, bool quiet) {
  const auto session = Session::open(globals);
  if (!session) return print_error(session.error());
  const spec::Spec* spec = &(*session)->spec();
  if (const auto checked = deploy::check_offline(*spec); !checked) return print_error(checked.error());
  const deploy::Context& context = (*session)->context();
  for (const std::string& key : deploy::hide_what_is_at_hand(*spec, context.variables, context.sink))
    context.sink.emit(
        {.name = "warning",
         .message = fmt::format("{} has less than {} bytes, so it is not hidden in what the app prints", key,
                                report::Veil::k_least)});
  if (!quiet)
    globals.output == "json" ? print_json(core::trim(spec::render(*spec, true)))
                             : print(spec::render(*spec, false));
  return 0;
}

}  // namespace

void add_config(const Registration& registration) {
  CLI::App* config =
      registration.app.add_subcommand("config", "Check the spec offline and print it resolved");
  config->footer(
      "Example: bgdeploy config -e staging\n\nSecrets are shown by where they come from, never by value.");
  add_output_option(*config, registration.globals);
  config->callback([=] {
    registration.action = [&globals = registration.globals] { return run(globals, globals.quiet); };
  });
  CLI::App* validate =
      registration.app.add_subcommand("validate", "Check the spec offline; the same as config --quiet");
  validate->footer("Example: bgdeploy validate");
  validate->callback(
      [=] { registration.action = [&globals = registration.globals] { return run(globals, true); }; });
}

}  // namespace bgdeploy::cli
