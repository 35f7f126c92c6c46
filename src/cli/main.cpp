#include "bgdeploy/cli/main.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>

#include <fmt/format.h>

#include "bgdeploy/core/text.hpp"
#include "command.hpp"
#include "signals.hpp"

namespace bgdeploy::cli {
namespace {

constexpr int k_usage = 2;

// Started with one of them closed, what is opened next would get its number, and progress be written into it.
void hold_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (::fcntl(fd, F_GETFD) == -1) static_cast<void>(::open("/dev/null", O_RDWR));
}

void add_globals(CLI::App& app, Globals& globals) {
  app.add_option("-f,--file", globals.file, "The deploy spec (default: bgdeploy.yml or bgdeploy.yaml here)")
      ->type_name("FILE");
  app.add_option("-e,--environment", globals.environment, "One of the spec's environments")->type_name("ENV");
  auto* verbose = app.add_flag("-v,--verbose", globals.verbose, "Show probes and progress too");
  app.add_flag("-q,--quiet", globals.quiet, "Show only warnings, errors and the last line")
      ->excludes(verbose);
  app.add_option("--progress", globals.progress, "How progress is shown on stderr")
      ->check(CLI::IsMember({"auto", "tty", "plain", "json", "github"}));
  app.add_flag("--no-color", globals.no_color, "No colours (NO_COLOR does the same)");
  app.set_version_flag("--version", "bgdeploy " BGDEPLOY_VERSION);
  app.fallthrough();
  app.require_subcommand(0, 1);  // none, or an unknown one, is explained below
}

void add_all(CLI::App& app, Globals& globals, Action& action) {
  add_globals(app, globals);
  const Registration registration{app, globals, action};
  for (const auto add : {add_deploy, add_rollback, add_plan, add_status, add_history, add_logs, add_exec,
                         add_check, add_config, add_lock, add_trust, add_unsupported})
    add(registration);
}

std::vector<std::vector<std::string>> options_of(const CLI::App& command) {
  std::vector<std::vector<std::string>> options;
  for (const CLI::Option* option : command.get_options()) {
    std::vector<std::string> spellings;
    for (const std::string& name : option->get_snames()) spellings.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) spellings.push_back("--" + name);
    options.push_back(std::move(spellings));
  }
  return options;
}

// A reader who has gone, as `head` does, has what it wanted.
int with_output(int code, int error) {
  if (error == 0 || error == EPIPE) return code;
  print(fmt::format("error: stdout cannot be written: {}\n", std::strerror(error)), stderr);
  return code == 0 ? 1 : code;
}

// What the parser prints itself: help, the version, what is wrong with the words.
int parser_exit(const CLI::App& app, const CLI::ParseError& error) {
  errno = 0;
  const int code = app.exit(error) == 0 ? 0 : k_usage;
  return with_output(code, std::cout.flush() ? 0 : errno);
}

int unknown_command(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  const auto meant = core::nearest(word, names);
  return print_error(
      {core::ErrorKind::usage,
       fmt::format("unknown command '{}'{}", word, meant ? fmt::format(", did you mean '{}'?", *meant) : ""),
       {"`bgdeploy --help` lists the commands"}});
}

}  // namespace

std::vector<KnownCommand> known_commands() {
  CLI::App app("", "bgdeploy");
  Globals globals;
  Action action;
  add_all(app, globals, action);
  std::vector<KnownCommand> known = {{"", options_of(app)}};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    known.push_back({command->get_name(), options_of(*command)});
  return known;
}

int main(int argc, char** argv) {
  hold_standard_streams();
  CLI::App app("Puts a new version of a containerised service live without losing a request.", "bgdeploy");
  app.footer(
      "Example: bgdeploy deploy --tag 1.2.3\n\nExit codes: 0 done, 1 failed and the old release serves, 2 "
      "usage or spec, "
      "3 host not reached,\n4 locked, 5 a human is needed, 6 the new release serves but the clean-up failed, "
      "130 interrupted.");
  Globals globals;
  // Not for CLI11, which takes words in brackets apart.
  char** const end = std::find(argv, argv + argc, std::string_view("--"));
  if (end != argv + argc) globals.words.assign(end + 1, argv + argc);
  Action action;
  add_all(app, globals, action);
  try {
    app.parse(static_cast<int>(end - argv), argv);
  } catch (const CLI::ExtrasError& error) {
    if (!app.get_subcommands().empty() || app.remaining().empty()) return parser_exit(app, error);
    return unknown_command(app, app.remaining().front());
  } catch (const CLI::ParseError& error) {
    return parser_exit(app, error);
  }
  if (!action) {
    print(app.help(), stderr);
    return k_usage;
  }
  if (!globals.words.empty() && !app.got_subcommand("exec"))
    return print_error({core::ErrorKind::usage, "only `exec` takes words after --", {}});
  const Signals signals;
  globals.stop = signals.token();
  const int code = action();
  constexpr int k_interrupted = 128 + SIGINT;
  // A deploy tells itself how far it came. Of the others none changes what serves.
  const bool deploys = app.got_subcommand("deploy") || app.got_subcommand("rollback");
  if (code != 0 && !deploys && globals.stop.stop_requested()) return k_interrupted;
  return with_output(code, output_error());
}

}  // namespace bgdeploy::cli
