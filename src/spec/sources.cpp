#include "bgdeploy/spec/sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "folder.hpp"
#include "text_rules.hpp"

namespace bgdeploy::spec {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> below(const fs::path& path, const fs::path& folder) {
  if (folder.empty() || !path.is_absolute()) return std::nullopt;
  const auto relative = path.lexically_normal().lexically_relative(folder.lexically_normal());
  if (relative.empty() || *relative.begin() == ".." || relative == ".") return std::nullopt;
  return relative.string();
}

std::string written_path(const fs::path& path, const SourceFolders& folders) {
  if (auto relative = below(path, folders.spec)) return "./" + *relative;
  if (auto relative = below(path, folders.home)) return "~/" + *relative;
  return path.string();
}

std::unexpected<core::Error> no_record() {
  return core::fail(core::ErrorKind::refused, "it is not a record of where secrets come from");
}

core::Result<fs::path> path_of(const std::string& text, const SourceFolders& folders) {
  if (has_control_character(text)) return no_record();
  if (text.starts_with("./")) return (folders.spec / text.substr(2)).lexically_normal();
  if (text.starts_with("~/")) {
    // Then it cannot be found, and that is said where it is read.
    if (folders.home.empty()) return fs::path(text);
    return (folders.home / text.substr(2)).lexically_normal();
  }
  if (!text.starts_with('/')) return no_record();
  return fs::path(text);
}

core::Result<SecretSource> source_of(const core::Json& object, const SourceFolders& folders) {
  if (!object.is_object() || object.size() != 1) return no_record();
  if (const auto name = core::text_of(object, "env"); is_variable_name(name)) return FromEnv{name};
  if (const auto file = core::text_of(object, "file"); !file.empty()) {
    BGDEPLOY_ASSIGN(auto path, path_of(file, folders));
    return FromFile{std::move(path)};
  }
  auto argv = core::texts_of(object, "command");
  if (argv.empty() || argv.front().empty() || argv.size() != core::member(object, "command").size())
    return no_record();
  return FromCommand{std::move(argv)};
}

core::Json to_json(const SecretSource& source, const SourceFolders& folders) {
  if (const auto* env = std::get_if<FromEnv>(&source)) return {{"env", env->variable}};
  if (const auto* file = std::get_if<FromFile>(&source)) return {{"file", written_path(file->path, folders)}};
  return {{"command", std::get<FromCommand>(source).argv}};
}

}  // namespace

SourceFolders source_folders(const Spec& spec, const std::optional<std::string>& home) {
  return {folder_of(spec.file),
          home && home->starts_with('/') && *home != "/" ? fs::path(*home) : fs::path()};
}

std::string sources_to_json(const Sources& sources, const SourceFolders& folders) {
  core::Json object{{"env_file", core::Json::array()}, {"secrets", core::Json::object()}};
  for (const auto& path : sources.env_file) object["env_file"].push_back(written_path(path, folders));
  for (const auto& [name, source] : sources.secrets) object["secrets"][name] = to_json(source, folders);
  return core::dump_json(object);
}

core::Result<Sources> load_sources(std::string_view json, const SourceFolders& folders) {
  const auto object = core::Json::parse(json, nullptr, false);
  const core::Json& secrets = core::member(object, "secrets");
  const core::Json& files = core::member(object, "env_file");
  if (!secrets.is_object() || !files.is_array()) return no_record();
  Sources sources;
  for (const auto& file : files) {
    if (!file.is_string()) return no_record();
    BGDEPLOY_ASSIGN(auto path, path_of(file.get<std::string>(), folders));
    sources.env_file.push_back(std::move(path));
  }
  for (const auto& [name, source] : secrets.items()) {
    if (!is_environment_name(name)) return no_record();
    BGDEPLOY_ASSIGN(auto found, source_of(source, folders));
    sources.secrets.emplace(name, std::move(found));
  }
  return sources;
}

std::string describe(const SecretSource& source) {
  if (const auto* env = std::get_if<FromEnv>(&source)) return "the variable " + env->variable;
  if (const auto* file = std::get_if<FromFile>(&source)) return "the file " + file->path.string();
  return "the command " + core::shell_join(std::get<FromCommand>(source).argv);
}

}  // namespace bgdeploy::spec
