// promote and abort finish, or undo, what `deploy --hold` left waiting.
#include "commands.hpp"
#include "goal.hpp"

namespace bgdeploy::cli {

int run_promote(const Arguments& arguments) {
  return run_goal(arguments, {.force = arguments.force, .promote = true});
}

int run_abort(const Arguments& arguments) {
  return run_goal(arguments, {.abort = true});
}

}  // namespace bgdeploy::cli
