#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/printable_json.hpp"
#include "bgdeploy/core/size.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/spec/document.hpp"
#include "bgdeploy/spec/load.hpp"
#include "keys.hpp"
#include "text_rules.hpp"

namespace bgdeploy::spec {
namespace {

using Json = nlohmann::ordered_json;

bool is_bare(std::string_view text) {
  constexpr std::string_view k_letters = k_alnum.substr(0, 52);
  static const std::vector<std::string> k_words{"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  if (text.empty() || text.size() > 200) return false;
  if (core::parse_duration(text)) return true;
  const bool word = std::find(k_words.begin(), k_words.end(), core::to_lower(text)) != k_words.end();
  return !word && (k_letters.find(text[0]) != std::string_view::npos || text[0] == '/') &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-@") ==
             std::string_view::npos;
}

std::string yaml_scalar(const Json& value, bool verbatim = false) {
  if (!value.is_string()) return value.dump();
  const auto text = value.get<std::string>();
  return yaml_text(verbatim ? text : without_substitutions(text));
}

// Blocks for what has items; the first line of an item stands behind its dash. `section`: the key of the root
// below which the value stands.
void emit(const Json& value, std::size_t indent, std::string& out, const std::string& section = "") {
  const std::string margin(indent, ' ');
  if (value.is_array()) {
    for (const auto& item : value) {
      const std::size_t start = out.size();
      if (item.is_structured() && !item.empty()) {
        emit(item, indent + 2, out, section);
      } else {
        out += margin + "  " + yaml_scalar(item) + '\n';
      }
      out[start + indent] = '-';
    }
    return;
  }
  for (const auto& [key, inner] : value.items()) {
    out += margin + yaml_text(key) + ":";
    if (inner.is_structured() && !inner.empty()) {
      out += '\n';
      emit(inner, indent + 2, out, section.empty() ? key : section);
    } else {
      out += ' ' + yaml_scalar(inner, is_command_line(section, key)) + '\n';
    }
  }
}

void show_as(Json& value, const std::function<std::string(std::string)>& shown) {
  if (value.is_string()) value = shown(value.get<std::string>());
  if (value.is_structured())
    for (Json& inner : value) show_as(inner, shown);
}

template <class T>
Json written(const Table<T>& table, const T& from) {
  Json map = Json::object();
  Writer out(map);
  write_fields(table.fields, from, out);
  return map;
}

}  // namespace

std::string without_substitutions(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    result += text[i];
    if (text[i] == '$' && i + 1 < text.size() && (text[i + 1] == '$' || text[i + 1] == '{')) result += '$';
  }
  return result;
}

// What is quoted is quoted as JSON, which YAML 1.2 reads; it may be shown on a terminal.
std::string yaml_text(const std::string& text) {
  if (is_bare(text)) return text;
  return core::printable_json(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
}

void Writer::put(const std::string& key, const std::string& text) {
  (*m_map)[key] = text;
}
void Writer::put(const std::string& key, bool flag) {
  (*m_map)[key] = flag;
}
void Writer::put(const std::string& key, std::int64_t number) {
  (*m_map)[key] = number;
}
void Writer::put(const std::string& key, double number) {
  (*m_map)[key] = number;
}
void Writer::put(const std::string& key, core::Duration duration) {
  (*m_map)[key] = core::format_duration(duration);
}
void Writer::put(const std::string& key, const std::vector<std::string>& list) {
  (*m_map)[key] = list;
}
void Writer::put(const std::string& key, const std::map<std::string, std::string>& map) {
  (*m_map)[key] = map;
}
void Writer::put_null(const std::string& key) {
  (*m_map)[key] = nullptr;
}

Writer Writer::inside(const std::string& key) {
  Json& map = (*m_map)[key];
  if (!map.is_object()) map = Json::object();
  return Writer(map);
}

void Writer::list(const std::string& key, std::size_t count,
                  const std::function<void(Writer&, std::size_t)>& write_item) {
  Json items = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    Writer item(items.emplace_back(Json::object()));
    write_item(item, i);
  }
  (*m_map)[key] = std::move(items);
}

std::string docker_to_json(const Docker& docker) {
  return written(docker_keys(), docker).dump();
}

std::string health_to_json(const Health& health) {
  Health kept = health;
  if (auto* http = std::get_if<HealthHttp>(&kept.probe)) http->headers.clear();
  return written(health_keys(), kept).dump();
}

std::string compose_to_json(const Compose& compose) {
  return written(compose_keys(), compose).dump();
}

std::string render(const Spec& spec, bool json, const std::function<std::string(std::string)>& shown) {
  Json value = written(root_keys(), spec);
  if (shown) show_as(value, shown);
  if (json) return value.dump(2) + "\n";
  std::string yaml;
  emit(value, 0, yaml);
  return yaml;
}

}  // namespace bgdeploy::spec
