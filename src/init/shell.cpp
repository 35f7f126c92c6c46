#include "shell.hpp"

#include <algorithm>
#include <array>

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::init {
namespace {

constexpr int k_deepest = 4;
constexpr std::size_t k_most_commands = 10'000;
constexpr std::string_view k_name = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";

// Lines that end with a backslash joined, and Groovy's and Python's triple quotes taken away.
std::vector<std::string> logical_lines(std::string_view text) {
  std::vector<std::string> lines;
  bool goes_on = false;
  for (std::string& line : core::split_lines(text)) {
    for (const char* quotes : {"\"\"\"", "'''"})
      for (std::size_t at = line.find(quotes); at != std::string::npos; at = line.find(quotes))
        line.replace(at, 3, " ");
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.pop_back();
    const bool more = line.ends_with('\\');
    // An option at the front of a line goes on with what began above, also where the backslash was forgotten.
    const std::string_view begin = core::trim(line);
    if (begin.size() > 1 && begin[0] == '-' && begin[1] != ' ' && begin[1] != '-' && !lines.empty())
      goes_on = goes_on || lines.back().contains("docker run");
    if (more) line.back() = ' ';
    if (goes_on)
      lines.back() += line;
    else
      lines.push_back(std::move(line));
    goes_on = more;
  }
  return lines;
}

class Reader {
public:
  void read(std::string_view text, int depth) {
    for (const std::string& line : logical_lines(text)) read_line(line, depth);
  }
  Script take() { return std::move(m_script); }

private:
  void read_line(std::string_view line, int depth) {
    std::vector<std::string> inner;  // quoted command lines
    std::string word;
    bool begun = false;
    const auto end_word = [&] {
      if (begun) m_words.push_back(std::move(word));
      word.clear();
      begun = false;
    };
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (c == '\\' && i + 1 < line.size()) {
        word += line[++i];
        begun = true;
      } else if (c == '"' || c == '\'') {
        const std::size_t end = close_of(line, i);
        const std::string_view quoted = line.substr(i + 1, end - i - 1);
        if (quoted.find(' ') != std::string_view::npos) inner.emplace_back(quoted);
        word += quoted;
        begun = true;
        i = end;
      } else if (c == '#' && !begun) {
        break;
      } else if (c == '$' && i + 1 < line.size() && line[i + 1] == '{') {
        const std::size_t end = std::min(line.find('}', i), line.size() - 1);
        word += line.substr(i, end - i + 1);
        begun = true;
        i = end;
      } else if (c == ' ' || c == '\t') {
        end_word();
      } else if (std::string_view("|&;()`").find(c) != std::string_view::npos ||
                 (c == '$' && line.substr(i, 2) == "$(")) {
        end_word();
        // What stands before "$(" goes on behind it, but is of no use here.
        end_command();
      } else {
        word += c;
        begun = true;
      }
    }
    end_word();
    end_command();
    if (depth < k_deepest)
      for (const std::string& text : inner) read(text, depth + 1);
  }

  // Of a quote that nothing closes: the end of the line.
  static std::size_t close_of(std::string_view line, std::size_t open) {
    for (std::size_t i = open + 1; i < line.size(); ++i) {
      if (line[i] == '\\' && line[open] == '"')
        ++i;
      else if (line[i] == line[open])
        return i;
    }
    return line.size();
  }

  void assign(std::string_view name, std::string_view value) {
    if (name.starts_with('{')) name.remove_prefix(1);  // "{NAME: value}"
    if (name.empty() || name.find_first_not_of(k_name) != std::string_view::npos) return;
    while (value.ends_with(',') || value.ends_with(';')) value.remove_suffix(1);
    while (value.ends_with('}') && std::ranges::count(value, '{') < std::ranges::count(value, '}'))
      value.remove_suffix(1);
    m_script.assignments.push_back({std::string(name), std::string(value)});
  }

  // Where the words begin that may assign: behind "then", "local -r" and the like.
  std::size_t first_assignment() const {
    constexpr std::array<std::string_view, 14> k_before = {"then",  "else",     "elif",    "do",     "if",
                                                           "while", "until",    "!",       "{",      "export",
                                                           "local", "readonly", "declare", "typeset"};
    std::size_t at = 0;
    const auto is_before = [&](const std::string& word) {
      return std::ranges::find(k_before, word) != k_before.end() || (at > 0 && word.starts_with('-'));
    };
    while (at < m_words.size() && is_before(m_words[at])) ++at;
    return at;
  }

  void end_command() {
    if (m_words.empty() || m_script.commands.size() == k_most_commands) {
      m_words.clear();
      return;
    }
    const std::size_t first = first_assignment();
    for (std::size_t i = 0; i < m_words.size(); ++i) {
      const std::string& word = m_words[i];
      const std::size_t equals = word.find('=');
      const bool has_next = i + 1 < m_words.size();
      if (i + 2 < m_words.size() && m_words[i + 1] == "=") {
        assign(word, m_words[i + 2]);
      } else if (word.ends_with(':') && has_next && word.size() > 1) {
        assign(std::string_view(word).substr(0, word.size() - 1), m_words[i + 1]);
      } else if (equals != std::string::npos && equals > 0 && word[0] != '-' && i >= first &&
                 (i == first || m_words[i - 1] == "export" ||
                  m_words[i - 1].find('=') != std::string::npos)) {
        assign(std::string_view(word).substr(0, equals), std::string_view(word).substr(equals + 1));
      }
    }
    m_script.commands.push_back(std::move(m_words));
    m_words.clear();
  }

  Script m_script;
  std::vector<std::string> m_words;
};

}  // namespace

Script parse_script(std::string_view text) {
  Reader reader;
  reader.read(text, 0);
  return reader.take();
}

}  // namespace bgdeploy::init
