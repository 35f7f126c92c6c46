#include "shell_functions.hpp"

#include <algorithm>
#include <array>

namespace bgdeploy::init {

ShellFunctions::ShellFunctions(const std::vector<Words>& commands) {
  constexpr std::size_t k_longest = 100;
  for (std::size_t at = 0; at < commands.size(); ++at) {
    const Words& head = commands[at];
    const bool keyword = head.size() > 1 && head[0] == "function";
    if (head.empty() || (!keyword && head.size() != 1)) continue;
    const bool braced = keyword && head.size() > 2 && head[2] == "{";
    std::size_t end = at + 1;
    if (!braced && (end == commands.size() || commands[end].empty() || commands[end][0] != "{")) continue;
    const std::size_t last = std::min(commands.size(), end + k_longest);
    while (end < last && (commands[end].empty() || commands[end][0] != "}")) ++end;
    // Groovy's blocks look like one, so it may stand inside of another.
    m_functions.insert_or_assign(head[keyword ? 1 : 0], Function{at, end, braced});
  }
}

std::vector<ShellFunctions::Words> ShellFunctions::called_by(const std::vector<Words>& commands,
                                                             std::size_t at) const {
  const Words& words = commands[at];
  const std::size_t first = first_word(words);
  const auto found = first == words.size() ? m_functions.end() : m_functions.find(words[first]);
  if (found == m_functions.end() || (at >= found->second.begin && at <= found->second.end)) return {};
  const auto& [begin, end, braced] = found->second;
  const auto command = [&](std::size_t i) { return commands.begin() + static_cast<std::ptrdiff_t>(i); };
  std::vector<Words> body(command(begin + 1), command(end));
  if (braced) body.insert(body.begin(), Words(commands[begin].begin() + 3, commands[begin].end()));
  return body;
}

std::string with_arguments(std::string_view text, std::span<const std::string> arguments) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool braces = text.substr(i).starts_with("${");
    const std::size_t digit = i + (braces ? 2 : 1);
    const bool number = text[i] == '$' && digit < text.size() && text[digit] >= '1' && text[digit] <= '9' &&
                        (!braces || text.substr(digit + 1).starts_with('}'));
    const std::size_t index = number ? static_cast<std::size_t>(text[digit] - '1') : arguments.size();
    if (index >= arguments.size()) {
      out += text[i];
      continue;
    }
    out += arguments[index];
    i = braces ? digit + 1 : digit;
  }
  return out;
}

std::size_t first_word(const std::vector<std::string>& words) {
  constexpr std::array<std::string_view, 14> k_before = {
      "sudo", "if", "then", "else", "elif", "do", "until", "while", "!", "time", "exec", "-", "run:", "{"};
  const auto found = std::ranges::find_if_not(
      words, [&](const std::string& word) { return std::ranges::find(k_before, word) != k_before.end(); });
  return static_cast<std::size_t>(found - words.begin());
}

}  // namespace bgdeploy::init
