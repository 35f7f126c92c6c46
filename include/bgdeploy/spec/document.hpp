// Files of other programs, and texts that go into a bgdeploy.yml.
#pragma once

#include <string>
#include <string_view>

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::spec {

// A YAML document as JSON. What is no list and no map is a text as it is written, or null. Bounded as a spec
// is. Kind usage, in the words of load(); they name `file`.
core::Result<std::string> yaml_as_json(std::string_view text, const std::string& file);

// The text with its dollars escaped: the loader then reads it as it is.
std::string without_substitutions(const std::string& text);

// The text as a YAML scalar: bare where no reader could take it for anything else, else quoted.
std::string yaml_text(const std::string& text);

}  // namespace bgdeploy::spec
