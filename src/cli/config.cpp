#include <CLI/CLI.hpp>

#include "bgdeploy/deploy/inspect.hpp"
#include "bgdeploy/spec/load.hpp"
#include "command.hpp"

namespace bgdeploy::cli {
namespace {

int run(const Globals& globals, bool quiet) {
  const auto spec = load_spec(globals);
  if (!spec) return print_error(spec.error());
  if (const auto checked = deploy::check_offline(*spec); !checked) return print_error(checked.error());
  if (!quiet) print(spec::render(*spec, globals.output == "json"));
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
