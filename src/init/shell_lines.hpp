// The lines of a script as its shell takes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::init {

// Where what `line[at]` opens ends, a quote or a "$(", with all that stands in it; npos where nothing closes
// it.
std::size_t end_of_group(std::string_view line, std::size_t at);

// Joined where they go on: behind a backslash, within a list "NAME=(", and within the quotes of a command
// that `ssh` or `docker run` is given. Groovy's and Python's triple quotes are taken away. A here-document
// has its lines as the command gets them.
std::vector<std::string> logical_lines(std::string_view text);

}  // namespace bgdeploy::init
