// Undoing on the app hosts.
#pragma once

#include <string>
#include <vector>

#include "execute/step_runner.hpp"

namespace bgdeploy::deploy {

// Undoes what the log holds, last first, the hosts side by side; returns in words what is not undone.
std::vector<std::string> undo_all(StepContext& context, StepRunner& containers, UndoLog& log);
// What undo_all() would do, in words.
std::vector<std::string> not_undone(const StepContext& context, UndoLog& log);

}  // namespace bgdeploy::deploy
