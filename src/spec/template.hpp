// What proxy.nginx.template may name: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::spec {

// What is wrong with a template's tags, in words for "proxy.nginx.template …"; each once, in the order of the
// text. Empty where all of them stand for something. Syntax: mustache(5).
std::vector<std::string> wrong_tags(std::string_view text);

}  // namespace bgdeploy::spec
