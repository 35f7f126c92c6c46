// Lists and keys of docker's answers, to be compared.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/json.hpp"

namespace bgdeploy::runtime {

using core::Json;
using core::member;

inline std::vector<std::string> list_of(const Json& json, std::string_view name) {
  std::vector<std::string> list;
  if (const Json& value = member(json, name); value.is_array()) {
    for (const auto& entry : value)
      list.push_back(entry.is_string() ? entry.get<std::string>() : entry.dump());
  }
  return list;
}

inline std::set<std::string> keys_of(const Json& json, std::string_view name) {
  std::set<std::string> keys;
  if (const Json& value = member(json, name); value.is_object()) {
    for (const auto& [key, unused] : value.items()) keys.insert(key);
  }
  return keys;
}

}  // namespace bgdeploy::runtime
