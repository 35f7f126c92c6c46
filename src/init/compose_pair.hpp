#pragma once

#include <string>
#include <vector>

namespace bgdeploy::init {

// Of compose files those that belong together: two that differ in the slot, else the best one: compose's own
// names first, then what is for production.
std::vector<std::string> best_compose_files(std::vector<std::string> names);
// Of all names of a folder. None where none is a compose file's.
std::vector<std::string> compose_pair(std::vector<std::string> names);

}  // namespace bgdeploy::init
