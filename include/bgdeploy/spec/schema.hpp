// The keys of the spec: the one table that the loader checks against, and that docs/spec.md is tested
// against.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::spec {

// A map with fixed keys. In the path "[]" stands for the items of a list and "*" for a key of the user's own:
// "hosts.app[]", "slots.*". The root's path is empty.
struct Section {
  std::string path;
  std::vector<std::string> keys;
};
std::span<const Section> sections();

// Paths of keys and values that the contract names and this version refuses as "not supported yet".
std::vector<std::string_view> reserved_paths();

}  // namespace bgdeploy::spec
