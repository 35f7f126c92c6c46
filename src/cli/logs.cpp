#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/printable_json.hpp"
#include "bgdeploy/deploy/logs.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "page.hpp"
#include "reader.hpp"
#include "state_text.hpp"
#include "times.hpp"

namespace bgdeploy::cli {
namespace {

constexpr int k_usual_tail = 100;

std::string failed_heading(const deploy::FailedLog& failed) {
  return fmt::format("{} in {} failed at {}: {}\n", core::printable(failed.log.release),
                     core::printable(failed.log.slot), local_time(failed.time),
                     core::printable(failed.log.why));
}

std::span<const std::string> of_tail(const std::vector<std::string>& lines, int tail) {
  const std::size_t count = tail < 0 ? lines.size() : std::min(lines.size(), static_cast<std::size_t>(tail));
  return std::span(lines).last(count);
}

// With a beginning all of it is meant, unless a number was given.
core::Result<runtime::LogRange> range_of(const Arguments& arguments) {
  const core::SystemTime now = core::system_clock().wall();
  runtime::LogRange range{.tail = arguments.tail.value_or(arguments.since ? -1 : k_usual_tail),
                          .follow = arguments.follow};
  if (arguments.since) {
    BGDEPLOY_ASSIGN(range.since, past_time_of("--since", *arguments.since, now));
  }
  if (arguments.until) {
    BGDEPLOY_ASSIGN(range.until, past_time_of("--until", *arguments.until, now));
  }
  return range;
}

// One a host, where there are several.
Color color_of(const spec::Spec& spec, const std::string& host) {
  constexpr std::array k_colors{Color::blue, Color::magenta, Color::green};
  if (spec.app_hosts.size() < 2) return Color::none;
  const auto at = std::ranges::find(spec.app_hosts, host, &spec::Host::name);
  return k_colors[static_cast<std::size_t>(at - spec.app_hosts.begin()) % k_colors.size()];
}

}  // namespace

int run_logs(const Arguments& arguments) {
  const auto range = range_of(arguments);
  if (!range) return print_error(range.error());
  Reader reader(arguments);
  auto session = Session::open(reader.arguments());
  if (!session) return print_error(session.error());
  const Page page = page_of_stdout(arguments.no_color);
  const bool json = arguments.output == "json";
  const auto line = [&](const std::string& host, const std::string& text) {
    if (json)
      reader.give(core::printable_json(dumped({{"host", host}, {"text", text}}, -1)) + "\n", false);
    else
      reader.give(fmt::format("{} | {}\n", painted(page, color_of((*session)->spec(), host), host),
                              core::printable(text)),
                  false);
  };
  if (arguments.failed) {
    const auto failed = deploy::failed_log((*session)->context());
    if (!failed) return print_error(failed.error());
    const auto& hosts = failed->log.hosts;
    if (!arguments.host.empty() &&
        std::ranges::find(hosts, arguments.host, &deploy::LogOfHost::host) == hosts.end()) {
      std::vector<std::string> names;
      for (const deploy::LogOfHost& host : hosts) names.push_back(host.host);
      return print_error(
          {core::ErrorKind::usage,
           fmt::format("no log of {} was kept, only of {}", arguments.host, fmt::join(names, ", ")),
           {}});
    }
    print(fitted(failed_heading(*failed), page_of_stderr(arguments.no_color)), stderr);
    for (const deploy::LogOfHost& host : hosts)
      if (arguments.host.empty() || arguments.host == host.host)
        for (const std::string& text : of_tail(host.lines, range->tail)) line(host.host, text);
    return 0;
  }
  const auto result =
      deploy::logs((*session)->context(), {.slot = arguments.slot, .host = arguments.host}, *range, line);
  return result || !reader.reads() ? 0 : print_error(result.error());
}

}  // namespace bgdeploy::cli
