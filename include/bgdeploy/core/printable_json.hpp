// A JSON document, made safe for a terminal and for the log of a CI system. It stays the same document.
#pragma once

#include <string>
#include <string_view>

namespace bgdeploy::core {

// What printable() replaces becomes an escape where JSON allows the character as it is: DEL, U+0080 to
// U+009F, what turns text, and the second '#' of "##[".
std::string printable_json(std::string_view document);

}  // namespace bgdeploy::core
