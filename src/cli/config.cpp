#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/check.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/release/secrets.hpp"
#include "bgdeploy/spec/load.hpp"
#include "command.hpp"
#include "commands.hpp"

namespace bgdeploy::cli {

namespace {

// A machine may be an app host and a proxy.
std::string machines_of(const spec::Spec& spec) {
  std::vector<spec::Host> machines;
  for (const auto* hosts : {&spec.app_hosts, &spec.proxy_hosts})
    for (const spec::Host& host : *hosts)
      if (std::ranges::none_of(machines, [&](const auto& one) { return spec::same_machine(one, host); }))
        machines.push_back(host);
  return fmt::format("{} host{}", machines.size(), machines.size() == 1 ? "" : "s");
}

}  // namespace

int run_config(const Arguments& arguments) {
  const auto session = Session::open(arguments);
  if (!session) return print_error(session.error());
  const spec::Spec* spec = &(*session)->spec();
  if (const auto checked = deploy::check_offline(*spec); !checked) return print_error(checked.error());
  const deploy::Context& context = (*session)->context();
  if (!arguments.offline) {
    const auto wait = deploy::deadlines::within(context.clock, deploy::deadlines::k_command, context.stop);
    if (auto read = deploy::check_local_sources(context, wait); !read)
      return print_error(context.sink.redacted(std::move(read.error())));
  }
  for (const std::string& key : deploy::hide_what_is_at_hand(*spec, context.variables, context.sink))
    context.sink.emit(
        report::Warning{fmt::format("{} has less than {} bytes, so it is not hidden in what the app prints",
                                    key, report::Redactor::k_least)});
  if (arguments.quiet && arguments.output != "json") {
    print(fmt::format("{}: ok ({}{}, {})\n", core::printable(spec->file.string()), spec->service,
                      spec->environment.empty() ? "" : " in " + spec->environment, machines_of(*spec)));
    return 0;
  }
  const bool json = arguments.output == "json";
  const std::string text = spec::render(
      *spec, json, [&](std::string value) { return context.sink.redacted(std::move(value)); });
  json ? print_json(core::trim(text)) : print(text);
  return 0;
}

int run_validate(const Arguments& arguments) {
  Arguments quiet = arguments;
  quiet.quiet = true;
  return run_config(quiet);
}

}  // namespace bgdeploy::cli
