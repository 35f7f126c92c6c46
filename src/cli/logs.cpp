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
  auto session = Session::open(globals);
  if (!session) return print_error(session.error());
  std::mutex mutex;
  const bool prefix = (*session)->spec().app_hosts.size() > 1;
  const auto line = [&](const std::string& host, bool is_stderr, const std::string& text) {
    const std::scoped_lock lock(mutex);
    fmt::print(is_stderr ? stderr : stdout, "{}{}{}\n", prefix ? host : "", prefix ? " | " : "",
               core::printable(text));
    std::fflush(stdout);
  };
  const auto result = deploy::logs((*session)->context(), options.which, options.tail, options.follow, line);
  return result ? 0 : print_error(result.error());
}

struct ExecOptions {
  deploy::Which which;
  std::vector<std::string> argv;
};

int run_exec(const Globals& globals, const ExecOptions& options) {
  auto session = Session::open(globals);
  if (!session) return print_error(session.error());
  const auto output = deploy::exec((*session)->context(), options.which, options.argv);
  if (!output) return print_error(output.error());
  print(output->out);
  std::fwrite(output->err.data(), 1, output->err.size(), stderr);
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
  CLI::App* command = registration.app.add_subcommand("exec", "Run a command in the live container");
  command->footer("Example: bgdeploy exec -- ./manage.py check\n\nThe exit code is the command's own.");
  auto options = std::make_shared<ExecOptions>();
  command->add_option("--slot", options->which.slot, "Default: the live slot");
  command->add_option("--host", options->which.host, "Default: the first app host");
  command->add_option("command", options->argv, "The command and its arguments")->required();
  command->callback([=] {
    registration.action = [options, &globals = registration.globals] { return run_exec(globals, *options); };
  });
}

}  // namespace bgdeploy::cli
