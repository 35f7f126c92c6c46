// A parsed document as plain values with the place of every key and value. Nodes are never changed once
// built, and shared where an alias repeats them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/spec/load.hpp"
#include "diagnostics.hpp"

namespace bgdeploy::spec {

struct Node;
using NodePtr = std::shared_ptr<const Node>;

struct Entry {
  std::string key;
  Mark at;  // of the key
  NodePtr value;
};

struct Node {
  // `broken` was reported already: readers take it for present and say nothing.
  enum class Kind { null, scalar, list, map, broken };
  Kind kind = Kind::null;
  Mark at;
  std::string text;            // of a scalar, as written
  std::vector<NodePtr> items;  // of a list
  std::vector<Entry> entries;  // of a map, in file order
  std::size_t weight = 1;      // values in it, itself included and aliases counted in full

  const Entry* find(std::string_view key) const;
};

// The one document in `text`, or null when it cannot be parsed; the errors go to `diagnostics`.
// Bounded in size, depth and in what aliases expand to.
// Compose's own tags (!reset, !override) change nothing in what is read here.
enum class Tags { refused, ignored };
NodePtr parse_yaml(std::string_view text, Diagnostics& diagnostics, Tags tags = Tags::refused);
NodePtr parse_json(std::string_view text, Diagnostics& diagnostics);

// `over` laid over `base`: maps are merged, everything else is replaced, and a null in `over` removes.
NodePtr merge(const NodePtr& base, const NodePtr& over);

// The same tree with ${VAR} and $$ replaced in its scalar values. Values never become structure.
NodePtr interpolate(const NodePtr& node, const Environment& variables, Diagnostics& diagnostics);

struct Section;
// Reports every key in `node`, a map with the keys of `section`, that the table does not have.
void check_keys(const Node& node, const Section& section, Diagnostics& diagnostics);

}  // namespace bgdeploy::spec
