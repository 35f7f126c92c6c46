// What somebody probably meant to type.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bgdeploy::core {

// The candidate nearest to `word` by edit distance, when it is near enough to be what was meant.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace bgdeploy::core
