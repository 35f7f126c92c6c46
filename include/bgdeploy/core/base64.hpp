// Base64 (RFC 4648).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bgdeploy::core {

// With padding.
std::string base64_encode(std::string_view bytes);
// The alphabet of section 5, for URLs and headers, with padding.
std::string base64url_encode(std::string_view bytes);
// Padding may be missing; nothing when a character does not belong.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace bgdeploy::core
