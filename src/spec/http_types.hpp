// What keys about HTTP requests may hold.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "types.hpp"

namespace bgdeploy::spec {

using Statuses = std::vector<std::pair<int, int>>;

// "200", "200-299", "200,204,300-399"
Type<Statuses> statuses();
Type<std::map<std::string, std::string>> request_headers();

}  // namespace bgdeploy::spec
