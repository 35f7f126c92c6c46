// lock and unlock: a freeze that people set. The lock of a running deploy is not touched by either.
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/inspect.hpp"
#include "command.hpp"

namespace bgdeploy::cli {
namespace {

int run_lock(const Globals& globals, const std::string& text) {
  auto session = Session::open(globals);
  if (!session) return print_error(session.error());
  const auto replaced = deploy::freeze_service((*session)->context(), text);
  if (!replaced) return print_error(replaced.error());
  print(fmt::format("{} is frozen: deploys answer with exit code 4 until `bgdeploy unlock`\n",
                    (*session)->spec().service));
  if (const auto& earlier = *replaced)
    print(fmt::format("this replaces the freeze by {} since {}: {}\n", core::printable(earlier->who),
                      core::format_time(earlier->since), core::printable(earlier->what)));
  return 0;
}

int run_unlock(const Globals& globals) {
  auto session = Session::open(globals);
  if (!session) return print_error(session.error());
  const auto thawed = deploy::unfreeze_service((*session)->context());
  if (!thawed) return print_error(thawed.error());
  print(fmt::format("{} {}\n", (*session)->spec().service,
                    *thawed ? "is not frozen any more" : "was not frozen"));
  return 0;
}

}  // namespace

void add_lock(const Registration& registration) {
  CLI::App* lock = registration.app.add_subcommand("lock", "Freeze the service: no deploys until unlock");
  lock->footer("Example: bgdeploy lock -m \"database migration until 14:00\"");
  auto text = std::make_shared<std::string>();
  lock->add_option("-m,--message", *text, "Why; deploys quote it")->required();
  lock->callback([=] {
    registration.action = [text, &globals = registration.globals] { return run_lock(globals, *text); };
  });
  CLI::App* unlock = registration.app.add_subcommand("unlock", "Take the freeze away");
  unlock->footer("Example: bgdeploy unlock");
  unlock->callback(
      [=] { registration.action = [&globals = registration.globals] { return run_unlock(globals); }; });
}

}  // namespace bgdeploy::cli
