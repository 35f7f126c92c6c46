#include "bgdeploy/spec/dotenv.hpp"
#include "bgdeploy/core/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "text_rules.hpp"

namespace bgdeploy::spec {
namespace {

using core::ErrorKind;
using Values = std::map<std::string, std::string>;

constexpr int k_dotenv_depth = 8;                        // defaults within defaults
constexpr std::size_t k_dotenv_bytes = 4 * 1024 * 1024;  // of all values of a file
constexpr std::string_view k_blanks = " \t\v\f\r";
constexpr std::string_view k_blanks_and_ends = " \t\v\f\r\n";

std::unexpected<core::Error> wrong(std::string message) {
  return core::fail(ErrorKind::usage, std::move(message));
}

bool begins_name(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_in_name(char c) {
  return begins_name(c) || core::is_digit(c);
}

std::string_view without_blanks_at_end(std::string_view text) {
  return text.substr(0, text.find_last_not_of(k_blanks_and_ends) + 1);
}

// What an escape stands for, and how many characters behind its backslash belong to it.
struct Escape {
  std::string text;
  std::size_t length;
};

void append_utf8(unsigned code, std::string& out) {
  if (code >= 0x80) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(code);
  }
}

std::optional<Escape> escape_at(std::string_view text) {
  constexpr std::string_view k_letters = "abfnrtv\"\\", k_meanings = "\a\b\f\n\r\t\v\"\\";
  if (text.empty()) return {};
  if (text[0] == '$') return Escape{"$$", 1};  // the substitution's own way to write it
  if (const auto at = k_letters.find(text[0]); at != std::string_view::npos)
    return Escape{std::string(1, k_meanings[at]), 1};
  if (text[0] != '0') return {};
  const auto digits = std::min<std::size_t>(text.substr(1).find_first_not_of("01234567"), 3);
  if (digits != 3 || text.size() < 4) return {};
  const unsigned code = static_cast<unsigned>(text[1] - '0') << 6 |
                        static_cast<unsigned>(text[2] - '0') << 3 | static_cast<unsigned>(text[3] - '0');
  if (code > 0xFF) return {};
  Escape escape{{}, 4};
  append_utf8(code, escape.text);
  return escape;
}

std::string expand_escapes(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto escape = text[i] == '\\' ? escape_at(text.substr(i + 1)) : std::nullopt;
    if (escape) {
      result += escape->text;
      i += escape->length;
    } else {
      result += text[i];
    }
  }
  return result;
}

class Expansion {
public:
  Expansion(const Values& values, const Environment& variables) : m_values(values), m_variables(variables) {}

  core::Result<std::string> run(std::string_view text, int depth = 0) {
    std::string result;
    if (depth > k_dotenv_depth) return wrong("defaults are nested too deep");
    while (!text.empty()) {
      const std::size_t dollar = std::min(text.find('$'), text.size());
      result += text.substr(0, dollar);
      text.remove_prefix(dollar);
      if (text.empty()) break;
      if (text.starts_with("$$")) {
        result += '$';
        text.remove_prefix(2);
      } else if (text.starts_with("${")) {
        const std::size_t end = closing_brace(text);
        if (end == std::string_view::npos) return no_substitution();
        BGDEPLOY_ASSIGN(const std::string value, braced(text.substr(2, end - 2), depth));
        result += value;
        text.remove_prefix(end + 1);
      } else if (text.size() > 1 && begins_name(text[1])) {
        const auto name = name_at(text.substr(1));
        result += lookup(name).value_or("");
        text.remove_prefix(1 + name.size());
      } else {
        result += '$';
        text.remove_prefix(1);
      }
      if (result.size() > k_dotenv_bytes) return wrong("the value grows beyond 4 MB");
    }
    return result;
  }

private:
  static std::unexpected<core::Error> no_substitution() {
    return wrong(
        "a '${' begins no substitution such as ${NAME} or ${NAME:-default}; write '$$' for a plain '$'");
  }

  static std::string_view name_at(std::string_view text) {
    const auto end = std::find_if_not(text.begin(), text.end(), is_in_name);
    return text.substr(0, static_cast<std::size_t>(end - text.begin()));
  }

  static std::size_t closing_brace(std::string_view text) {
    int open = 0;
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (text[i] == '{') ++open;
      if (text[i] == '}' && --open == 0) return i;
    }
    return std::string_view::npos;
  }

  std::optional<std::string> lookup(std::string_view name) const {
    if (auto value = m_variables(name)) return value;
    const auto found = m_values.find(std::string(name));
    return found == m_values.end() ? std::nullopt : std::optional(found->second);
  }

  // `inside`: the text between the braces.
  core::Result<std::string> braced(std::string_view inside, int depth) {
    if (inside.empty() || !begins_name(inside[0])) return no_substitution();
    const auto name = name_at(inside);
    std::string_view rest = inside.substr(name.size());
    auto value = lookup(name);
    if (rest.empty()) return value.value_or("");
    const bool filled = rest[0] == ':';  // an empty one counts as unset
    if (filled) rest.remove_prefix(1);
    if (rest.empty() || std::string_view("-+?").find(rest[0]) == std::string_view::npos)
      return no_substitution();
    const bool there = value && !(filled && value->empty());
    const auto word = rest.substr(1);
    if (rest[0] == '-') return there ? core::Result<std::string>(*value) : run(word, depth + 1);
    if (rest[0] == '+') return there ? run(word, depth + 1) : core::Result<std::string>(value.value_or(""));
    if (there) return *value;
    return wrong(fmt::format("variable {} is {}{}{}", name, value ? "empty" : "not set",
                             word.empty() ? "" : ": ", core::printable(word)));
  }

