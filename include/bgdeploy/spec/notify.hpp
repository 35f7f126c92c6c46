// Words of `notify:`.
#pragma once

#include <array>
#include <string_view>

#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::spec {

// What may stand in `on`: the results as events name them.
inline constexpr std::array<std::string_view, 7> k_results = {
    "succeeded", "unchanged", "held", "failed", "rolled_back", "interrupted", "inconsistent"};

// "slack"
std::string_view name_of(Notify::Kind kind);

}  // namespace bgdeploy::spec
