#include "goal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "bgdeploy/report/html.hpp"
#include "bgdeploy/report/render.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "known_releases.hpp"
#include "times.hpp"

namespace bgdeploy::cli {

int refuse(const Arguments& arguments, const deploy::Goal& goal, const core::Error& error) {
  const auto terminal = report::look_at(stderr, arguments.no_color, arguments.quiet, arguments.verbose);
  if (!report::is_for_programs(arguments.progress, terminal)) return print_error(error);
  tell(arguments, deploy::refused(goal, error, {}));
  print_error_document(error);
  return deploy::exit_code(error.kind);
}

core::Result<void> check_output(std::string_view option, const std::optional<std::string>& file) {
  if (!file) return {};
  if (file->empty())
    return core::fail(core::ErrorKind::usage, fmt::format("{} is empty: is the variable set?", option));
  if (*file == "-")
    return core::fail(core::ErrorKind::usage, fmt::format("{} takes a file, and - is not one", option), {},
                      fmt::format("name one; {} ./- is a file of that name", option));
  const std::filesystem::path path(*file);
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::error_code error;
  const auto kind = std::filesystem::symlink_status(path, error).type();
  using Type = std::filesystem::file_type;
  std::string why;
  if (!std::filesystem::is_directory(folder, error))
    why = fmt::format("there is no folder {}", folder.string());
  else if (path.filename().empty() || (kind != Type::not_found && kind != Type::regular))
    why = fmt::format("{} is not a file", path.string());
  else if (::access(folder.c_str(), W_OK) != 0)
    why = fmt::format("{} cannot be written", folder.string());
  if (why.empty()) return {};
  return core::fail(core::ErrorKind::usage, fmt::format("{}: {}", option, core::printable(why)));
}

namespace {

// Nothing of the outcome depends on it.
void write_report(const Arguments& arguments, const std::string& page) {
  if (!arguments.report) return;
  if (const auto written = io::write_private_file(*arguments.report, page); !written)
    print(error_text("warning: the report was not written", written.error()), stderr);
}

}  // namespace

int refuse_run(const Arguments& arguments, const deploy::Goal& goal, const core::Error& error) {
  const auto now = core::system_clock().wall();
  const report::Event last = deploy::refused(goal, error, {});
  if (arguments.output == "json") print_json(report::as_json(last, now));
  if (check_output("--report", arguments.report)) write_report(arguments, report::run_page({{now, last}}));
  return refuse(arguments, goal, error);
}

int refuse_words(const Command* command, const Arguments& arguments, const core::Error& error) {
  remember_call(arguments);
  const auto is = [&](auto run) { return command != nullptr && command->run == run; };
  const deploy::Goal goal{
      .kind = is(run_rollback) ? plan::Request::Kind::rollback : plan::Request::Kind::deploy,
      .promote = is(run_promote),
      .abort = is(run_abort)};
  if (is(run_plan)) return refuse(arguments, goal, error);
  return command != nullptr && command->tells_interruption ? refuse_run(arguments, goal, error)
                                                           : print_error(error);
}

int run_goal(const Arguments& arguments, deploy::Goal goal) {
  if (arguments.lock_wait) {
    const auto wait = duration_of("--lock-wait", *arguments.lock_wait);
    if (!wait) return refuse_run(arguments, goal, wait.error());
    goal.lock_wait = *wait;
  }
  if (const auto checked = check_output("--report", arguments.report); !checked)
    return refuse_run(arguments, goal, checked.error());
  if (arguments.report) goal.report = std::filesystem::absolute(*arguments.report).string();
  auto session = Session::open(arguments);
  if (!session) return refuse_run(arguments, goal, session.error());
  const int code = deploy::run((*session)->context(), goal);
  (*session)->close_report();
  if (arguments.output == "json") print_json((*session)->last_event());
  write_report(arguments, (*session)->report());
  if (code == 0) remember_releases((*session)->spec(), {goal.tag});
  // 1 would say that the old release serves.
  constexpr int k_after_the_switch = 6;
  return with_output(code, take_output_error(), (*session)->put_live() ? k_after_the_switch : 1);
}

}  // namespace bgdeploy::cli
