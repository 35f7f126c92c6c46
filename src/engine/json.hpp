// Reading docker's JSON without exceptions: what is missing or of another type reads as empty.
#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::engine {

using Json = nlohmann::json;

// Whether a document can be parsed in little time and memory: a value takes a hundred times the two bytes
// that it may be written in, and one that is nested deeply is no answer of docker's. Before parsing, and in
// one pass.
inline bool is_modest(std::string_view text) {
  constexpr int k_deepest = 64;
  constexpr std::size_t k_most_values = 500'000;
  std::size_t values = 1;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"':
        for (++i; i < text.size() && text[i] != '"'; ++i)
          if (text[i] == '\\') ++i;
        break;
      case '[':
      case '{':
        if (++depth > k_deepest) return false;
        [[fallthrough]];
      case ',':
        if (++values > k_most_values) return false;
        break;
      case ']':
      case '}':
        --depth;
        break;
      default:
        break;
    }
  }
  return true;
}

// Kind refused when `text` is no JSON, or no answer that docker gives: then it is not docker that answers.
inline core::Result<Json> parse_json(std::string_view text) {
  if (!is_modest(text))
    return core::fail(core::ErrorKind::refused,
                      "docker's answer is nested too deeply, or has too many values");
  auto json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return core::fail(core::ErrorKind::refused, "docker's answer is not JSON");
  return json;
}

inline const Json& member(const Json& json, std::string_view name) {
  static const Json k_null;
  if (!json.is_object()) return k_null;
  const auto found = json.find(name);
  return found == json.end() ? k_null : *found;
}

inline std::string text_of(const Json& json, std::string_view name) {
  const Json& value = member(json, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

inline std::int64_t number_of(const Json& json, std::string_view name) {
  const Json& value = member(json, name);
  return value.is_number() ? value.get<std::int64_t>() : 0;
}

inline bool flag_of(const Json& json, std::string_view name) {
  const Json& value = member(json, name);
  return value.is_boolean() && value.get<bool>();
}

inline std::map<std::string, std::string> strings_of(const Json& json, std::string_view name) {
  std::map<std::string, std::string> strings;
  const Json& object = member(json, name);
  if (!object.is_object()) return strings;
  for (const auto& [key, value] : object.items()) {
    if (value.is_string()) strings.emplace(key, value.get<std::string>());
  }
  return strings;
}

// "always" or "on-failure:3", as compose writes it.
inline Json restart_policy(std::string_view text) {
  const auto colon = text.find(':');
  Json policy{{"Name", text.substr(0, colon)}};
  if (colon != std::string_view::npos) {
    int retries = 0;
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), retries);
    policy["MaximumRetryCount"] = retries;
  }
  return policy;
}

// What a request carries: text that is not UTF-8 is replaced, not thrown about.
inline std::string dump_json(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bgdeploy::engine
