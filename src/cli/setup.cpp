#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "ask.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/setup.hpp"
#include "command.hpp"
#include "commands.hpp"

namespace bgdeploy::cli {

int run_setup(const Arguments& arguments) {
  auto session = Session::open(arguments);
  if (!session) return print_error(session.error());
  const deploy::Context& context = (*session)->context();
  const auto hosts = deploy::look_for_lacks(context, arguments.host);
  if (!hosts) return print_error(hosts.error());
  std::string names;
  const bool several = std::ranges::count_if(*hosts, [](const auto& one) { return !one.script.empty(); }) > 1;
  for (const deploy::HostSetup& one : *hosts) {
    if (one.script.empty()) {
      print(fmt::format("# {}: nothing is lacking\n", core::printable(one.host.name)));
      continue;
    }
    if (several) print(fmt::format("# ==> {} <==\n", core::printable(one.host.name)));
    print(one.script + "\n");
    names += (names.empty() ? "" : ", ") + core::printable(one.host.name);
  }
  if (names.empty()) return 0;
  if (!arguments.yes) {
    if (::isatty(STDIN_FILENO) != 1)
      return print_error(
          {core::ErrorKind::usage,
           "nothing was changed: no terminal to ask on",
           {},
           several ? fmt::format("bgdeploy setup --yes, or for each of {}: bgdeploy setup --host HOST "
                                 ">setup.sh, and run that there as root",
                                 names)
                   : "bgdeploy setup --yes, or run the script as root on " + names});
    print(several ? fmt::format("# Run each of these as root on its host ({})? [yes/no] ", names)
                  : fmt::format("# Run this as root on {}? [yes/no] ", names));
    std::fflush(stdout);
    if (core::trim(read_line(arguments.stop)) != "yes")
      return print_error(
          {arguments.stop.stop_requested() ? core::ErrorKind::cancelled : core::ErrorKind::usage,
           "nothing was changed",
           {},
           {}});
  }
  const auto done = deploy::set_up(context, *hosts);
  (*session)->close_report();
  if (!done) return print_error(done.error());
  print(fmt::format("# {}: nothing is lacking any more; next: bgdeploy check\n", names));
  return 0;
}

}  // namespace bgdeploy::cli
