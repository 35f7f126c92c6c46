// What proxy.nginx.template may name: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::spec {

// The errors in a template's tags, each once, in the order of the text, as predicates of
// "proxy.nginx.template". Empty: all tags have a value. Syntax: mustache(5).
std::vector<std::string> wrong_tags(std::string_view text);

}  // namespace bgdeploy::spec
