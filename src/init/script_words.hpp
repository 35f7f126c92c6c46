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

}  // namespace bgdeploy::init
