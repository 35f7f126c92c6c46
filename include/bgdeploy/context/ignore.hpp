// .dockerignore, read and matched as docker does it:
// https://docs.docker.com/build/concepts/context/#dockerignore-files
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::context {

class Ignore {
public:
  // What each pattern said of a folder; asked again for what is in it. Empty for the context itself.
  using Verdicts = std::vector<bool>;

  Ignore() = default;
  // Kind usage, with the line's number: a pattern that is none.
  static core::Result<Ignore> parse(std::string_view text);

  // Whether `path` ("src/main.c", relative to the context) is left out. `folder` is what this function wrote
  // into `own` for the folder that it is in.
  bool ignores(std::string_view path, const Verdicts& folder, Verdicts& own) const;
  // Whether something in an ignored folder may be taken back by a later "!pattern".
  bool excepts_below(std::string_view folder) const;

private:
  struct Token {
    enum class Kind {
      literal,  // `text`, one character
      any,      // ?: one character but '/'
      star,     // *: any characters but '/'
      folders,  // **/: any number of whole folders
      rest,     // ** at the end: anything
      one_of,   // [a-z]
      none_of,  // [^a-z]
    };
    Kind kind;
    std::string text;                                   // of a literal
    std::vector<std::pair<char32_t, char32_t>> ranges;  // of a class, inclusive
  };
  struct Pattern {
    bool exception = false;
    std::string plain;  // what the pattern begins with, up to its first wildcard
    bool wild = false;  // has wildcards, but for a /** at its end
    std::vector<Token> tokens;
  };

  static core::Result<Pattern> read_pattern(std::string_view text);
  static core::Result<std::vector<Token>> tokenize(std::string_view pattern);
  static core::Result<Token> read_class(std::string_view& pattern);
  static bool matches(const Pattern& pattern, std::string_view path);

  std::vector<Pattern> m_patterns;
};

}  // namespace bgdeploy::context
