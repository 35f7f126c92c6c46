// What may stand for an image: https://github.com/distribution/reference. Kind `usage` on anything else.
#pragma once

#include <string_view>

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::spec {

// [A-Za-z0-9_][A-Za-z0-9._-]{0,127}
core::Result<> check_tag(std::string_view tag);
// "sha256:" and 64 lower-case hex digits.
core::Result<> check_digest(std::string_view digest);
// "app", "owner/app", "registry:5000/owner/app"; no tag and no digest.
core::Result<> check_repository(std::string_view repository);

}  // namespace bgdeploy::spec
