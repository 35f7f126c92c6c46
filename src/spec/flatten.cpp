#include "bgdeploy/spec/flatten.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bgdeploy/spec/document.hpp"
#include "node.hpp"

namespace bgdeploy::spec {
namespace {

using Json = nlohmann::ordered_json;
using Flat = std::map<std::string, std::string>;

std::string as_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string inside(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

// In a compose file true and "true" mean the same.
Json json_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::scalar:
      return node.text;
    case Node::Kind::list: {
      Json list = Json::array();
      for (const auto& item : node.items) list.push_back(json_of(*item));
      return list;
    }
    case Node::Kind::map: {
      Json map = Json::object();
      for (const auto& entry : node.entries) map[entry.key] = json_of(*entry.value);
      return map;
    }
    case Node::Kind::null:
    case Node::Kind::broken:
      break;
  }
  return nullptr;
}

bool is_list_of_pairs(const Json& list) {
  return !list.empty() && std::ranges::all_of(list, [](const Json& item) {
    if (!item.is_string()) return false;
    const auto text = item.get<std::string>();
    return text.find_first_of("= ") != std::string::npos && text[text.find_first_of("= ")] == '=';
  });
}

void flatten(const std::string& path, const Json& json, bool pairs, Flat& flat) {
  if (json.is_object() && !json.empty()) {
    for (const auto& [key, value] : json.items()) flatten(inside(path, key), value, pairs, flat);
  } else if (pairs && json.is_array() && is_list_of_pairs(json)) {
    for (const auto& item : json) {
      const auto text = item.get<std::string>();
      const auto equals = text.find('=');
      flat[inside(path, text.substr(0, equals))] = as_text(Json(text.substr(equals + 1)));
    }
  } else {
    flat[path] = as_text(json);
  }
}

}  // namespace

std::optional<Flat> flat_yaml(std::string_view text) {
  Diagnostics diagnostics("", std::string(text));
  const NodePtr root = parse_yaml(text, diagnostics, Tags::ignored);
  if (!root || root->kind != Node::Kind::map || !diagnostics.empty()) return std::nullopt;
  Flat flat;
  flatten("", json_of(*root), true, flat);
  return flat;
}

core::Result<std::string> yaml_as_json(std::string_view text, const std::string& file) {
  Diagnostics diagnostics(file, text);
  const NodePtr root = parse_yaml(text, diagnostics, Tags::ignored);
  if (!root || !diagnostics.empty()) return std::unexpected(diagnostics.to_error());
  return as_text(json_of(*root));
}

std::optional<Flat> flat_json(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  Flat flat;
  flatten("", json, false, flat);
  flat.erase("");
  return flat;
}

}  // namespace bgdeploy::spec
