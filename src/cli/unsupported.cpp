// Commands that are planned: refused by name, never taken for a typing error.
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include "command.hpp"

namespace bgdeploy::cli {

void add_unsupported(const Registration& registration) {
  for (const char* name :
       {"promote", "abort", "run", "setup", "init", "prune", "site", "schema", "completion"}) {
    CLI::App* command = registration.app.add_subcommand(name, "Not supported yet")->group("");
    command->fallthrough(false)->prefix_command();  // whatever follows is not looked at
    command->callback([=] {
      registration.action = [name] {
        return print_error({core::ErrorKind::unsupported, fmt::format("{} is not supported yet", name), {}});
      };
    });
  }
}

}  // namespace bgdeploy::cli
