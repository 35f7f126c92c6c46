// What is uploaded with a compose file: the files of this machine that it refers to.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/load.hpp"

namespace bgdeploy::runtime {

// All that `text`, the compose file at `path`, refers to, and that those files refer to, with the .env beside
// it. A part that is in `recorded` is taken from there; what else is in it has to be there. `variables` are
// those of compose's own substitutions; what .env sets comes below them. Nothing is followed out of the
// file's folder.
//
// Kind usage: a file is missing, unreadable, outside of the folder, or they are more than 4 MB in all.
core::Result<std::vector<plan::ComposeFile>> files_beside(const std::string& path, const std::string& text,
                                                          const spec::Environment& variables,
                                                          const std::vector<plan::ComposeFile>& recorded);

}  // namespace bgdeploy::runtime
