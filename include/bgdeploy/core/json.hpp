// Reading JSON that others wrote, without exceptions: a member that is missing or has another type reads as
// empty. Numbers are checked, since a cast of what does not fit is undefined behaviour. Header only: a room
// that includes it links nlohmann_json itself.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::core {

using Json = nlohmann::json;

// Whether a document can be parsed in little time and memory: a value takes a hundred times the two bytes
// that it may be written in, and no honest answer is nested deeply. Looks at the text in one pass, before it
// is parsed.
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

// Kind refused when `text` is not JSON, or not modest. `what` names it in the message: "docker's answer".
inline Result<Json> parse_json(std::string_view text, std::string_view what) {
  if (!is_modest(text))
    return fail(ErrorKind::refused, std::string(what) + " is nested too deeply, or has too many values");
  auto json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(ErrorKind::refused, std::string(what) + " is not JSON");
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

// The strings of a list.
inline std::vector<std::string> texts_of(const Json& json, std::string_view name) {
  std::vector<std::string> texts;
  const Json& list = member(json, name);
  if (!list.is_array()) return texts;
  for (const auto& value : list)
    if (value.is_string()) texts.push_back(value.get<std::string>());
  return texts;
}

// A whole number of 64 bits. Nothing for a fraction, for 1e300, for 2^63, and for what is no number at all.
inline std::optional<std::int64_t> integer(const Json& value) {
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    return std::nullopt;
  return value.is_number_integer() ? std::optional(value.get<std::int64_t>()) : std::nullopt;
}

// The number `name`, from `least` to `most`; 0 where it is missing. Kind refused for anything else.
template <class Number = std::int64_t>
Result<Number> number_of(const Json& json, std::string_view name,
                         Number least = std::numeric_limits<Number>::min(),
                         Number most = std::numeric_limits<Number>::max()) {
  const Json& value = member(json, name);
  if (value.is_null()) return Number{0};
  const auto number = integer(value);
  if (!number || *number < least || *number > most)
    return fail(ErrorKind::refused, std::string(name) + " is not a whole number from " +
                                        std::to_string(least) + " to " + std::to_string(most));
  return static_cast<Number>(*number);
}

// What a request carries: text that is not UTF-8 is replaced, and does not throw.
inline std::string dump_json(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bgdeploy::core
