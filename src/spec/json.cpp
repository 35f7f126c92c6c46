#include <nlohmann/json.hpp>

#include "node.hpp"

namespace bgdeploy::spec {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t k_json_depth = 32;

std::shared_ptr<Node> to_node(const Json& json, std::size_t depth, bool& valid) {
  auto node = std::make_shared<Node>();
  if (depth > k_json_depth) {
    valid = false;
  } else if (json.is_object()) {
    node->kind = Node::Kind::map;
    for (const auto& [key, value] : json.items())
      node->entries.push_back({key, {}, to_node(value, depth + 1, valid)});
  } else if (json.is_array()) {
    node->kind = Node::Kind::list;
    for (const auto& value : json) node->items.push_back(to_node(value, depth + 1, valid));
  } else if (!json.is_null()) {
    node->kind = Node::Kind::scalar;
    node->text = json.is_string() ? json.get<std::string>() : json.dump();
    valid = valid && node->text.find('\0') == std::string::npos;
  }
  return node;
}

}  // namespace

NodePtr parse_json(std::string_view text, Diagnostics& diagnostics) {
  const Json json = Json::parse(text, nullptr, false);
  bool valid = !json.is_discarded();
  auto node = valid ? to_node(json, 0, valid) : nullptr;
  if (!valid) diagnostics.error({}, "this is not valid JSON");
  return valid ? node : nullptr;
}

}  // namespace bgdeploy::spec
