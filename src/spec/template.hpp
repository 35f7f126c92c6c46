// What proxy.nginx.template may name: pure.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::spec {

struct TemplateTags {
  // The errors, each once, in the order of the text, as predicates of "proxy.nginx.template". Empty: all tags
  // have a value.
  std::vector<std::string> wrong;
  std::set<std::string, std::less<>> fields;  // of a backend, that it names
  bool of_each = false;                       // one of them between {{#backends}} and {{/backends}}
};

// Syntax: mustache(5).
TemplateTags tags_of(std::string_view text);

}  // namespace bgdeploy::spec
