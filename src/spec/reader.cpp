#include "reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "advice.hpp"
#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/size.hpp"
#include "bgdeploy/core/text.hpp"
#include "types.hpp"

namespace bgdeploy::spec {
namespace {

std::string_view article(Node::Kind kind) {
  return kind == Node::Kind::list ? "a list" : "a map";
}

// The words of one line, quoted as a POSIX shell reads them; no expansion of any kind. Nothing when a quote
// stays open.
std::optional<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;  // a word has begun, maybe an empty one
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool escapes = c == '\\' && i + 1 < line.size() &&
                         (quote == 0 || (quote == '"' && (line[i + 1] == '"' || line[i + 1] == '\\')));
    if (escapes) {
      word += line[++i];
      inside = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      inside = true;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (inside) words.push_back(std::exchange(word, {}));
      inside = false;
    } else {
      word += c;
      inside = true;
    }
  }
  if (quote != 0) return {};
  if (inside) words.push_back(word);
  return words;
}

}  // namespace

void Value::error(std::string_view predicate) const {
  const Mark at = m_node == nullptr ? m_key : m_node->at;
  m_reading->diagnostics.error(at, fmt::format("{} {}", m_path, predicate),
                               m_secret ? Show::place : Show::line);
}

void Value::error_at_key(std::string_view predicate) const {
  m_reading->diagnostics.error(m_key, fmt::format("{} {}", m_path, predicate),
                               m_secret ? Show::place : Show::line);
}

void Value::unsupported(std::string_view what, std::string_view today) const {
  m_reading->diagnostics.unsupported(
      m_key, fmt::format("{} is not supported yet{}{}", what, today.empty() ? "" : ": ", today));
}

Value Value::secret() const {
  Value copy = *this;
  copy.m_secret = true;
  return copy;
}

std::string Value::shown(std::string_view text) const {
  return m_secret ? "this" : in_quotes(text);
}

void Value::wrong(std::string_view what, std::string_view text) const {
  error(m_secret ? fmt::format("must be {}", what)
                 : fmt::format("must be {}, not {}", what, in_quotes(text)));
}

Value Value::get(std::string_view key) const {
  std::string path = m_path.empty() ? std::string(key) : fmt::format("{}.{}", m_path, key);
  const Entry* entry = m_node == nullptr ? nullptr : m_node->find(key);
  Value value(*m_reading, entry == nullptr ? nullptr : entry->value.get(),
              entry == nullptr ? m_key : entry->at, std::move(path));
  value.m_secret = m_secret;
  return value;
}

Value Value::need(std::string_view key) const {
  Value value = get(key);
  if (!value.present() && !is(Node::Kind::broken)) value.error("is missing");
  return value;
}

bool Value::need_one_of(const std::vector<std::string>& keys, std::string_view advice) const {
  std::vector<Value> given;
  std::vector<std::string> names;
  for (const std::string& key : keys)
    if (const Value value = get(key); value.present()) {
      given.push_back(value);
      names.push_back(key);
    }
  if (given.size() == 1) return true;
  const auto problem = fmt::format("must have exactly one of {}", alternatives(keys, "and"));
  if (given.empty()) {
    error(problem);
    return false;
  }
  // What an environment adds stands behind what the rest has.
  const Value& last = *std::ranges::max_element(given, {}, &Value::m_key);
  m_reading->diagnostics.error(
      last.m_key, fmt::format("{} {}, and has {}{}", m_path, problem, alternatives(names, "and"), advice),
      m_secret ? Show::place : Show::line);
  return false;
}

bool Value::is_map() const {
  if (!present() || is(Node::Kind::broken)) return false;
  if (is(Node::Kind::map) || is(Node::Kind::null)) return true;
  error("must be a map of keys and values" + advice_on_map(m_path, *m_node, !m_secret));
  return false;
}

std::vector<std::pair<std::string, Value>> Value::entries() const {
  std::vector<std::pair<std::string, Value>> result;
  if (!is_map()) return result;
  for (const auto& entry : m_node->entries) result.emplace_back(entry.key, get(entry.key));
  return result;
}

std::vector<Value> Value::items() const {
  std::vector<Value> result;
  if (!present() || is(Node::Kind::broken)) return result;
  if (!is(Node::Kind::list)) {
    error(is(Node::Kind::null) ? "has no value"
                               : "must be a list" + advice_on_list(m_path, *m_node, !m_secret));
    return result;
  }
  for (std::size_t i = 0; i < m_node->items.size(); ++i) {
    const Node* item = m_node->items[i].get();
    result.emplace_back(*m_reading, item, item->at, fmt::format("{}[{}]", m_path, i));
    result.back().m_secret = m_secret;
  }
  return result;
}

std::optional<std::string> Value::text() const {
  if (!present() || is(Node::Kind::broken)) return {};
  if (is(Node::Kind::scalar)) return m_node->text;
  if (is(Node::Kind::null)) {
    error("has no value; write \"\" for an empty one");
  } else {
    error(fmt::format("must be one value, not {}", article(m_node->kind)));
  }
  return {};
}

std::optional<std::string> Value::filled() const {
  auto value = text();
  if (!value) return {};
  if (core::trim(*value).empty()) {
    error("must not be empty");
    return {};
  }
  if (has_control_character(*value)) {
    error("must be one line without control characters");
    return {};
  }
  return value;
}

std::optional<std::string> Value::matching(const std::function<bool(std::string_view)>& rule,
                                           std::string_view what) const {
  auto value = text();
  if (!value || rule(*value)) return value;
  wrong(what, *value);
  return {};
}

