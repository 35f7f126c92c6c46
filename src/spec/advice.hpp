// What to write instead of what is wrong, for the mistakes that many make.
#pragma once

#include <string>
#include <string_view>

#include "keys.hpp"

namespace bgdeploy::spec {

// Where a key that is unknown in `in` belongs, or what is written in its place: ", did you mean …" or
// ": it belongs …". Empty: nobody knows.
std::string advice_on_key(std::string_view key, const Section& in);

// What to write where `path` is to be a map, or a list, and `node` is none: ": write {path: /health}".
// Nothing of what is written is repeated unless `may_show`.
std::string advice_on_map(std::string_view path, const Node& node, bool may_show);
std::string advice_on_list(std::string_view path, const Node& node, bool may_show);

// The same tree, where keys that only lack their indentation below an empty section are in it. Each such
// section is reported once, by the first of its keys.
NodePtr indented(const NodePtr& node, const Section& section, Diagnostics& diagnostics);

}  // namespace bgdeploy::spec
