// lock and unlock set and end a freeze. Neither touches the lock of a running deploy.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/deploy/lock/freeze.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "state_text.hpp"
#include "times.hpp"

namespace bgdeploy::cli {

namespace {

core::Result<deploy::FreezeEnd> end_of(const Arguments& arguments) {
  if (arguments.duration) {
    BGDEPLOY_ASSIGN(const auto duration, duration_of("--for", *arguments.duration));
    if (duration.count() > 0) return duration;
    return core::fail(core::ErrorKind::usage, "--for: a freeze of no time ends at once");
  }
  if (!arguments.until) return deploy::FreezeEnd{};
  const auto time = time_of("--until", *arguments.until);
  if (!time && core::parse_duration(*arguments.until))
    return core::fail(core::ErrorKind::usage, time.error().message, {}, "--for " + *arguments.until);
  BGDEPLOY_TRY(time);
  if (*time <= core::system_clock().wall())
    return core::fail(core::ErrorKind::usage, fmt::format("--until: {} is past", core::format_time(*time)));
  return *time;
}

}  // namespace

int run_lock(const Arguments& arguments) {
  const auto end = end_of(arguments);
  if (!end) return print_error(end.error());
  auto session = Session::open(arguments);
  if (!session) return print_error(session.error());
  const auto frozen = deploy::freeze_service((*session)->context(), arguments.message, *end);
  if (!frozen) return print_error(frozen.error());
  if (arguments.output == "json") {
    print_json(dumped({{"service", (*session)->spec().service},
                       {"frozen", true},
                       {"message", arguments.message},
                       {"until", frozen->until ? nlohmann::ordered_json(core::format_time(*frozen->until))
                                               : nlohmann::ordered_json(nullptr)},
                       {"replaced", owner_json(frozen->replaced)}}));
    return 0;
  }
  print(as_typed(fmt::format("{} is frozen: deploys answer with exit code 4 until {}`bgdeploy unlock`\n",
                             (*session)->spec().service,
                             frozen->until ? core::format_time(*frozen->until) + ", or until " : "")));
  if (const auto& earlier = frozen->replaced)
    print(fmt::format("this replaces the freeze by {} since {}: {}\n", core::printable(earlier->who),
                      core::format_time(earlier->since), core::printable(earlier->what)));
  return 0;
}

int run_unlock(const Arguments& arguments) {
  auto session = Session::open(arguments);
  if (!session) return print_error(session.error());
  const auto thawed = deploy::unfreeze_service((*session)->context());
  if (!thawed) return print_error(thawed.error());
  if (arguments.output == "json")
    print_json(dumped({{"service", (*session)->spec().service}, {"frozen", false}, {"was_frozen", *thawed}}));
  else
    print(fmt::format("{} {}\n", (*session)->spec().service,
                      *thawed ? "is not frozen any more" : "was not frozen"));
  return 0;
}

}  // namespace bgdeploy::cli
