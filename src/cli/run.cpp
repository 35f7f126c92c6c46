// run and exec.
#include <cerrno>
#include <csignal>

#include "bgdeploy/deploy/logs.hpp"
#include "bgdeploy/deploy/one_off.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "reader.hpp"
#include "terminal.hpp"

namespace bgdeploy::cli {
namespace {

using Elsewhere = std::function<core::Result<int>(const deploy::Context&, engine::Console*,
                                                  const runtime::Inspection::Output&)>;

// Its exit code becomes ours.
int run_elsewhere(const Arguments& arguments, const Elsewhere& command) {
  Reader reader(arguments);
  auto session = Session::open(reader.arguments());
  if (!session) return print_error(session.error());
  Terminal terminal;
  const auto exit_code =
      command((*session)->context(), &terminal,
              [&](bool is_stderr, std::string_view piece) { reader.give(piece, is_stderr); });
  terminal.end();
  constexpr int k_nobody_reads = 128 + SIGPIPE;  // as a shell reports it
  if (const int error = reader.reads() ? 0 : take_output_error(); !reader.reads())
    return error == EPIPE ? k_nobody_reads : with_output(0, error);
  return exit_code ? *exit_code : print_error(exit_code.error());
}

int say_what(const char* example) {
  return print_error({core::ErrorKind::usage, "say what to run after --", {}, example});
}

}  // namespace

int run_exec(const Arguments& arguments) {
  if (arguments.words.empty()) return say_what("bgdeploy exec -- ls -l");
  return run_elsewhere(arguments, [&](const auto& context, auto* console, const auto& output) {
    return deploy::exec(context, {.slot = arguments.slot, .host = arguments.host}, arguments.words, console,
                        output);
  });
}

int run_run(const Arguments& arguments) {
  if (arguments.words.empty()) return say_what("bgdeploy run -- ./manage.py migrate");
  return run_elsewhere(arguments, [&](const auto& context, auto* console, const auto& output) {
    return deploy::run_one_off(context, {.tag = arguments.tag, .argv = arguments.words}, console, output);
  });
}

}  // namespace bgdeploy::cli
