// logs and exec: looking into a slot's container.
#include <CLI/CLI.hpp>
#include <mutex>

#include <fmt/format.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/inspect.hpp"
#include "command.hpp"

namespace bgdeploy::cli {
namespace {

struct LogOptions {
  deploy::Which which;
  int tail = 100;
  bool follow = false;
};

int run_logs(const Globals& globals, const LogOptions& options) {
  std::stop_source stop;
  const std::stop_callback on_signal(globals.stop, [&] { stop.request_stop(); });
  Globals stoppable = globals;
  stoppable.stop = stop.get_token();
  auto session = Session::open(stoppable);
  if (!session) return print_error(session.error());
  std::mutex mutex;
  bool read = true;  // as with `| head`
  const auto line = [&](const std::string& host, bool is_stderr, const std::string& text) {
    const std::scoped_lock lock(mutex);
    read = read && print(fmt::format("{} | {}\n", host, core::printable(text)), is_stderr ? stderr : stdout);
    if (!read) stop.request_stop();
  };
  const auto result = deploy::logs((*session)->context(), options.which, options.tail, options.follow, line);
  return result || !read ? 0 : print_error(result.error());
}

int run_exec(const Globals& globals, const deploy::Which& which) {
  if (globals.words.empty())
    return print_error({core::ErrorKind::usage, "say what to run after --", {"bgdeploy exec -- ls -l"}});
  auto session = Session::open(globals);
  if (!session) return print_error(session.error());
  const auto output = deploy::exec((*session)->context(), which, globals.words);
  if (!output) return print_error(output.error());
  print(output->out);
  print(output->err, stderr);
  return output->exit_code;
}

}  // namespace

void add_logs(const Registration& registration) {
  CLI::App* command = registration.app.add_subcommand("logs", "Show the containers' logs");
  command->footer("Example: bgdeploy logs -n 200 -f");
  auto options = std::make_shared<LogOptions>();
  command->add_option("--slot", options->which.slot, "Default: the live slot");
  command->add_option("--host", options->which.host, "Default: all app hosts");
  command->add_option("-n,--tail", options->tail, "How many lines; -1 for all")->capture_default_str();
  command->add_flag("-f,--follow", options->follow, "Go on as more is written");
  command->callback([=] {
    registration.action = [options, &globals = registration.globals] { return run_logs(globals, *options); };
  });
}

void add_exec(const Registration& registration) {
  CLI::App* command = registration.app.add_subcommand("exec", "Run a command in the live container: exec -- CMD…");
  command->footer("Example: bgdeploy exec -- ./manage.py check\n\nThe exit code is the command's own.");
  auto which = std::make_shared<deploy::Which>();
  command->add_option("--slot", which->slot, "Default: the live slot");
  command->add_option("--host", which->host, "Default: the first app host");
  command->callback([=] {
    registration.action = [which, &globals = registration.globals] { return run_exec(globals, *which); };
  });
}

}  // namespace bgdeploy::cli
