// lock and unlock set and end a freeze. Neither touches the lock of a running deploy.
#include <fmt/format.h>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/deploy/lock/freeze.hpp"
#include "command.hpp"
#include "commands.hpp"

namespace bgdeploy::cli {

namespace {

core::Error no_time(std::string message) {
  return {core::ErrorKind::usage, std::move(message), {}};
}

core::Result<deploy::FreezeEnd> end_of(const Arguments& arguments) {
  if (arguments.duration) {
    const auto duration = core::parse_duration(*arguments.duration);
    if (duration && duration->count() > 0) return *duration;
    return std::unexpected(no_time(fmt::format("--for: '{}' is no duration; write it as 30m, 2h or 48h",
                                               core::printable(*arguments.duration))));
  }
  if (!arguments.until) return deploy::FreezeEnd{};
  const auto time = core::parse_local_time(*arguments.until);
  if (!time)
    return std::unexpected(
        no_time(fmt::format("--until: '{}' is no time; write it as 2026-12-27T08:00, with Z "
                            "or an offset where it is not local time",
                            core::printable(*arguments.until))));
  if (*time <= core::system_clock().wall())
    return std::unexpected(no_time(fmt::format("--until: {} is past", core::format_time(*time))));
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
  print(fmt::format("{} is frozen: deploys answer with exit code 4 until {}`bgdeploy unlock`\n",
                    (*session)->spec().service,
                    frozen->until ? core::format_time(*frozen->until) + ", or until " : ""));
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
  print(fmt::format("{} {}\n", (*session)->spec().service,
                    *thawed ? "is not frozen any more" : "was not frozen"));
  return 0;
}

}  // namespace bgdeploy::cli
