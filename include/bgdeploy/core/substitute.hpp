// Placeholders such as {slot}.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace bgdeploy::core {

// Replaces {name} for every name in `values` and leaves any other {…} alone. Does not scan replacements
// again.
std::string substitute(std::string_view text, const std::map<std::string, std::string, std::less<>>& values);

}  // namespace bgdeploy::core
