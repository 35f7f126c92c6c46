#include "goal.hpp"

#include "bgdeploy/report/render.hpp"
#include "command.hpp"
#include "known_releases.hpp"
#include "times.hpp"

namespace bgdeploy::cli {

int refuse(const Arguments& arguments, const deploy::Goal& goal, const core::Error& error) {
  if (arguments.progress != "json") return print_error(error);
  report::pick("json", {}, core::system_clock())->emit(deploy::refused(goal, error, {}));
  return deploy::exit_code(error.kind);
}

int refuse_run(const Arguments& arguments, const deploy::Goal& goal, const core::Error& error) {
  if (arguments.output == "json")
    print_json(report::as_json(deploy::refused(goal, error, {}), core::system_clock().wall()));
  return refuse(arguments, goal, error);
}

int run_goal(const Arguments& arguments, deploy::Goal goal) {
  if (arguments.lock_wait) {
    const auto wait = duration_of("--lock-wait", *arguments.lock_wait);
    if (!wait) return refuse_run(arguments, goal, wait.error());
    goal.lock_wait = *wait;
  }
  auto session = Session::open(arguments);
  if (!session) return refuse_run(arguments, goal, session.error());
  const int code = deploy::run((*session)->context(), goal);
  (*session)->close_report();
  if (arguments.output == "json") print_json((*session)->last_event());
  if (code == 0) remember_releases((*session)->spec(), {goal.tag});
  return code;
}

}  // namespace bgdeploy::cli
