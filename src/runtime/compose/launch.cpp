#include "compose/launch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/core/utf8.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/spec/compose_file.hpp"
#include "bgdeploy/spec/flatten.hpp"
#include "bgdeploy/spec/load.hpp"
#include "compose/beside.hpp"
#include "compose/compose_runtime.hpp"
#include "kinds.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;
using core::Json;

constexpr std::size_t k_compose_file_bytes = 256 << 10;

Result<std::string> read_compose_file(const std::string& path) {
  auto text = io::read_file(path);
  if (!text) return core::fail(ErrorKind::usage, "compose.file " + text.error().message);
  if (text->size() > k_compose_file_bytes)
    return core::fail(ErrorKind::usage, fmt::format("compose.file {} has {} bytes; at most 256 kB are sent",
                                                    path, text->size()));
  if (!is_text(*text))
    return core::fail(ErrorKind::usage, fmt::format("compose.file {} is not UTF-8 text", path));
  return text;
}

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
  if (!spec::is_worker(spec)) values["BGDEPLOY_PORT"] = std::to_string(spec.slots.at(slot).port);
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(std::string(name));
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

Json record_of(const std::vector<plan::ComposeFile>& files) {
  Json list = Json::array();
  std::size_t bytes = 0;
  for (const auto& file : files) {
    const auto& text = file.content.reveal();
    if (file.kind != plan::ComposeFile::Kind::part || !is_text(text)) continue;
    bytes += text.size();
    if (bytes > k_compose_file_bytes) break;
    list.push_back({{"path", file.path}, {"text", text}});
  }
  return list;
}

// Where its secrets were: their content is no one's business.
Json secret_names(const std::vector<plan::ComposeFile>& files) {
  Json list = Json::array();
  for (const auto& file : files)
    if (file.kind == plan::ComposeFile::Kind::secret) list.push_back(file.path);
  return list;
}

// Of what other hands may have written into the history.
bool is_plain_path(std::string_view path) {
  if (path.empty() || path.starts_with('/') || core::printable(path) != path) return false;
  return std::ranges::none_of(std::filesystem::path(path), [](const auto& part) { return part == ".."; });
}

