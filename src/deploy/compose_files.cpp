#include "bgdeploy/deploy/compose_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/spec/load.hpp"
#include "compose_beside.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using core::Result;
using nlohmann::json;

constexpr std::size_t k_most_bytes = 256 << 10;

bool is_text(std::string_view text) {
  while (!text.empty()) {
    const auto length = core::utf8_length(text);
    if (length == 0 || text[0] == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

Result<std::string> read_file(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file)
    return core::fail(ErrorKind::usage, fmt::format("compose.file {} cannot be read: {}", path,
                                                    error ? error.message() : "permission denied"));
  if (size > k_most_bytes)
    return core::fail(ErrorKind::usage,
                      fmt::format("compose.file {} has {} bytes; at most 256 kB are sent", path, size));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!is_text(text))
    return core::fail(ErrorKind::usage, fmt::format("compose.file {} is no UTF-8 text", path));
  return text;
}

}  // namespace

namespace {

// Where the file of a slot is on this machine.
std::string path_of(const spec::Spec& spec, std::size_t slot) {
  return core::substitute(spec.compose->file, plan::substitutions(spec, slot, "", "", ""));
}

// What compose's own substitutions know, as far as it is known here.
spec::Environment variables_of(const spec::Spec& spec, const spec::Compose& settings, std::size_t slot,
                               const std::string& tag) {
  const auto substitutions = plan::substitutions(spec, slot, tag, "", "");
  std::map<std::string, std::string> values;
  for (const auto& [name, value] : settings.environment)
    values[name] = core::substitute(value, substitutions);
  values["BGDEPLOY_TAG"] = tag;
  values["BGDEPLOY_SLOT"] = spec.slots.at(slot).name;
  values["BGDEPLOY_PORT"] = std::to_string(spec.slots.at(slot).port);
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(std::string(name));
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

json record_of(const std::vector<plan::ComposeFile>& files) {
  json list = json::array();
  std::size_t bytes = 0;
  for (const auto& file : files) {
    const auto& text = file.content.reveal();
    if (file.kind != plan::ComposeFile::Kind::part || !is_text(text)) continue;
    bytes += text.size();
    if (bytes > k_most_bytes) break;
    list.push_back({{"path", file.path}, {"text", text}});
  }
  return list;
}

// Of what other hands may have written into the history.
bool is_plain_path(std::string_view path) {
  if (path.empty() || path.starts_with('/') || core::printable(path) != path) return false;
  return std::ranges::none_of(std::filesystem::path(path), [](const auto& part) { return part == ".."; });
}

Result<std::vector<plan::ComposeFile>> files_of(const json& list) {
  std::vector<plan::ComposeFile> files;
  for (const auto& entry : list) {
    if (!entry.is_object() || !entry.contains("path") || !entry.contains("text") ||
        !entry["path"].is_string() || !entry["text"].is_string() ||
        !is_plain_path(entry["path"].get<std::string>()))
      return core::fail(ErrorKind::refused, "it is no record of compose");
    files.push_back({.path = entry["path"].get<std::string>(),
                     .content = core::Secret(entry["text"].get<std::string>())});
  }
  return files;
}

}  // namespace

Result<void> complete_compose_files(const spec::Spec& spec, const std::string& tag,
                                    plan::ComposeLaunch& compose) {
  if (!spec.compose || spec.compose->file.empty()) return {};
  for (std::size_t slot = 0; slot < compose.files.size(); ++slot) {
    if (compose.files[slot].empty()) continue;
    BGDEPLOY_ASSIGN(compose.beside[slot],
                    files_beside(path_of(spec, slot), compose.files[slot],
                                 variables_of(spec, compose.settings, slot, tag), compose.beside[slot]));
  }
  return {};
}

Result<std::optional<plan::ComposeLaunch>> read_compose_files(const spec::Spec& spec,
                                                              const std::string& tag) {
  if (!spec.compose) return std::optional<plan::ComposeLaunch>();
  plan::ComposeLaunch compose{*spec.compose, {}};
  for (std::size_t slot = 0; !spec.compose->file.empty() && slot < compose.files.size(); ++slot) {
    BGDEPLOY_ASSIGN(compose.files[slot], read_file(path_of(spec, slot)));
  }
  BGDEPLOY_TRY(complete_compose_files(spec, tag, compose));
  return std::optional(std::move(compose));
}

std::string compose_record(const plan::ComposeLaunch& compose) {
  return json{{"settings", spec::compose_to_json(compose.settings)},
              {"named", compose.settings.named},
              {"files", compose.files},
              {"beside", json::array({record_of(compose.beside[0]), record_of(compose.beside[1])})}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<plan::ComposeLaunch> parse_compose_record(std::string_view record) {
  const auto object = json::parse(record, nullptr, false);
  const auto wrong = [] { return core::fail(ErrorKind::refused, "it is no record of compose"); };
  if (!object.is_object() || !object.contains("settings") || !object["settings"].is_string()) return wrong();
  plan::ComposeLaunch compose;
  BGDEPLOY_ASSIGN(compose.settings, spec::load_compose(object["settings"].get<std::string>()));
  for (std::size_t slot = 0; slot < compose.files.size(); ++slot) {
    const auto& files = object.value("files", json());
    const auto& named = object.value("named", json());
    if (!files.is_array() || files.size() != 2 || !files[slot].is_string()) return wrong();
    if (!named.is_array() || named.size() != 2 || !named[slot].is_boolean()) return wrong();
    compose.files[slot] = files[slot].get<std::string>();
    compose.settings.named[slot] = named[slot].get<bool>();
    // Older records have none.
    const auto& beside = object.value("beside", json());
    if (!beside.is_array() || beside.size() != 2 || !beside[slot].is_array()) continue;
    BGDEPLOY_ASSIGN(compose.beside[slot], files_of(beside[slot]));
  }
  return compose;
}

}  // namespace bgdeploy::deploy
