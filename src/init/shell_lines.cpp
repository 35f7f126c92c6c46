#include "shell_lines.hpp"

#include <algorithm>

#include "bgdeploy/core/text.hpp"
#include "shell.hpp"

namespace bgdeploy::init {
namespace {

constexpr std::size_t k_longest_group = 16'384;  // bytes
constexpr std::size_t k_most_lines = 200;        // of a list, or of a text in quotes
constexpr std::size_t k_most_unclosed = 20;      // groups
constexpr std::size_t k_longest_document = 500;  // lines

void trim_right(std::string& line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.pop_back();
}

// "EOF" of "cat <<EOF", of "<<-EOF" and of "<< 'EOF'"; `expands`: its lines have variables.
std::string document_of(std::string_view line, bool& expands) {
  for (std::size_t at = line.find("<<"); at != std::string_view::npos; at = line.find("<<", at)) {
    const std::size_t end = std::min(line.find_first_not_of('<', at), line.size());
    std::string_view word = line.substr(end);
    const bool operation = end - at == 2;
    at = end;
    if (!operation) continue;
    if (word.starts_with('-')) word.remove_prefix(1);
    word.remove_prefix(std::min(word.find_first_not_of(" \t"), word.size()));
    expands = !word.starts_with('\'') && !word.starts_with('"') && !word.starts_with('\\');
    if (!expands) word.remove_prefix(1);
    word = word.substr(0, word.find_first_not_of(k_shell_name));
    if (!word.empty()) return std::string(word);
  }
  return {};
}

// As the shell hands on the line of a document that it expands.
std::string expanded_line(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && std::string_view("\\$`").contains(line[i + 1])) ++i;
    out += line[i];
  }
  return out;
}

// Where a quote begins that the line does not close.
std::size_t open_quote(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\') {
      ++i;
    } else if (c == '"' || c == '\'') {
      const std::size_t end = end_of_group(line, i);
      if (end == std::string_view::npos) return i;
      i = end - 1;
    } else if (c == '#' && (i == 0 || line[i - 1] == ' ')) {
      break;
    }
  }
  return std::string_view::npos;
}

// Where the "(" of "NAME=(" stands that the line does not close.
std::size_t open_list(std::string_view line) {
  const std::size_t at = line.find("=(");
  const bool named = at != std::string_view::npos && at > 0 && k_shell_name.contains(line[at - 1]);
  return named && end_of_group(line, at + 1) == std::string_view::npos ? at + 1 : std::string_view::npos;
}

class Lines {
public:
  explicit Lines(std::string_view text) : m_raw(core::split_lines(text)) {}

  std::vector<std::string> joined() {
    for (m_at = 0; m_at < m_raw.size(); ++m_at) take();
    return std::move(m_lines);
  }

private:
  void take() {
    std::string line = m_at < m_document ? expanded_line(m_raw[m_at]) : m_raw[m_at];
    for (const char* quotes : {"\"\"\"", "'''"})
      for (std::size_t at = line.find(quotes); at != std::string::npos; at = line.find(quotes))
        line.replace(at, 3, " ");
    trim_right(line);
    // An option at the front of a line goes on with what began above, also where the backslash was forgotten.
    const std::string_view begin = core::trim(line);
    if (begin.size() > 1 && begin[0] == '-' && begin[1] != ' ' && begin[1] != '-' && !m_lines.empty())
      m_goes_on = m_goes_on || m_lines.back().contains("docker run");
    if (m_goes_on)
      m_lines.back() += line;
    else
      m_lines.push_back(std::move(line));
    if (!m_lines.back().ends_with('\\')) join_group(m_lines.back());
    m_goes_on = m_lines.back().ends_with('\\');
    if (m_goes_on) m_lines.back().back() = ' ';
    if (!m_goes_on && m_at >= m_document) begin_document(m_lines.back());
  }

  // With the lines up to the one that closes what is open, if there is one.
  void join_group(std::string& line) {
    if (line.size() > k_longest_group || m_unclosed == k_most_unclosed) return;
    const std::size_t list = open_list(line);
    const bool command = line.contains("ssh ") || line.contains("docker run ");
    const std::size_t open = list != std::string::npos || !command ? list : open_quote(line);
    if (open == std::string::npos) return;
    std::string all = line;
    for (std::size_t next = m_at + 1; next < m_raw.size() && next <= m_at + k_most_lines; ++next) {
      const std::string_view more = core::trim(m_raw[next]);
      if (list == std::string::npos)
        (all += '\n') += m_raw[next];
      else if (!more.starts_with('#'))
        (all += ' ') += more.substr(0, more.find(" #"));
      if (end_of_group(all, open) == std::string::npos) continue;
      trim_right(all);
      line = std::move(all);
      m_at = next;
      return;
    }
    ++m_unclosed;  // to look for an end takes time
  }

  void begin_document(std::string_view line) {
    bool expands = false;
    const std::string end = document_of(line, expands);
    if (end.empty() || !expands) return;
    const std::size_t last = std::min(m_raw.size(), m_at + k_longest_document);
    for (std::size_t i = m_at + 1; i < last && m_document <= m_at; ++i)
      if (core::trim(m_raw[i]) == end) m_document = i;
  }

  std::vector<std::string> m_raw, m_lines;
  std::size_t m_at = 0, m_document = 0;  // the line, and where the document ends that it is in
  std::size_t m_unclosed = 0;            // groups for whose end it was looked
  bool m_goes_on = false;
};

}  // namespace

std::size_t end_of_group(std::string_view line, std::size_t at) {
  line = line.substr(0, at + k_longest_group);
  if (line[at] == '\'') {
    const std::size_t end = line.find('\'', at + 1);
    return end == std::string_view::npos ? end : end + 1;
  }
  std::string open;  // what is, the innermost at the end
  for (std::size_t i = at; i < line.size(); ++i) {
    const char c = line[i];
    const bool quoted = open.ends_with('"');
    if (c == '\\') {
      ++i;
    } else if (c == '\'' && !quoted) {
      i = line.find('\'', i + 1);
      if (i == std::string_view::npos) return i;
    } else if (c == '(' && (!quoted || line[i - 1] == '$')) {
      open += c;
    } else if (c == '"' && !quoted) {
      open += c;
    } else if (quoted ? c == '"' : c == ')') {
      open.pop_back();
      if (open.empty()) return i + 1;
    }
  }
  return std::string_view::npos;
}

std::vector<std::string> logical_lines(std::string_view text) {
  return Lines(text).joined();
}

}  // namespace bgdeploy::init
