#include "bgdeploy/context/ignore.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/core/utf8.hpp"

namespace bgdeploy::context {

using core::ErrorKind;
using core::Result;

namespace {

// Without ".", "..", double and trailing slashes, as far as the path itself tells.
std::string cleaned(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const auto part = path.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!absolute) {
      parts.push_back(part);
    }
  }
  std::string result = fmt::format("{}{}", absolute ? "/" : "", fmt::join(parts, "/"));
  return result.empty() ? "." : result;
}

}  // namespace

Result<Ignore> Ignore::parse(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  Ignore ignore;
  const auto lines = core::split_lines(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].starts_with('#') || core::trim(lines[i]).empty()) continue;
    auto pattern = read_pattern(core::trim(lines[i]));
    if (!pattern)
      return core::fail(ErrorKind::usage, fmt::format("line {}: {}: {}", i + 1, pattern.error().message,
                                                      core::printable(lines[i])));
    ignore.m_patterns.push_back(std::move(*pattern));
  }
  return ignore;
}

Result<Ignore::Pattern> Ignore::read_pattern(std::string_view text) {
  Pattern pattern;
  pattern.exception = text.starts_with('!');
  if (pattern.exception) text = core::trim(text.substr(1));
  if (text.empty()) return core::fail(ErrorKind::usage, "a '!' stands alone");
  std::string path = cleaned(text);
  if (path.size() > 1 && path[0] == '/') path.erase(0, 1);
  BGDEPLOY_ASSIGN(pattern.tokens, tokenize(path));
  for (const Token& token : pattern.tokens) {
    const bool all_below = token.kind == Token::Kind::rest && pattern.plain.ends_with('/');
    pattern.wild |= token.kind != Token::Kind::literal && !all_below;
    if (!pattern.wild) pattern.plain += token.text;
  }
  return pattern;
}

Result<Ignore::Token> Ignore::read_class(std::string_view& pattern) {
  Token token{Token::Kind::one_of, {}, {}};
  if (pattern.starts_with('^')) {
    token.kind = Token::Kind::none_of;
    pattern.remove_prefix(1);
  }
  const auto bound = [&]() -> Result<char32_t> {
    if (pattern.starts_with('\\'))
      pattern.remove_prefix(1);
    else if (pattern.starts_with('-') || pattern.starts_with(']'))
      return core::fail(ErrorKind::usage, "a '[…]' with a stray '-' or ']'");
    if (pattern.empty()) return core::fail(ErrorKind::usage, "a '[' is never closed");
    const auto character = core::first_character(pattern);
    pattern.remove_prefix(character.size());
    return core::code_point(character);
  };
  while (token.ranges.empty() || !pattern.starts_with(']')) {
    BGDEPLOY_ASSIGN(const char32_t first, bound());
    char32_t last = first;
    if (pattern.starts_with('-')) {
      pattern.remove_prefix(1);
      BGDEPLOY_ASSIGN(last, bound());
    }
    if (last < first) return core::fail(ErrorKind::usage, "a '[…]' with a range that runs backwards");
    token.ranges.emplace_back(first, last);
  }
  pattern.remove_prefix(1);
  return token;
}

Result<std::vector<Ignore::Token>> Ignore::tokenize(std::string_view pattern) {
  using Kind = Token::Kind;
  std::vector<Token> tokens;
  // "**name" alone means names that end so, "**/name" whole names: only without other wildcards.
  const bool suffix = pattern.starts_with("**") && !pattern.starts_with("**/") &&
                      pattern.find_first_of("*?[]\\", 2) == std::string_view::npos;
  while (!pattern.empty()) {
    if (pattern.starts_with("**")) {
      pattern.remove_prefix(pattern.starts_with("**/") ? 3 : 2);
      tokens.push_back({pattern.empty() || (suffix && tokens.empty()) ? Kind::rest : Kind::folders, {}, {}});
    } else if (pattern[0] == '*' || pattern[0] == '?') {
      tokens.push_back({pattern[0] == '*' ? Kind::star : Kind::any, {}, {}});
      pattern.remove_prefix(1);
    } else if (pattern[0] == '[') {
      pattern.remove_prefix(1);
      BGDEPLOY_ASSIGN(Token token, read_class(pattern));
      tokens.push_back(std::move(token));
    } else {
      if (pattern[0] == '\\') pattern.remove_prefix(1);
      if (pattern.empty()) return core::fail(ErrorKind::usage, "a '\\' stands at the end");
      const auto character = core::first_character(pattern);
      tokens.push_back({Kind::literal, std::string(character), {}});
      pattern.remove_prefix(character.size());
    }
  }
  return tokens;
}

// All places in the pattern at once, one character of the path after the other, so that no pattern takes more
// than its length times the path's.
bool Ignore::matches(const Pattern& pattern, std::string_view path) {
  using Kind = Token::Kind;
  const auto& tokens = pattern.tokens;
  std::vector<char> now(tokens.size() + 1), next(tokens.size() + 1);
  // 1: here, and free to go on. 2: inside a "**/" that has not come to the end of a folder.
  const auto put = [&](std::vector<char>& places, std::size_t at) {
    for (;; ++at) {
      places[at] |= 1;
      if (at == tokens.size()) return;
      const Kind kind = tokens[at].kind;
      if (kind != Kind::star && kind != Kind::folders && kind != Kind::rest) return;
    }
  };
  put(now, 0);
  while (!path.empty()) {
    const auto character = core::first_character(path);
    path.remove_prefix(character.size());
    const bool slash = character == "/";
    const char32_t value = core::code_point(character);
    std::fill(next.begin(), next.end(), 0);
    for (std::size_t at = 0; at < tokens.size(); ++at) {
      if (now[at] == 0) continue;
      const Token& token = tokens[at];
      const bool inside = std::ranges::any_of(
          token.ranges, [&](const auto& range) { return range.first <= value && value <= range.second; });
      switch (token.kind) {
        case Kind::literal:
          if (character == token.text) put(next, at + 1);
          break;
        case Kind::any:
          if (!slash) put(next, at + 1);
          break;
        case Kind::star:
          if (!slash) put(next, at);
          break;
        case Kind::folders:
          if (slash)
            put(next, at);
          else
            next[at] |= 2;
          break;
        case Kind::rest:
          put(next, at);
          break;
        case Kind::one_of:
          if (inside) put(next, at + 1);
          break;
        case Kind::none_of:
          if (!inside) put(next, at + 1);
          break;
      }
    }
    now.swap(next);
  }
  return (now.back() & 1) != 0;
}

bool Ignore::ignores(std::string_view path, const Verdicts& folder, Verdicts& own) const {
  own.assign(m_patterns.size(), false);
  bool ignored = false;
  for (std::size_t i = 0; i < m_patterns.size(); ++i) {
    const Pattern& pattern = m_patterns[i];
    bool match = i < folder.size() && folder[i];
    // What the folder matched holds for all in it. Else a pattern is only asked where it would change
    // something.
    if (!match && pattern.exception == ignored) match = matches(pattern, path);
    own[i] = match;
    if (match) ignored = !pattern.exception;
  }
  return ignored;
}

bool Ignore::excepts_below(std::string_view folder) const {
  const std::string inside = std::string(folder) + "/";
  return std::ranges::any_of(m_patterns, [&](const Pattern& pattern) {
    const std::string from = pattern.plain.ends_with('/') ? pattern.plain : pattern.plain + "/";
    return pattern.exception && (pattern.wild || from.starts_with(inside) || inside.starts_with(from));
  });
}

}  // namespace bgdeploy::context
