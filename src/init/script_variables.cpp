#include "script_variables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"
#include "script_words.hpp"
#include "shell.hpp"
#include "shell_functions.hpp"
#include "shell_lines.hpp"

namespace bgdeploy::init {
namespace {

constexpr std::size_t k_longest = 4096;  // bytes of a value

bool is_variable(std::string_view name) {
  return !name.empty() && !core::is_digit(name[0]) &&
         name.find_first_not_of(k_shell_name) == std::string_view::npos;
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

// "env.NAME" of a workflow's "${{ env.NAME }}" at the start of `text`, and how long that is.
std::pair<std::string_view, std::size_t> expression_at(std::string_view text) {
  if (!text.starts_with("${{")) return {};
  const std::size_t end = text.find("}}");
  if (end == std::string_view::npos) return {};
  return {core::trim(text.substr(3, end - 3)), end + 2};
}

// "NAME" of "vars.NAME", "GITHUB_SHA" of "github.sha", which a workflow has in its environment too; empty for
// what is no name.
std::string variable_in(std::string_view expression) {
  const std::size_t context = expression.find("github.");
  const bool github =
      context != std::string_view::npos && expression.find('.', context + 7) == std::string_view::npos;
  const std::string name(expression.substr(expression.find_last_of(". {") + 1));
  if (!is_variable(name)) return {};
  return github ? "GITHUB_" + upper(name) : name;
}

// "${{ secrets.NAME }}"
bool has_secret_expression(std::string_view text) {
  for (std::size_t at = text.find("${{"); at != std::string_view::npos; at = text.find("${{", at + 1))
    if (expression_at(text.substr(at)).first.contains("secrets.")) return true;
  return false;
}

std::vector<std::string> words_of(const std::string& text) {
  const Script script = parse_script(text);
  return script.commands.empty() ? std::vector<std::string>() : script.commands[0];
}

}  // namespace

std::string_view lone_variable(std::string_view word) {
  if (!word.starts_with('$')) return {};
  word.remove_prefix(1);
  if (word.starts_with('{') && word.ends_with('}')) word = word.substr(1, word.size() - 2);
  if (word.ends_with("[@]") || word.ends_with("[*]")) word.remove_suffix(3);
  return is_variable(word) ? word : std::string_view();
}

bool has_argument(std::string_view text) {
  for (std::size_t at = text.find('$'); at < text.size(); at = text.find('$', at + 1)) {
    if (text.substr(at).starts_with("$$"))
      ++at;
    else if (const std::size_t name = at + (text.substr(at).starts_with("${") ? 2 : 1);
             name < text.size() && std::string_view("123456789@*").contains(text[name]))
      return true;
  }
  return false;
}

void ScriptVariables::assign(const std::string& name, std::string value) {
  // "PORT=${PORT:-8080}"
  if (const std::string own = "${" + name + ":-"; value.starts_with(own) && value.ends_with('}')) {
    value = value.substr(own.size(), value.size() - own.size() - 1);
    std::erase_if(value, [](char c) { return c == '"' || c == '\''; });
  }
  if (value.empty()) {
    m_empty.insert(name);
    return;
  }
  if (lone_variable(value) == name) return;  // "PORT=$PORT docker compose up"
  std::vector<std::string>& values = m_values[name];
  if (std::ranges::find(values, value) == values.end()) values.push_back(std::move(value));
}

void ScriptVariables::assign_loop(const std::string& name, std::span<const std::string> words) {
  m_loops.insert(name);
  for (const std::string& word : expanded(words, 0))
    if (!word.starts_with('{') && !is_unknown(word)) assign(name, word);
}

void ScriptVariables::assign_list(const std::string& name, std::vector<std::string> words) {
  m_loops.insert(name);
  for (std::string& word : words) {
    if (const std::size_t end = word.find("]="); word.starts_with('[') && end != std::string::npos)
      word.erase(0, end + 2);
    assign(name, word);
  }
  std::vector<std::string>& list = m_lists[name];
  list.insert(list.end(), std::make_move_iterator(words.begin()), std::make_move_iterator(words.end()));
}

std::vector<std::string> ScriptVariables::expanded(std::span<const std::string> words, Branch branch) const {
  std::vector<std::string> out;
  expand(words, branch, 0, out);
  return out;
}

void ScriptVariables::expand(std::span<const std::string> words, Branch branch, int depth,
                             std::vector<std::string>& out) const {
  constexpr std::size_t k_most_words = 1000;
  for (const std::string& word : words) {
    if (out.size() > k_most_words) return;
    const std::string_view name = word.contains('[') ? lone_variable(word) : std::string_view();
    const auto list = m_lists.find(name);
    const std::string* value = raw_value_of(name, branch);
    const bool several =
        value != nullptr && value->size() <= k_longest && (value->starts_with('-') || value->contains(' '));
    if (name.empty())
      out.push_back(word);
    else if (depth > 4 || is_secret(name, ""))
      out.push_back(fmt::format("${{{}}}", name));
    else if (list != m_lists.end())
      expand(list->second, branch, depth + 1, out);
    else if (several)
      expand(words_of(*value), branch, depth + 1, out);
    else if (value != nullptr || !m_empty.contains(name))
      out.push_back(fmt::format("${{{}}}", name));
  }
}

void ScriptVariables::expand_first(std::vector<std::string>& words) const {
  const std::size_t first = first_word(words);
  const std::string* value = first == words.size() ? nullptr : raw_value_of(lone_variable(words[first]), 0);
  if (value == nullptr) return;
  const auto at = words.erase(words.begin() + static_cast<std::ptrdiff_t>(first));
  const auto own = words_of(*value);
  words.insert(at, own.begin(), own.end());
}

std::string ScriptVariables::resolve(std::string_view text, Branch branch,
                                     std::span<const std::string> arguments) const {
  std::string out, called;
  resolve_into(out, text, branch, 0);
  if (arguments.empty()) return out;
  resolve_into(called, with_arguments(out, arguments), branch, 0);
  return called;
}

void ScriptVariables::resolve_into(std::string& out, std::string_view text, Branch branch, int depth) const {
  for (std::size_t i = 0; i < text.size() && out.size() < k_longest; ++i) {
    const auto [expression, length] = expression_at(text.substr(i));
    if (expression.starts_with("env.") && depth <= 4) {
      if (const std::string* value = value_of(expression.substr(4), branch)) {
        resolve_into(out, *value, branch, depth + 1);
        i += length - 1;
        continue;
      }
    }
    const bool braces = text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{';
    const std::size_t begin = i + (braces ? 2 : 1);
    const std::size_t end =
        text[i] == '$' ? std::min(text.find_first_not_of(k_shell_name, begin), text.size()) : begin;
    const std::string* value = end == begin ? nullptr : value_of(text.substr(begin, end - begin), branch);
    // Of "${NAMES[$i]}" each branch has one.
    std::size_t close = end;
    if (braces && end < text.size() && text[end] == '[')
      close = std::min(text.find(']', end), text.size() - 1) + 1;
    if (text.substr(i).starts_with("$$")) out += text[i++];  // a plain dollar
    if (value == nullptr && braces && text.substr(end).starts_with("[*]}")) {
      out += text.substr(i, end - i);
      i = close - 1;
      continue;
    }
    if (value == nullptr || depth > 4 || (braces && !text.substr(close).starts_with('}'))) {
      out += text[i];
      continue;
    }
    resolve_into(out, *value, branch, depth + 1);
    i = braces ? close : end - 1;
  }
}

const std::string* ScriptVariables::raw_value_of(std::string_view name, Branch branch) const {
  if (const auto found = m_values.find(name); found != m_values.end())
    return &found->second[std::min(m_loops.contains(name) ? branch.loop : branch.script,
                                   found->second.size() - 1)];
  const auto known = m_known.find(name);
  return known == m_known.end() || known->second.empty() ? nullptr : &known->second;
}

const std::string* ScriptVariables::value_of(std::string_view name, Branch branch) const {
  const std::string* value = raw_value_of(name, branch);
  return value == nullptr || value->size() > k_longest || is_secret(name, *value) ? nullptr : value;
}

std::vector<std::string> ScriptVariables::of_two_ports() const {
  std::vector<std::string> names;
  for (const auto& [name, values] : m_values)
    if (values.size() == 2 && core::parse_port(values[0]) && core::parse_port(values[1]))
      names.push_back(name);
  return names;
}

std::string ScriptVariables::secret_in(std::string_view text) const {
  for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    const std::size_t begin = at + (text.substr(at + 1).starts_with('{') ? 2 : 1);
    if (begin >= text.size()) break;
    if (text[begin] == '$') ++at;  // a plain dollar
    const std::string_view name = text.substr(begin, text.find_first_not_of(k_shell_name, begin) - begin);
    const bool assigned = m_values.contains(name) || m_known.contains(name);
    if (!name.empty() && (is_secret(name, "") || (assigned && value_of(name, 0) == nullptr)))
      return std::string(name);
  }
  return {};
}

Setting ScriptVariables::setting_of(const std::string& text, Branch branch) const {
  const std::size_t equals = text.find('=');
  Setting setting{text.substr(0, equals)};
  if (equals == std::string::npos) return setting;
  const std::string resolved = resolve(text.substr(equals + 1), branch);
  const std::string value = without_expressions(resolved);
  const bool hidden = has_secret_expression(resolved);
  const std::string secret = hidden ? std::string(lone_variable(value)) : secret_in(value);
  // What a command prints, or the script is called with, has to come from whoever runs bgdeploy.
  const bool unknown = is_unknown(value) || value.contains("${{") || has_argument(value);
  if (!hidden && secret.empty())
    setting.value = unknown ? fmt::format("${{{}:-}}", setting.name) : in_spec(value, {});
  else if (!secret.empty() && lone_variable(value) == secret)
    setting.variable = secret;
  return setting;
}

std::string without_expressions(std::string text) {
  for (std::size_t at = text.find("${{"); at != std::string::npos; at = text.find("${{", at + 2)) {
    const auto [expression, length] = expression_at(std::string_view(text).substr(at));
    if (const std::string name = variable_in(expression); !name.empty())
      text.replace(at, length, "${" + name + "}");
  }
  return text;
}

std::string with_stand_ins(std::string text, std::string_view stand_in, bool& filled) {
  text = without_expressions(std::move(text));
  for (std::size_t at = text.find("$("); at != std::string::npos; at = text.find("$(")) {
    const std::size_t end = end_of_group(text, at);
    text.replace(at, end == std::string::npos ? end : end - at, stand_in);
    filled = true;
  }
  for (std::size_t at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
    const std::size_t end = text.find('}', at);
    if (end == std::string::npos) break;
    const std::string name = text.substr(at + 1, end - at - 1);
    const std::size_t begin = at > 0 && text[at - 1] == '$' ? at - 1 : at;
    if (!is_variable(name)) continue;
    const std::string variable = fmt::format("${{{}:-{}}}", name, stand_in);
    text.replace(begin, end - begin + 1, variable);
    filled = true;
    at = begin + variable.size();
  }
  if (text.contains("${")) return text;
  for (std::size_t at = text.find('$'); at != std::string::npos; at = text.find('$', at + 1)) {
    const std::size_t end = std::min(text.find_first_not_of(k_shell_name, at + 1), text.size());
    const std::string name = text.substr(at + 1, end - at - 1);
    if (!is_variable(name)) continue;
    const std::string variable = fmt::format("${{{}:-{}}}", name, stand_in);
    text.replace(at, end - at, variable);
    filled = true;
    at += variable.size() - 1;
  }
  return text;
}

}  // namespace bgdeploy::init
