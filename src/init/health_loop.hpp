// How long a script waits for health, and how often it wants to see it.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/init/draft.hpp"

namespace bgdeploy::init {

// From the loop around `commands[at]`, which asks: "for i in {1..10}" or "$(seq 10)", `sleep 10`, and
// "[ $SUCCESS_COUNT -ge 3 ]".
void tell_health_loop(Draft& draft, const std::vector<std::vector<std::string>>& commands, std::size_t at,
                      const std::string& source);

}  // namespace bgdeploy::init