Result<std::vector<plan::ComposeFile>> files_of(const Json& list) {
  std::vector<plan::ComposeFile> files;
  for (const auto& entry : list) {
    if (!entry.is_object() || !entry.contains("path") || !entry.contains("text") ||
        !entry["path"].is_string() || !entry["text"].is_string() ||
        !is_plain_path(entry["path"].get<std::string>()))
      return core::fail(ErrorKind::refused, "it is not a record of compose");
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

Result<plan::ComposeLaunch> read_compose_files(const spec::Spec& spec, const std::string& tag) {
  plan::ComposeLaunch compose{*spec.compose, {}};
  for (std::size_t slot = 0; !spec.compose->file.empty() && slot < compose.files.size(); ++slot) {
    BGDEPLOY_ASSIGN(compose.files[slot], read_compose_file(path_of(spec, slot)));
  }
  BGDEPLOY_TRY(complete_compose_files(spec, tag, compose));
  return compose;
}

std::string compose_record(const plan::ComposeLaunch& compose) {
  return Json{
      {"settings", spec::compose_to_json(compose.settings)},
      {"named", compose.settings.named},
      {"files", compose.files},
      {"beside", Json::array({record_of(compose.beside[0]), record_of(compose.beside[1])})},
      {"secret_files", Json::array({secret_names(compose.beside[0]), secret_names(compose.beside[1])})}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<plan::ComposeLaunch> parse_compose_record(std::string_view record) {
  const auto object = Json::parse(record, nullptr, false);
  const auto wrong = [] { return core::fail(ErrorKind::refused, "it is not a record of compose"); };
  if (!object.is_object() || !object.contains("settings") || !object["settings"].is_string()) return wrong();
  plan::ComposeLaunch compose;
  BGDEPLOY_ASSIGN(compose.settings, spec::load_compose(object["settings"].get<std::string>()));
  for (std::size_t slot = 0; slot < compose.files.size(); ++slot) {
    const auto& files = object.value("files", Json());
    const auto& named = object.value("named", Json());
    if (!files.is_array() || files.size() != 2 || !files[slot].is_string()) return wrong();
    if (!named.is_array() || named.size() != 2 || !named[slot].is_boolean()) return wrong();
    compose.files[slot] = files[slot].get<std::string>();
    compose.settings.named[slot] = named[slot].get<bool>();
    // Older records have none.
    const auto& beside = object.value("beside", Json());
    if (!beside.is_array() || beside.size() != 2 || !beside[slot].is_array()) continue;
    BGDEPLOY_ASSIGN(compose.beside[slot], files_of(beside[slot]));
    const auto& secrets = object.value("secret_files", Json());
    if (!secrets.is_array() || secrets.size() != 2 || !secrets[slot].is_array()) continue;
    for (const auto& path : secrets[slot]) {
      if (!path.is_string() || !is_plain_path(path.get<std::string>())) return wrong();
      compose.beside[slot].push_back(
          {.path = path.get<std::string>(), .kind = plan::ComposeFile::Kind::secret, .content = {}});
    }
  }
  return compose;
}

// Of what is uploaded the text is here. Where bgdeploy names the containers, or a project is both slots', it
// tells too little.
Result<void> check_compose_files(const spec::Spec& spec) {
  if (spec.compose->named[0] || spec.compose->named[1]) return {};
  const auto project = [&](std::size_t slot) {
    return core::substitute(spec.compose->project, plan::substitutions(spec, slot, "", "", ""));
  };
  if (project(0) == project(1)) return {};
  const auto files = read_compose_files(spec);
  if (!files) return {};
  const auto& [one, other] = files->files;
  const auto name = spec::container_of_both(one, other);
  if (!name) return {};
  return core::fail(ErrorKind::usage,
                    fmt::format("both slots, {} and {}, need the container {}", spec.slots[0].name,
                                spec.slots[1].name, core::printable(*name)),
                    {std::string(spec::k_by_slot)});
}

namespace {

using Flat = std::map<std::string, std::string>;

void add_file(const std::string& name, const std::string& text, Flat& flat) {
  if (text.empty()) return;
  const auto keys = spec::flat_yaml(text);
  if (!keys) flat[name] = core::dump_json(Json(text));
  for (const auto& [key, value] : keys.value_or(Flat{})) flat[fmt::format("{}: {}", name, key)] = value;
}

Flat flat_compose(const plan::ComposeLaunch& compose) {
  Flat flat;
  for (const auto& [key, value] : spec::flat_json(spec::compose_to_json(compose.settings)).value_or(Flat{}))
    flat["compose." + key] = value;
  // Of a file that is here its content counts, wherever it lies.
  flat.erase("compose.file");
  const bool one = compose.files[0] == compose.files[1];
  for (std::size_t slot = 0; slot < compose.files.size(); ++slot) {
    if (one && slot > 0) break;
    add_file(one ? "compose file" : fmt::format("compose file {}", slot + 1), compose.files[slot], flat);
    for (const auto& file : compose.beside[slot])
      if (file.kind == plan::ComposeFile::Kind::part)
        add_file("compose file " + file.path, file.content.reveal(), flat);
  }
  return flat;
}

}  // namespace

Kind compose_kind() {
  return {
      .name = "compose",
      .on = [](EngineHost on) -> std::unique_ptr<Runtime> {
        return std::make_unique<ComposeRuntime>(std::move(on));
      },
      .by_spec = [](const spec::Spec& spec, const plan::Release& release) -> Result<plan::Configuration> {
        return read_compose_files(spec, release.tag);
      },
      .complete =
          [](const spec::Spec& spec, plan::Launch& launch) {
            return complete_compose_files(spec, launch.release.tag,
                                          std::get<plan::ComposeLaunch>(launch.with));
          },
      .record =
          [](const plan::Configuration& with) { return compose_record(std::get<plan::ComposeLaunch>(with)); },
      .read = [](const std::string& record) -> Result<plan::Configuration> {
        return parse_compose_record(record);
      },
      .flat =
          [](const plan::Configuration& with) { return flat_compose(std::get<plan::ComposeLaunch>(with)); },
      .check = check_compose_files};
}

}  // namespace bgdeploy::runtime
