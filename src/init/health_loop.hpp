// How long a script waits for health, and how often it wants to see it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/init/draft.hpp"

namespace bgdeploy::init {

// The URL that a word of curl is, where it is of the host itself, or of one that a variable names. `word`: as
// the script has it; `filled`: with a function's arguments. Empty where it is none.
std::string local_url(std::string_view word, std::string filled);
// An address with a port: of the host, as others see it. Empty where it is none.
std::string url_by_address(const std::string& url);

// Whether a `for` loop stands around `commands[at]`.
bool in_loop(const std::vector<std::vector<std::string>>& commands, std::size_t at);

// From the loop around `commands[at]`, which asks: "for i in {1..10}" or "$(seq 10)", `sleep 10`, and
// "[ $SUCCESS_COUNT -ge 3 ]".
void tell_health_loop(Draft& draft, const std::vector<std::vector<std::string>>& commands, std::size_t at,
                      const std::string& source);

}  // namespace bgdeploy::init
