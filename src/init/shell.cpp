#include "shell.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "bgdeploy/core/number.hpp"
#include "script_variables.hpp"
#include "script_words.hpp"
#include "shell_lines.hpp"

namespace bgdeploy::init {
namespace {

using Words = std::vector<std::string>;

constexpr int k_deepest = 4;
constexpr std::size_t k_most_commands = 10'000;

constexpr std::string_view k_blanks = " \t\n";

class Reader {
public:
  Reader(Script& script, int depth) : m_script(script), m_depth(depth) {}

  void read(std::string_view text) {
    for (const std::string& line : logical_lines(text)) {
      for (std::size_t i = 0; i < line.size();) i = read_next(line, i);
      end_word();
      end_command();
      m_list_name.clear();
      for (const std::string& inner : std::exchange(m_quoted_lines, {})) read_inner(inner);
    }
  }

private:
  void read_inner(std::string_view text) {
    if (m_depth < k_deepest) Reader(m_script, m_depth + 1).read(text);
  }

  // What stands at `i`. Returns where the next thing does.
  std::size_t read_next(std::string_view line, std::size_t i) {
    const std::string_view rest = line.substr(i);
    const char c = rest[0];
    if (c == '\\' && rest.size() > 1) {
      add(rest[1] == '$' ? plain_dollar() : rest.substr(1, 1));
      return i + 2;
    }
    if (c == '"' || c == '\'') return read_quoted(line, i);
    if (c == '#' && !m_begun) return line.size();
    if (rest.starts_with("${")) {
      const std::size_t end = end_of_reference(rest);
      add(rest.substr(0, end));
      return i + end;
    }
    if (c == '`' || rest.starts_with("$(") || rest.starts_with("<("))
      if (const std::size_t end = read_substitution(line, i); end != i) return end;
    if (c == '<' || c == '>' || rest.starts_with("&>")) return i + read_redirection(rest);
    if (c == '(' && begins_list()) return i + 1;
    if (rest.starts_with("((") && is_head())
      if (const std::size_t end = rest.find("))"); end != std::string_view::npos) {
        add(rest.substr(0, end + 2));  // "for ((i = 0; i < 20; i++))"
        return i + end + 2;
      }
    if (k_blanks.contains(c)) {
      end_word();
    } else if (std::string_view("|&;()`").contains(c) || rest.starts_with("$(")) {
      end_word();
      if (c != ')' || !end_list()) end_command();
    } else {
      add(rest.substr(0, 1));
    }
    return i + 1;
  }

  bool is_head() const {
    return !m_words.empty() &&
           (m_words.back() == "for" || m_words.back() == "while" || m_words.back() == "until");
  }

  void add(std::string_view text) {
    m_word += text;
    m_begun = true;
  }

  // Whether words may come from a variable: of `docker run`, `ssh` and `for`.
  bool takes_options() const {
    const auto takes = [](const std::string& word) { return word == "run" || base_of(word) == "ssh"; };
    return std::ranges::any_of(m_words, takes) || (!m_words.empty() && m_words[0] == "for");
  }

  // A dollar of the value that a container gets, as opposed to a variable.
  std::string_view plain_dollar() const {
    const auto docker = std::ranges::find(m_words, "docker", base_of);
    if (std::find(docker, m_words.end(), "run") != m_words.end()) return "$$";
    return "$";
  }

  // "${A:-${B}}" and "${{ secrets.A }}".
  static std::size_t end_of_reference(std::string_view text) {
    int open = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '{') ++open;
      if (text[i] == '}' && --open == 0) return i + 1;
    }
    return std::min(text.find('}'), text.size() - 1) + 1;
  }

  std::size_t read_quoted(std::string_view line, std::size_t open) {
    const std::size_t end = close_of(line, open);
    const std::string_view quoted = line.substr(open + 1, end - open - 1);
    const bool expands = line[open] == '"';
    if (expands && quoted.starts_with("$(") && end_of_group(quoted, 0) == quoted.size())
      m_substituted.emplace_back(quoted.substr(2, quoted.size() - 3));
    else if (quoted.find_first_of(k_blanks) != std::string_view::npos)
      m_quoted_lines.push_back(expands ? unescaped(quoted, "$") : std::string(quoted));
    add(expands ? unescaped(quoted, plain_dollar()) : std::string(quoted));
    m_quoted = true;
    return std::min(end + 1, line.size());
  }

  // As end_of_group(), which takes time where nothing closes the group.
  std::size_t end_of(std::string_view line, std::size_t at) {
    constexpr int k_most_unclosed = 100;
    if (m_unclosed == k_most_unclosed) return std::string_view::npos;
    const std::size_t end = end_of_group(line, at);
    if (end == std::string_view::npos) ++m_unclosed;
    return end;
  }

  // Of a quote that nothing closes: the end of the line.
  std::size_t close_of(std::string_view line, std::size_t open) {
    if (const std::size_t end = end_of(line, open); end != std::string_view::npos) return end - 1;
    for (std::size_t i = open + 1; i < line.size(); ++i) {
      if (line[i] == '\\' && line[open] == '"')
        ++i;
      else if (line[i] == line[open])
        return i;
    }
    return line.size();
  }

