#include "script_variables.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::init {
namespace {

constexpr std::string_view k_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

constexpr std::size_t k_longest = 4096;  // bytes of a value

bool is_variable(std::string_view name) {
  return !name.empty() && !core::is_digit(name[0]) &&
         name.find_first_not_of(k_letters) == std::string_view::npos;
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

}  // namespace

void ScriptVariables::assign(const std::string& name, std::string value) {
  if (value.empty()) return;
  std::vector<std::string>& values = m_values[name];
  if (std::ranges::find(values, value) == values.end()) values.push_back(std::move(value));
}

std::string ScriptVariables::resolve(std::string_view text, std::size_t branch, int depth) const {
  std::string out;
  for (std::size_t i = 0; i < text.size() && out.size() < k_longest; ++i) {
    const auto [expression, length] = expression_at(text.substr(i));
    if (expression.starts_with("env.") && depth <= 4) {
      if (const std::string* value = value_of(expression.substr(4), branch)) {
        out += resolve(*value, branch, depth + 1);
        i += length - 1;
        continue;
      }
    }
    const bool braces = text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{';
    const std::size_t begin = i + (braces ? 2 : 1);
    const std::size_t end =
        text[i] == '$' ? std::min(text.find_first_not_of(k_letters, begin), text.size()) : begin;
    const std::string* value = end == begin ? nullptr : value_of(text.substr(begin, end - begin), branch);
    if (value == nullptr || depth > 4 || (braces && (end == text.size() || text[end] != '}'))) {
      out += text[i];
      continue;
    }
    out += resolve(*value, branch, depth + 1);
    i = braces ? end : end - 1;
  }
  return out;
}

const std::string* ScriptVariables::value_of(std::string_view name, std::size_t branch) const {
  const std::string* value = nullptr;
  if (const auto found = m_values.find(name); found != m_values.end())
    value = &found->second[std::min(branch, found->second.size() - 1)];
  else if (const auto known = m_known.find(name); known != m_known.end() && !known->second.empty())
    value = &known->second;
  return value == nullptr || value->size() > k_longest || is_secret(name, *value) ? nullptr : value;
}

std::string ScriptVariables::secret_in(std::string_view text) const {
  for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    const std::size_t begin = at + (text.substr(at + 1).starts_with('{') ? 2 : 1);
    if (begin >= text.size()) break;
    const std::string_view name = text.substr(begin, text.find_first_not_of(k_letters, begin) - begin);
    const bool assigned = m_values.contains(name) || m_known.contains(name);
    if (!name.empty() && (is_secret(name, "") || (assigned && value_of(name, 0) == nullptr)))
      return std::string(name);
  }
  return {};
}

Setting ScriptVariables::setting_of(const std::string& text, std::size_t branch) const {
  const std::size_t equals = text.find('=');
  Setting setting{text.substr(0, equals)};
  if (equals == std::string::npos) return setting;
  const std::string value = resolve(text.substr(equals + 1), branch);
  const std::string secret = secret_in(value);
  if (secret.empty())
    setting.value = in_spec(value, {});
  else if (value == "$" + secret || value == "${" + secret + "}")
    setting.variable = secret;
  return setting;
}

std::string with_stand_ins(std::string text, std::string_view stand_in, bool& filled) {
  for (std::size_t at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
    const std::size_t end = text.find('}', at);
    if (end == std::string::npos) break;
    const bool workflow = at > 0 && text[at - 1] == '$' && text[at + 1] == '{';
    std::string name = text.substr(at + 1, end - at - 1);
    const std::size_t begin = workflow || (at > 0 && text[at - 1] == '$') ? at - 1 : at;
    // A workflow has "github.repository" in its environment too.
    const std::size_t context = name.find("github.");
    const bool github = context != std::string::npos && name.find('.', context + 7) == std::string::npos;
    name = name.substr(name.find_last_of(". {", name.find_last_not_of(' ')) + 1);
    while (name.ends_with(' ')) name.pop_back();
    if (github) name = "GITHUB_" + upper(name);
    if (!is_variable(name)) continue;
    const std::string variable = fmt::format("${{{}:-{}}}", name, stand_in);
    text.replace(begin, end - begin + (workflow ? 2 : 1), variable);
    filled = true;
    at = begin + variable.size();
  }
  if (text.contains("${")) return text;
  for (std::size_t at = text.find('$'); at != std::string::npos; at = text.find('$', at + 1)) {
    const std::size_t end = std::min(text.find_first_not_of(k_letters, at + 1), text.size());
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
