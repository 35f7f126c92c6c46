// Environment files as compose reads them. The rules are those of compose-go's dotenv package
// (github.com/compose-spec/compose-go, dotenv/parser.go and template/template.go).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/spec/load.hpp"

namespace bgdeploy::spec {

// The variables that `text` sets; of a name that stands there twice the last one. `file` is for messages.
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

// The substitutions alone, as compose does them in its files too. Kind usage: malformed, or a `:?` that asks
// for what is not there.
core::Result<std::string> expand_variables(std::string_view text, const Environment& variables);

}  // namespace bgdeploy::spec