  // What stands in double quotes. A command in backticks is in "$(…)" then.
  static std::string unescaped(std::string_view text, std::string_view dollar) {
    std::string out;
    bool command = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool escape = text[i] == '\\' && i + 1 < text.size();
      if (escape && std::string_view("\\\"`$").contains(text[i + 1])) {
        ++i;
        out += text[i] == '$' ? dollar : text.substr(i, 1);
      } else if (text[i] == '`') {
        out += (command = !command) ? "$(" : ")";
      } else {
        out += text[i];
      }
    }
    return out;
  }

  // "$(…)", "`…`" and "<(…)" stay a part of the word. Their commands come behind that of the word.
  std::size_t read_substitution(std::string_view line, std::size_t at) {
    const bool old = line[at] == '`';
    const std::size_t close = old ? line.find('`', at + 1) : end_of(line, at);
    if (close == std::string_view::npos) return at;
    const std::size_t begin = at + (old ? 1 : 2), end = old ? close : close - 1;
    m_substituted.emplace_back(line.substr(begin, end - begin));
    add(fmt::format("{}({})", line[at] == '<' ? '<' : '$', m_substituted.back()));
    return end + 1;
  }

  // "2>&1", "> /dev/null" and "<< EOF" are no words of the command. Returns the length of the operator; what
  // it names is the next word.
  std::size_t read_redirection(std::string_view rest) {
    const bool numbered = m_begun && !m_quoted && core::parse_number<int>(m_word);
    const bool output = !numbered || m_word == "1";
    if (numbered)
      drop_word();
    else
      end_word();
    for (const std::string_view operation :
         {"&>>", "&>", "<<<", "<<-", "<<", ">>", ">|", ">&", "<&", "<>", ">", "<"}) {
      if (!rest.starts_with(operation)) continue;
      const bool writes = operation.contains('>') && operation != "<>" && operation != ">&";
      m_redirection = (operation == "<<" || operation == "<<-") ? k_document
                      : operation == "<"                        ? k_read
                      : !writes || !output                      ? "-"
                      : operation.contains(">>")                ? k_appended
                                                                : k_written;
      return operation.size();
    }
    return 1;
  }

  void drop_word() {
    m_word.clear();
    m_begun = m_quoted = false;
  }

  void end_word() {
    if (!m_begun) return;
    const bool closes = m_word == "}" && !m_quoted;
    std::string word = std::exchange(m_word, {});
    if (const std::string_view name = lone_variable(word); !m_quoted && !name.empty() && takes_options())
      word = fmt::format("${{{}[*]}}", name);
    drop_word();
    if (!m_redirection.empty()) {
      if (m_redirection != "-" && word != "/dev/null")
        m_redirected.push_back({std::string(m_redirection), std::move(word)});
      m_redirection = {};
      return;
    }
    if (closes) end_command();
    m_words.push_back(std::move(word));
    if (closes) end_command();
  }

  // "NAME=(" and "NAME+=(".
  bool begins_list() {
    if (!m_begun || m_quoted || !m_word.ends_with('=')) return false;
    m_list_name = m_word.substr(0, m_word.find_first_of("+="));
    m_list_begin = m_words.size();
    drop_word();
    return true;
  }

  bool end_list() {
    if (m_list_name.empty() || m_list_begin > m_words.size()) return false;
    const auto begin = m_words.begin() + static_cast<std::ptrdiff_t>(m_list_begin);
    m_script.lists.push_back({std::exchange(m_list_name, {}), Words(begin, m_words.end())});
    m_words.erase(begin, m_words.end());
    return true;
  }

  void assign(std::string_view name, std::string_view value) {
    if (name.starts_with('{')) name.remove_prefix(1);  // "{NAME: value}"
    const auto is_named = [](char c) { return c == '.' || k_shell_name.contains(c); };
    if (name.empty() || !std::ranges::all_of(name, is_named) || value.starts_with("$(")) return;
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
    m_redirection = {};
    m_list_name.clear();
    if (!m_words.empty()) find_assignments();
    push(std::exchange(m_words, {}));
    for (Words& one : std::exchange(m_redirected, {})) push(std::move(one));
    for (const std::string& inner : std::exchange(m_substituted, {})) read_inner(inner);
  }

  void push(Words words) {
    if (!words.empty() && m_script.commands.size() < k_most_commands)
      m_script.commands.push_back(std::move(words));
  }

  void find_assignments() {
    if (m_words.size() > 3 && m_words[0] == "for" && m_words[2] == "in")
      m_script.loops.push_back({m_words[1], Words(m_words.begin() + 3, m_words.end())});
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
  }

  Script& m_script;
  const int m_depth;
  int m_unclosed = 0;  // groups
  Words m_words, m_quoted_lines, m_substituted;
  std::vector<Words> m_redirected;
  std::string m_word, m_list_name;
  std::string_view m_redirection;          // of which the next word is what it names; "-": it is of no use
  std::size_t m_list_begin = 0;            // of m_words
  bool m_begun = false, m_quoted = false;  // the word
};

}  // namespace

Script parse_script(std::string_view text) {
  Script script;
  Reader(script, 0).read(text);
  return script;
}

}  // namespace bgdeploy::init