std::optional<std::int64_t> Value::integer(std::int64_t least, std::int64_t most) const {
  const auto value = text();
  if (!value) return {};
  const auto number = to_integer(*value);
  if (number && *number >= least && *number <= most) return number;
  wrong(fmt::format("a whole number from {} to {}", least, most), *value);
  return {};
}

std::optional<int> Value::count(int most) const {
  const auto number = integer(1, most);
  return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

std::optional<int> Value::port() const {
  const auto value = text();
  if (!value) return {};
  if (const auto number = to_port(*value)) return number;
  wrong("a port from 1 to 65535", *value);
  return {};
}

std::optional<double> Value::number_above_zero() const {
  const auto value = text();
  if (!value) return {};
  double number = 0;
  const auto [end, failed] = std::from_chars(value->data(), value->data() + value->size(), number);
  const bool whole = failed == std::errc{} && end == value->data() + value->size();
  if (whole && std::isfinite(number) && number > 0) return number;
  wrong("a number above 0", *value);
  return {};
}

std::optional<bool> Value::boolean() const {
  const auto value = text();
  if (!value) return {};
  // As YAML 1.2 spells them.
  for (const char* yes : {"true", "True", "TRUE"})
    if (*value == yes) return true;
  for (const char* no : {"false", "False", "FALSE"})
    if (*value == no) return false;
  wrong("true or false", *value);
  return {};
}

std::optional<Duration> Value::duration(Zero zero) const {
  const auto value = text();
  if (!value) return {};
  const auto duration = core::parse_duration(*value);
  // A day is longer than any wait in a deploy, and keeps every sum of deadlines within range.
  constexpr Duration k_longest = std::chrono::hours(24);
  if (!duration) {
    const bool no_unit = to_integer(*value) && !m_secret;
    error(fmt::format("must be a duration such as 500ms, 10s, 2m or 1h, not {}{}", shown(*value),
                      no_unit ? fmt::format(": write {}s", *value) : ""));
  } else if (*duration > k_longest) {
    wrong("at most 24h", *value);
  } else if (zero == Zero::refused && *duration == Duration{0}) {
    wrong("longer than 0", *value);
  } else {
    return duration;
  }
  return {};
}

std::optional<std::int64_t> Value::size(std::int64_t least) const {
  const auto value = text();
  if (!value) return {};
  const auto bytes = core::parse_size(*value);
  if (!bytes) {
    wrong("a size such as 700m or 1g", *value);
  } else if (*bytes < least) {
    wrong(fmt::format("at least {}", core::format_size(least)), *value);
  } else {
    return bytes;
  }
  return {};
}

std::optional<std::vector<std::string>> Value::texts() const {
  if (!present() || is(Node::Kind::broken)) return {};
  if (!is(Node::Kind::list)) {
    error(is(Node::Kind::null) ? "has no value"
                               : "must be a list" + advice_on_list(m_path, *m_node, !m_secret));
    return {};
  }
  std::vector<std::string> result;
  const auto all = items();
  for (const auto& item : all) {
    if (auto value = item.text()) result.push_back(std::move(*value));
  }
  if (result.size() != all.size()) return {};  // that is reported
  return result;
}

std::optional<std::vector<std::string>> Value::command() const {
  if (is(Node::Kind::list)) return texts();
  const auto line = text();
  if (!line) return {};
  auto words = split_words(*line);
  if (!words) error("has a quote that is never closed");
  return words;
}

std::optional<std::map<std::string, std::string>> Value::text_map(std::vector<std::string>* bare) const {
  if (!present() || is(Node::Kind::broken)) return {};
  std::map<std::string, std::string> result;
  if (!is(Node::Kind::list)) {
    for (const auto& [key, value] : entries()) {
      if (bare != nullptr && value.is(Node::Kind::null))
        bare->push_back(key);
      else if (auto content = value.text())
        result.emplace(key, std::move(*content));
    }
    return result;
  }
  for (const auto& item : items()) {
    if (item.is(Node::Kind::map)) {
      item.error("must be NAME=value; in a map leave out the '- '");
      continue;
    }
    const auto pair = item.text();
    if (!pair) continue;
    const std::size_t equals = pair->find('=');
    const std::string name = pair->substr(0, equals);
    const bool alone = equals == std::string::npos && bare != nullptr;
    if (name.empty() || (equals == std::string::npos && !alone)) {
      item.error("must be NAME=value");
    } else if (result.contains(name) ||
               (bare != nullptr && std::find(bare->begin(), bare->end(), name) != bare->end())) {
      item.error(fmt::format("names {} a second time", in_quotes(name)));
    } else if (alone) {
      bare->push_back(name);
    } else {
      result.emplace(name, pair->substr(equals + 1));
    }
  }
  return result;
}

std::optional<std::filesystem::path> Value::file() const {
  const auto value = filled();
  if (!value) return {};
  std::filesystem::path path = *value;
  if (*value == "~" || value->starts_with("~/")) {
    if (!m_reading->home || m_reading->home->empty()) {
      error("begins with '~', but HOME is not set");
      return {};
    }
    path = *m_reading->home + value->substr(1);
  }
  return (m_reading->folder / path).lexically_normal();
}

std::optional<std::string> Value::openssh_file() const {
  const auto value = filled();
  if (!value || std::string_view("/~%").find(value->front()) != std::string_view::npos) return value;
  std::string folder;
  for (const char c : m_reading->folder.string()) folder += c == '%' ? "%%" : std::string(1, c);
  return (std::filesystem::path(folder) / *value).lexically_normal().string();
}

}  // namespace bgdeploy::spec
