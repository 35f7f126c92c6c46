#pragma once

#include <string>
#include <vector>

namespace bgdeploy::init {

// Of these names the compose files that belong together: two that differ in the slot, else the best one. None
// where none is a compose file's.
std::vector<std::string> compose_pair(std::vector<std::string> names);

}  // namespace bgdeploy::init