  const Values& m_values;
  const Environment& m_variables;
};

class Parser {
public:
  Parser(std::string_view text, const std::string& file, const Environment& variables)
      : m_text(text), m_left(text), m_file(file), m_variables(variables) {}

  core::Result<Values> run() {
    if (m_text.find('\0') != std::string_view::npos) {
      m_left = m_text.substr(m_text.find('\0'));
      return here("holds a NUL byte");
    }
    while (to_next_statement()) BGDEPLOY_TRY(statement());
    return std::move(m_values);
  }

private:
  std::unexpected<core::Error> here(std::string_view what) const { return at(m_left, what); }
  // `place` is a part of the text.
  std::unexpected<core::Error> at(std::string_view place, std::string_view what) const {
    const auto before = m_text.substr(0, static_cast<std::size_t>(place.data() - m_text.data()));
    return wrong(fmt::format("{}:{}: {}", m_file, 1 + std::count(before.begin(), before.end(), '\n'), what));
  }

  bool to_next_statement() {
    for (;;) {
      m_left.remove_prefix(std::min(m_left.find_first_not_of(k_blanks_and_ends), m_left.size()));
      if (!m_left.starts_with('#')) return !m_left.empty();
      m_left.remove_prefix(std::min(m_left.find('\n'), m_left.size()));
    }
  }

  core::Result<void> statement() {
    constexpr std::string_view k_export = "export";
    if (m_left.starts_with(k_export) && m_left.size() > k_export.size() &&
        k_blanks.find(m_left[k_export.size()]) != std::string_view::npos) {
      const auto name = std::min(m_left.find_first_not_of(k_blanks, k_export.size()), m_left.size());
      m_left.remove_prefix(name);
    }
    const auto line = m_left.substr(0, m_left.find('\n'));
    const auto separator = line.find_first_of("=:");
    const std::string name(without_blanks_at_end(line.substr(0, separator)));
    BGDEPLOY_TRY(check_name(name));
    if (separator == std::string_view::npos) {
      m_left.remove_prefix(line.size());
      if (auto value = m_variables(name)) m_values.insert_or_assign(name, std::move(*value));
      return {};
    }
    m_left.remove_prefix(separator + 1);
    m_left.remove_prefix(std::min(m_left.find_first_not_of(k_blanks), m_left.size()));
    const auto place = m_left;
    auto value = m_left.starts_with('"') || m_left.starts_with('\'') ? quoted() : unquoted();
    if (!value) return std::unexpected(std::move(value).error());
    if (!value->literal) {
      auto expanded = Expansion(m_values, m_variables).run(value->text);
      if (!expanded) return at(place, expanded.error().message);
      value->text = std::move(*expanded);
    }
    m_bytes += value->text.size();
    if (m_bytes > k_dotenv_bytes) return at(place, "the values grow beyond 4 MB");
    m_values.insert_or_assign(name, std::move(value->text));
    return {};
  }

  core::Result<void> check_name(std::string_view name) const {
    if (name.empty()) return here("no variable name before the =");
    for (const char c : name) {
      if (is_in_name(c) || std::string_view(".-[]").find(c) != std::string_view::npos) continue;
      return here(k_blanks.find(c) != std::string_view::npos
                      ? "the variable's name contains a space"
                      : "the variable's name holds a character other than letters, digits, '_', '.' and '-'");
    }
    return {};
  }

  struct Raw {
    std::string text;
    bool literal = false;
  };

  core::Result<Raw> unquoted() {
    auto value = m_left.substr(0, m_left.find('\n'));
    m_left.remove_prefix(value.size());
    value = value.substr(0, value.find(" #"));
    return Raw{std::string(without_blanks_at_end(value))};
  }

  core::Result<Raw> quoted() {
    const char quote = m_left[0];
    std::string text;
    bool escaped = false;
    for (std::size_t i = 1; i < m_left.size(); ++i) {
      const char c = m_left[i];
      if (c == quote && !escaped) {
        const auto rest = m_left.substr(i + 1);
        if (!rest.empty() && k_blanks_and_ends.find(rest[0]) == std::string_view::npos && rest[0] != '#')
          return at(rest, "text follows the closing quote");
        m_left = rest;
        if (quote == '\'') return Raw{std::move(text), true};
        return Raw{expand_escapes(text)};
      }
      if (escaped && c != quote) text += '\\';
      escaped = c == '\\' && !escaped;
      if (!escaped) text += c;
    }
    return here("the quote that begins the value is never closed");
  }

  const std::string_view m_text;
  std::string_view m_left;
  const std::string& m_file;
  const Environment& m_variables;
  Values m_values;
  std::size_t m_bytes = 0;
};

}  // namespace

core::Result<std::string> expand_variables(std::string_view text, const Environment& variables) {
  const Values none;
  return Expansion(none, variables).run(text);
}

core::Result<Values> parse_dotenv(std::string_view text, const std::string& file,
                                  const Environment& variables) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return Parser(text, file, variables).run();
}

}  // namespace bgdeploy::spec
