// A document as one value a line, to be compared with another one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace bgdeploy::spec {

// By the keys that lead there, joined by dots: {"services.api.image", "\"shop:1\""}. Values are JSON. A list
// of NAME=value counts as a map, any other list is one value. Nothing where the text is no YAML.
std::optional<std::map<std::string, std::string>> flat_yaml(std::string_view text);
// The same of JSON, with lists as they are.
std::optional<std::map<std::string, std::string>> flat_json(std::string_view text);

}  // namespace bgdeploy::spec
