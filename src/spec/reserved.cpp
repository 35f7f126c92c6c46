// What the contract names and this version refuses. Enabling one is deleting its line here.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bgdeploy/spec/schema.hpp"
#include "node.hpp"

namespace bgdeploy::spec {
namespace {

struct Reserved {
  std::string_view path;
  std::string_view what;  // "… is not supported yet"
  bool (*applies)(const Node&);
};

bool always(const Node&) {
  return true;
}
bool is_other_strategy(const Node& node) {
  return node.kind == Node::Kind::scalar && node.text != "blue_green";
}

constexpr std::array<Reserved, 5> k_reserved{{
    {"watch", "watch", always},
    {"strategy", "a strategy other than blue_green", is_other_strategy},
    {"hooks", "hooks", always},
    {"notify", "notify", always},
    {"prune", "prune", always},
}};

// The entry at a path of plain keys.
const Entry* find(const Node& root, std::string_view path) {
  const Node* node = &root;
  for (;;) {
    const std::size_t dot = path.find('.');
    const Entry* entry = node->find(path.substr(0, dot));
    if (entry == nullptr || dot == std::string_view::npos) return entry;
    node = entry->value.get();
    path.remove_prefix(dot + 1);
  }
}

}  // namespace

void check_reserved(const Node& root, Diagnostics& diagnostics) {
  for (const auto& reserved : k_reserved) {
    const Entry* entry = find(root, reserved.path);
    if (entry != nullptr && reserved.applies(*entry->value)) {
      diagnostics.unsupported(entry->at, fmt::format("{} is not supported yet", reserved.what));
    }
  }
}

std::vector<std::string_view> reserved_paths() {
  std::vector<std::string_view> paths;
  for (const auto& reserved : k_reserved) paths.push_back(reserved.path);
  return paths;
}

}  // namespace bgdeploy::spec
