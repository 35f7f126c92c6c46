// logs and exec: looking into a slot's container.
#include <CLI/CLI.hpp>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <functional>
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

// What is printed while somebody reads it: not any more behind `| head`, which ends the command as a signal
// does.
class Reader {
public:
  explicit Reader(const Globals& globals)
      : m_globals(globals), m_on_signal(globals.stop, [this] { m_stop.request_stop(); }) {
    m_globals.stop = m_stop.get_token();
  }
  const Globals& globals() const { return m_globals; }
  bool reads() const { return m_reads; }

  // May be called from several threads.
  void give(std::string_view text, bool is_stderr) {
    const std::scoped_lock lock(m_mutex);
    m_reads = m_reads && print(text, is_stderr ? stderr : stdout);
    if (!m_reads) m_stop.request_stop();
  }

private:
  Globals m_globals;
  std::stop_source m_stop;
  std::stop_callback<std::function<void()>> m_on_signal;
  std::mutex m_mutex;
  std::atomic<bool> m_reads = true;
};

int run_logs(const Globals& globals, const LogOptions& options) {
  Reader reader(globals);
  auto session = Session::open(reader.globals());
  if (!session) return print_error(session.error());
  const auto line = [&](const std::string& host, const std::string& text) {
    reader.give(fmt::format("{} | {}\n", host, core::printable(text)), false);
  };
  const auto result = deploy::logs((*session)->context(), options.which, options.tail, options.follow, line);
  return result || !reader.reads() ? 0 : print_error(result.error());
}

int run_exec(const Globals& globals, const deploy::Which& which) {
  if (globals.words.empty())
    return print_error({core::ErrorKind::usage, "say what to run after --", {"bgdeploy exec -- ls -l"}});
  Reader reader(globals);
  auto session = Session::open(reader.globals());
  if (!session) return print_error(session.error());
  const auto exit_code =
      deploy::exec((*session)->context(), which, globals.words,
                   [&](bool is_stderr, std::string_view piece) { reader.give(piece, is_stderr); });
  constexpr int k_nobody_reads = 128 + SIGPIPE;  // as a shell has it
  if (!reader.reads()) return output_error() == EPIPE ? k_nobody_reads : 1;
  return exit_code ? *exit_code : print_error(exit_code.error());
}

}  // namespace

void add_logs(const Registration& registration) {
  CLI::App* command = registration.app.add_subcommand("logs", "Show the containers' logs");
  command->footer("Example: bgdeploy logs -n 200 -f");
  refuse_planned(*command, {"--since", "--until", "--failed"});
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
  CLI::App* command =
      registration.app.add_subcommand("exec", "Run a command in the live container: exec -- CMD…");
  command->footer("Example: bgdeploy exec -- ./manage.py check\n\nThe exit code is the command's own.");
  auto which = std::make_shared<deploy::Which>();
  command->add_option("--slot", which->slot, "Default: the live slot");
  command->add_option("--host", which->host, "Default: the first app host");
  command->callback([=] {
    registration.action = [which, &globals = registration.globals] { return run_exec(globals, *which); };
  });
}

}  // namespace bgdeploy::cli
