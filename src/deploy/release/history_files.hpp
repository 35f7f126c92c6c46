// The folder of the history on its host.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/host/host.hpp"

namespace bgdeploy::deploy {

// Runs a script there as the user who logs in. Its first two arguments are the spec's history.dir and the
// service; it finds in `f` the history's file, in `d` that one's folder, and `regular FILE` ends it where
// FILE is there and no regular file.
core::Result<host::Output> run_beside_history(host::Host& host, std::string_view script,
                                              const std::vector<std::string>& arguments, std::string input,
                                              const core::Wait& wait);

}  // namespace bgdeploy::deploy
