#include "script_include.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "bgdeploy/core/text.hpp"
#include "script_words.hpp"
#include "shell.hpp"
#include "shell_functions.hpp"

namespace bgdeploy::init {
namespace {

using Words = std::vector<std::string>;

// What a command says: the text of `echo` and `printf`, or a line of a here-document, as nginx reads it.
std::string said_by(const Words& words) {
  const std::size_t first = first_word(words);
  const std::string tool = first == words.size() ? "" : base_of(words[first]);
  const bool echo = tool == "echo" || tool == "printf";
  std::vector<std::string> said;
  for (std::size_t i = echo ? first + 1 : 0; i < words.size() && !words[i].starts_with('>'); ++i)
    if (!echo || !words[i].starts_with('-')) said.push_back(words[i]);
  for (std::size_t at = 0; tool == "printf" && said.size() > 1;) {  // "%s" of its format
    if ((at = said[0].find("%s", at)) == std::string::npos) break;
    said[0].replace(at, 2, said[1]);
    said.erase(said.begin() + 1);
  }
  if (tool == "printf" && !said.empty()) said.resize(1);
  std::string text = fmt::format("{}", fmt::join(said, " "));
  for (const auto& [from, to] : {std::pair("\\n", " "), std::pair("\\\"", "\"")})
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + 1))
      text.replace(at, 2, to);
  const std::string_view end = core::trim(text);
  const bool ended = end.empty() || end.ends_with(';') || end.ends_with('{') || end.ends_with('}');
  return text + (ended ? "" : ";");
}

// The statements of nginx's language, and what begins and ends a block, each a line.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::string line;
  std::size_t depth = 0;
  const auto end = [&](std::string_view mark) {
    const std::string_view words = core::trim(line);
    if (!words.empty() || mark != ";")
      lines.push_back(std::string(4 * depth, ' ') + std::string(words) +
                      (mark == "{" && !words.empty() ? " {" : std::string(mark)));
    line.clear();
  };
  bool variable = false;  // "${NAME}"
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' && i > 0 && text[i - 1] == '$') variable = true;
    const bool ends = !variable && (c == ';' || c == '{' || c == '}');
    if (c == '}') variable = false;
    if (!ends) {
      line += c;
      continue;
    }
    if (c == '}' && !core::trim(line).empty()) end(";");
    if (c == '}' && depth > 0) --depth;
    end(std::string_view(&text[i], 1));
    if (c == '{') ++depth;
  }
  return lines;
}

// Where "127.0.0.1:8081" stands in a line of nginx's: behind "http://", or as the first word of `server`.
std::pair<std::size_t, std::size_t> target_in(const std::string& line) {
  std::size_t begin = line.find("http://");
  if (begin != std::string::npos)
    begin += 7;
  else if (core::trim(line).starts_with("server "))
    begin = line.find("server ") + 7;
  else
    return {};
  const std::size_t end = line.find_first_of("/; ", begin);
  const std::string target = line.substr(begin, end - begin);
  return target.contains(':') && end != std::string::npos ? std::pair(begin, end) : std::pair(end, end);
}

// "NAME" of "set $NAME http://…" and "upstream NAME {".
std::string name_in(std::string_view line, std::string_view keyword) {
  if (!line.starts_with(keyword)) return {};
  line.remove_prefix(keyword.size());
  return std::string(line.substr(0, line.find(' ')));
}

}  // namespace

std::string text_written_by(std::span<const Words> content) {
  std::string text;
  bool in_document = false;
  for (const Words& words : content) {
    in_document = in_document || words[0] == k_document;
    const std::size_t first = first_word(words);
    const std::string tool = first == words.size() ? "" : base_of(words[first]);
    const bool says = tool == "echo" || tool == "printf" || (in_document && tool != "tee");
    if (says && !is_redirection(words)) text += said_by(words) + ' ';
  }
  return text;
}

Included included_in(std::string_view content) {
  Included found;
  std::size_t targets = 0;
  for (std::string line : lines_of(content)) {
    const std::string words(core::trim(line));
    if (auto name = name_in(words, "set $"); !name.empty()) found.variable = std::move(name);
    if (auto name = name_in(words, "upstream "); !name.empty()) found.upstream = std::move(name);
    if (const auto [begin, end] = target_in(line); begin < end) {
      const std::string target = line.substr(begin, end - begin);
      found.address = target.substr(0, target.rfind(':'));
      found.port = target.substr(target.rfind(':') + 1);
      const bool local = found.address == "localhost";
      line.replace(begin, end - begin, local ? "localhost:{{port}}" : "{{address}}:{{port}}");
      if (words.starts_with("server ")) line = "{{#backends}}" + line + "\n{{/backends}}";
      ++targets;
    }
    found.text += line + (line.ends_with("}}") ? "" : "\n");
  }
  if (targets != 1) found.text.clear();
  return found;
}

}  // namespace bgdeploy::init
