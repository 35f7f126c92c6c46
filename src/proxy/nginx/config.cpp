#include "config.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <utility>

namespace bgdeploy::proxy {
namespace {

constexpr int k_deepest = 64;  // blocks in blocks; nginx's own modules allow far fewer

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

class Parser {
public:
  explicit Parser(std::string_view text) : m_text(text) {}

  std::vector<Directive> directives(int depth) {
    std::vector<Directive> found;
    Directive now;
    while (skip_blanks()) {
      const char c = m_text[m_at];
      if (c == '}') {
        ++m_at;
        if (depth > 0) break;
      } else if (c == ';' || c == '{') {
        ++m_at;
        if (c == '{') open(now, depth);
        if (!now.name.empty()) found.push_back(std::move(now));
        now = {};
      } else {
        const int line = m_line;
        std::string word = c == '"' || c == '\'' ? quoted(c) : bare();
        if (now.line == 0) {
          now.name = std::move(word);
          now.line = line;
        } else {
          now.args.push_back(std::move(word));
        }
      }
    }
    // Without its ';' nginx refuses it, but its place in the file still matters to us.
    if (!now.name.empty()) found.push_back(std::move(now));
    return found;
  }

private:
  bool more() const { return m_at < m_text.size(); }
  char take() {
    const char c = m_text[m_at++];
    if (c == '\n') ++m_line;
    return c;
  }

  // And comments, which begin where a word could.
  bool skip_blanks() {
    while (more()) {
      if (m_text[m_at] == '#') {
        while (more() && m_text[m_at] != '\n') ++m_at;
      } else if (is_blank(m_text[m_at])) {
        take();
      } else {
        return true;
      }
    }
    return false;
  }

  void open(Directive& now, int depth) {
    if (now.name.ends_with("_by_lua_block") || now.name == "lua_block")
      now.raw = lua();
    else if (depth < k_deepest)
      now.block = directives(depth + 1);
    else
      m_at = m_text.size();
  }

  void escaped(std::string& word) {
    const char c = take();
    if (c == 't')
      word += '\t';
    else if (c == 'r')
      word += '\r';
    else if (c == 'n')
      word += '\n';
    else if (c == '"' || c == '\'' || c == '\\')
      word += c;
    else
      (word += '\\') += c;
  }

  std::string quoted(char quote) {
    std::string word;
    take();
    while (more()) {
      const char c = take();
      if (c == quote) break;
      if (c == '\\' && more())
        escaped(word);
      else
        word += c;
    }
    return word;
  }

  // `${name}` has its braces inside the word.
  std::string bare() {
    std::string word;
    bool variable = false;
    while (more()) {
      const char c = m_text[m_at];
      if (is_blank(c) || c == ';' || (c == '{' && !variable)) break;
      take();
      variable = c == '$';
      if (c == '\\' && more())
        escaped(word);
      else
        word += c;
    }
    return word;
  }

  // Lua ends at the matching brace; its strings and comments may contain braces.
  std::string lua() {
    const std::size_t begin = m_at;
    int depth = 1;
    while (more()) {
      const std::size_t here = m_at;
      const char c = take();
      if (c == '{') ++depth;
      if (c == '}' && --depth == 0) return std::string(m_text.substr(begin, here - begin));
      if (c == '"' || c == '\'') lua_string(c);
      if (c == '[') lua_long_bracket();
      if (c == '-' && more() && m_text[m_at] == '-') {
        take();
        if (!(more() && m_text[m_at] == '[' && (take(), lua_long_bracket())))
          while (more() && m_text[m_at] != '\n') ++m_at;
      }
    }
    return std::string(m_text.substr(begin));
  }

  void lua_string(char quote) {
    while (more()) {
      const char c = take();
      if (c == quote || c == '\n') return;
      if (c == '\\' && more()) take();
    }
  }

  // After a '[': "=*[ … ]=*]". Whether there was one.
  bool lua_long_bracket() {
    std::size_t level = 0;
    while (m_at + level < m_text.size() && m_text[m_at + level] == '=') ++level;
    if (m_at + level >= m_text.size() || m_text[m_at + level] != '[') return false;
    const std::string end = "]" + std::string(level, '=') + "]";
    const auto found = m_text.find(end, m_at + level + 1);
    const std::size_t behind = found == std::string_view::npos ? m_text.size() : found + end.size();
    while (m_at < behind) take();
    return true;
  }

  std::string_view m_text;
  std::size_t m_at = 0;
  int m_line = 1;
};

// "# configuration file /etc/nginx/nginx.conf:"
std::string header_of(std::string_view line) {
  constexpr std::string_view k_begin = "# configuration file ";
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!line.starts_with(k_begin) || !line.ends_with(':')) return {};
  line.remove_prefix(k_begin.size());
  line.remove_suffix(1);
  return line.starts_with('/') ? std::string(line) : std::string();
}

}  // namespace

std::vector<Directive> parse_directives(std::string_view text) {
  return Parser(text).directives(0);
}

std::string word(const std::string& text) {
  if (text.find_first_of(" \t\r\n;{}#\"'\\") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

NginxConfig NginxConfig::from_dump(std::string_view dump) {
  NginxConfig config;
  std::string path;
  std::size_t begin = 0;
  const auto end_file = [&](std::size_t end) {
    if (path.empty()) return;
    if (config.m_main.empty()) config.m_main = path;
    config.m_files.try_emplace(path, parse_directives(dump.substr(begin, end - begin)));
  };
  for (std::size_t at = 0; at < dump.size();) {
    const std::size_t newline = std::min(dump.find('\n', at), dump.size());
    if (dump[at] == '#') {
      if (std::string next = header_of(dump.substr(at, newline - at)); !next.empty()) {
        end_file(at);
        path = std::move(next);
        begin = std::min(newline + 1, dump.size());
      }
    }
    at = newline + 1;
  }
  end_file(dump.size());
  return config;
}

void NginxConfig::overlay(const std::string& path, std::string_view text) {
  m_files[path] = parse_directives(text);
}

std::vector<std::string> NginxConfig::paths() const {
  std::vector<std::string> names;
  for (const auto& [path, directives] : m_files) names.push_back(path);
  return names;
}

const std::vector<Directive>& NginxConfig::file(const std::string& path) const {
  static const std::vector<Directive> k_nothing;
  const auto found = m_files.find(path);
  return found == m_files.end() ? k_nothing : found->second;
}

std::string NginxConfig::absolute(const std::string& pattern) const {
  if (pattern.starts_with('/')) return pattern;
  return folder() + pattern;
}

bool NginxConfig::may_miss(const std::string& pattern) const {
  const std::string full = absolute(pattern);
  if (!full.starts_with(folder()) || full.find("/../") != std::string::npos) return true;
  return full.find_first_of("*?[") == std::string::npos && !has(full);
}

bool NginxConfig::includes(const std::string& pattern, const std::string& path) const {
  const std::string full = absolute(pattern);
  if (full.find_first_of("*?[") == std::string::npos) return full == path;
  return fnmatch(full.c_str(), path.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
}

std::vector<std::string> NginxConfig::included(const std::string& pattern) const {
  std::vector<std::string> names;
  for (const auto& [path, directives] : m_files)
    if (includes(pattern, path)) names.push_back(path);
  return names;
}

}  // namespace bgdeploy::proxy
