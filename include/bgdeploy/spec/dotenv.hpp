// Environment files as compose reads them. The rules are those of compose-go's dotenv package
// (github.com/compose-spec/compose-go, dotenv/parser.go and template/template.go).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/spec/load.hpp"

namespace bgdeploy::spec {

// The variables that `text` sets; the last value of a name counts. Messages name `file`.
//
// A line is `NAME=value` or `NAME: value`, maybe after `export`, or `NAME` alone, which takes its value from
// `variables` or is left out. Unquoted values end at " #" and are trimmed; single-quoted ones are literal;
// double-quoted ones know backslash escapes. Both kinds of quotes may hold several lines. In unquoted and
// double-quoted values $NAME and ${NAME}, with :- - :+ + :? and ?, stand for variables: those of `variables`,
// then those that the file set further up. An unset one is empty.
//
// Kind usage, with the place as "file:line". No message holds a value.
core::Result<std::map<std::string, std::string>> parse_dotenv(std::string_view text, const std::string& file,
                                                              const Environment& variables);

// The substitutions alone, which compose makes in its own files too. Kind usage: a malformed one, or a `:?`
// whose variable is unset.
core::Result<std::string> expand_variables(std::string_view text, const Environment& variables);

}  // namespace bgdeploy::spec
