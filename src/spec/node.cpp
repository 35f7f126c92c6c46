#include "node.hpp"

#include <algorithm>
#include <unordered_map>

namespace bgdeploy::spec {

const Entry* Node::find(std::string_view key) const {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

NodePtr merge(const NodePtr& base, const NodePtr& over) {
  if (base->kind != Node::Kind::map || over->kind != Node::Kind::map) return over;
  auto merged = std::make_shared<Node>(*base);
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < base->entries.size(); ++i) places.emplace(base->entries[i].key, i);
  for (const auto& entry : over->entries) {
    const auto place = places.find(entry.key);
    if (place == places.end()) {
      merged->entries.push_back(entry);
      continue;
    }
    auto& target = merged->entries[place->second];
    const bool inside = target.value->kind == Node::Kind::map && entry.value->kind == Node::Kind::map;
    if (!inside) target.at = entry.at;
    target.value = inside ? merge(target.value, entry.value) : entry.value;
  }
  // What was null before stays, for the reader to complain about; only what `over` nulls is taken away.
  std::erase_if(merged->entries, [&](const Entry& entry) {
    const auto place = places.find(entry.key);
    return entry.value->kind == Node::Kind::null &&
           (place == places.end() || base->entries[place->second].value != entry.value);
  });
  return merged;
}

}  // namespace bgdeploy::spec
