// Sizes in bytes, as docker writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bgdeploy::core {

// "700m", "1g", "1.5g", "512k", "512kb", "100b", "1073741824"; units are powers of 1024.
std::optional<std::int64_t> parse_size(std::string_view text);
// "700m", "1g": a whole number of the largest unit that divides it.
std::string format_size(std::int64_t bytes);
// "512 B", "12.3 MB": units are powers of 1000, as docker prints layers.
std::string short_bytes(std::int64_t bytes);

}  // namespace bgdeploy::core
