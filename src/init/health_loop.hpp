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

// Whether a loop stands around `commands[at]`.
bool in_loop(const std::vector<std::vector<std::string>>& commands, std::size_t at);

// Whether it asks docker in a loop whether a container is healthy.
bool asks_docker(const std::vector<std::vector<std::string>>& commands, std::size_t at);

// From the loop around `commands[at]`, which asks: how often, as "for i in {1..10}" tells, `sleep 10`, and
// "[ $SUCCESS_COUNT -ge 3 ]".
void tell_health_loop(Draft& draft, const std::vector<std::vector<std::string>>& commands, std::size_t at,
                      const std::string& source);
// What the options of curl or wget say.
void tell_health_request(Draft& draft, const std::vector<std::string>& words, const std::string& source);

}  // namespace bgdeploy::init
