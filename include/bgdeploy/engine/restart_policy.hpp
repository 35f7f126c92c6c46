#pragma once

#include <string_view>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/number.hpp"

namespace bgdeploy::engine {

// What the Engine API takes for "always" or "on-failure:3", as compose writes a policy.
inline core::Json restart_policy(std::string_view text) {
  const auto colon = text.find(':');
  core::Json policy{{"Name", text.substr(0, colon)}};
  if (colon != std::string_view::npos) {
    policy["MaximumRetryCount"] = core::leading_number<int>(text.substr(colon + 1)).value_or(0);
  }
  return policy;
}

}  // namespace bgdeploy::engine
