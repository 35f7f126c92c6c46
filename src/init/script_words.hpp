// What all readers of scripts do with words.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::init {

inline void add_once(std::vector<std::string>& list, std::string text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(std::move(text));
}

inline std::string base_of(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

// "/home/fream/nginx//a" without what stands in it twice.
inline std::string tidy(std::string path) {
  for (std::size_t at = path.find("//"); at != std::string::npos; at = path.find("//")) path.erase(at, 1);
  return path;
}

// The parts between these characters that are not empty.
inline std::vector<std::string> split(std::string_view text, std::string_view between) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; (at = text.find_first_not_of(between, at)) != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(between, at), text.size());
    parts.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return parts;
}

// Whether what a command prints stands in it, as in "$(pwd)/data".
inline bool is_unknown(std::string_view text) {
  return text.contains("$(") || text.starts_with("<(");
}

}  // namespace bgdeploy::init
