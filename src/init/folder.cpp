#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

#include "bgdeploy/core/utf8.hpp"
#include "bgdeploy/init/gather.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "bgdeploy/spec/dotenv.hpp"
#include "compose_pair.hpp"
#include "script_words.hpp"

namespace bgdeploy::init {
namespace {

namespace fs = std::filesystem;
using core::Result;

constexpr std::size_t k_most_files = 100, k_largest = std::size_t{256} << 10;

enum class Kind { compose, kamal, script, dockerfile, dotenv, kamal_hook, none };

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Kind kind_of(std::string_view name) {
  const std::string_view base = name.substr(name.rfind('/') + 1);
  const bool yaml = base.ends_with(".yml") || base.ends_with(".yaml");
  if (has(name, ".kamal/hooks/")) return base.ends_with(".sample") ? Kind::none : Kind::kamal_hook;
  if (has(name, "config/deploy") && yaml) return Kind::kamal;
  if (yaml && (base.starts_with("docker-compose") || base.starts_with("compose"))) return Kind::compose;
  if (has(name, ".github/workflows/") || base == ".gitlab-ci.yml") return yaml ? Kind::script : Kind::none;
  if (base == "appspec.yml" || base == "Jenkinsfile" || base.ends_with(".sh")) return Kind::script;
  if (base == "Dockerfile" || base.ends_with(".Dockerfile")) return Kind::dockerfile;
  return base == ".env" ? Kind::dotenv : Kind::none;
}

// Nothing says that a file is meant for development but its name.
bool is_for_others(std::string_view name) {
  for (const char* word : {"dev", "test", "override", "local", "debug"})
    if (has(name.substr(name.rfind('/') + 1), word)) return true;
  return false;
}

bool leads_out(const fs::path& folder, const fs::path& path) {
  std::error_code broken;
  const fs::path target = fs::canonical(path, broken);
  const fs::path inside = broken ? fs::path() : target.lexically_relative(fs::canonical(folder, broken));
  return broken || inside.empty() || *inside.begin() == "..";
}

// A file that cannot be read is one that should not have been named, or is in the way.
Result<std::string> read(const std::string& folder, const std::string& name) {
  auto text = io::read_file((fs::path(folder) / name).lexically_normal().string());
  if (!text)
    return core::fail(core::ErrorKind::usage, text.error().message, {}, "name the files to read with --from");
  if (text->size() > k_largest) return core::fail(core::ErrorKind::usage, name + " is larger than 256 kB");
  return text;
}

// What is known of it is ASCII anyway. Kind usage for UTF-16, as Windows may save it.
Result<void> make_utf8(Draft& draft, const std::string& name, std::string& text) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    return core::fail(core::ErrorKind::usage, name + " is UTF-16", {}, "save it as UTF-8");
  if (core::is_utf8(text)) return {};
  for (char& c : text)
    if (static_cast<unsigned char>(c) > 0x7f) c = '?';
  draft.note(fmt::format("{} is not UTF-8: its letters beyond ASCII are question marks here", name));
  return {};
}

std::vector<File> compose_files(const std::vector<File>& all) {
  std::vector<std::string> names;
  for (const File& file : all) names.push_back(file.name);
  std::vector<File> chosen;
  for (const std::string& name : compose_pair(std::move(names)))
    chosen.push_back(*std::ranges::find(all, name, &File::name));
  return chosen;
}

// Compose merges a file with its override, and files that are named together.
void note_unread(Draft& draft, const std::string& folder, const std::vector<File>& all,
                 const std::vector<File>& chosen) {
  std::vector<std::string> unread;
  for (const File& file : all)
    if (std::ranges::find(chosen, file.name, &File::name) == chosen.end()) add_once(unread, file.name);
  for (const File& file : chosen)
    for (const char* end : {".override.yml", ".override.yaml"}) {
      const std::string name = file.name.substr(0, file.name.rfind('.')) + end;
      std::error_code error;
      if (fs::exists(fs::path(folder) / name, error)) add_once(unread, name);
    }
  for (const std::string& name : unread)
    draft.note(
        fmt::format("{} was not read: of compose files init reads one, or one for each slot. "
                    "`docker compose config` writes one of all that compose merges",
                    name));
}

// A script names files of the host that it runs on; a spec those of the machine that runs bgdeploy.
void mark_missing(Draft& draft, const std::string& folder) {
  const Path key{"docker", "env_file"};
  const Finding* known = draft.find(key);
  if (known == nullptr || !known->value.is_array()) return;
  Json here = Json::array();
  std::vector<std::string> missing;
  for (const Json& item : known->value) {
    const auto& name = item.get_ref<const std::string&>();
    std::string path = name;
    if (const char* home = std::getenv("HOME"); home != nullptr && name.starts_with("~/"))
      path.replace(0, 1, home);
    std::error_code error;
    const bool varies = name.find_first_of("${") != std::string::npos;
    if (varies || fs::exists(fs::path(folder) / path, error))
      here.push_back(item);
    else
      missing.push_back(name);
  }
  if (missing.empty()) return;
  std::string what = fmt::format("{} not here, where bgdeploy reads it: copy it, and name it in this list",
                                 fmt::join(missing, ", "));
  draft.drop(key);
  draft.fill_in(key, std::move(here), what);
}

}  // namespace

std::vector<std::string> compose_pair(std::vector<std::string> names) {
  std::erase_if(names, [](const std::string& name) { return kind_of(name) != Kind::compose; });
  for (std::size_t i = 0; i < names.size(); ++i)
    for (std::size_t j = i + 1; j < names.size(); ++j)
      if (names_slots(names[i], names[j])) return {names[i], names[j]};
  if (names.empty()) return names;
  const auto usual = std::ranges::find_if(
      names, [](const std::string& name) { return name.find("prod") != std::string::npos; });
  return {usual == names.end() ? names.front() : *usual};
}

std::vector<std::string> files_of_interest(const std::string& folder) {
  std::vector<std::string> names;
  for (const char* below : {"", ".github/workflows", "config", ".kamal/hooks", "scripts", "deploy"}) {
    std::error_code error;
    for (fs::directory_iterator entry(fs::path(folder) / below, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string name = (fs::path(below) / entry->path().filename()).string();
      std::error_code broken;
      // A link of a checkout may lead anywhere.
      if (kind_of(name) != Kind::none && !is_for_others(name) && entry->is_regular_file(broken) &&
          !leads_out(folder, entry->path()))
        names.push_back(name);
      if (names.size() == k_most_files) break;
    }
  }
  std::ranges::sort(names);
  return names;
}

Result<void> read_folder(Draft& draft, const std::string& folder, const std::vector<std::string>& names) {
  std::vector<File> compose, kamal, scripts, dockerfiles, dotenv;
  std::vector<std::string> hooks;
  for (const std::string& name : names) {
    std::error_code error;
    if (fs::symlink_status(fs::path(folder) / name, error).type() == fs::file_type::not_found)
      return core::fail(core::ErrorKind::usage, fmt::format("{} does not exist", name));
    const Kind kind = kind_of(name);
    if (kind == Kind::kamal_hook) {
      hooks.push_back(name);
      continue;
    }
    if (kind == Kind::none)
      return core::fail(
          core::ErrorKind::usage, fmt::format("{}: not a kind of file that init reads", name), {},
          "compose files, a Dockerfile, .env, scripts (*.sh), CI files, or Kamal's config/deploy.yml");
    BGDEPLOY_ASSIGN(std::string text, read(folder, name));
    if (kind == Kind::script || kind == Kind::dockerfile) BGDEPLOY_TRY(make_utf8(draft, name, text));
    std::vector<File>& list = kind == Kind::compose      ? compose
                              : kind == Kind::kamal      ? kamal
                              : kind == Kind::script     ? scripts
                              : kind == Kind::dockerfile ? dockerfiles
                                                         : dotenv;
    list.push_back({name, std::move(text)});
  }
  Variables known;
  for (const File& file : dotenv) {
    BGDEPLOY_ASSIGN(const auto values, spec::parse_dotenv(file.text, file.name, [](std::string_view) {
                      return std::optional<std::string>();
                    }));
    known.insert(values.begin(), values.end());
    draft.read_from(file.name);
  }
  const std::string project = fs::weakly_canonical(folder).filename().string();
  const auto beside = [&](const std::string& name) -> std::optional<std::string> {
    if (leads_out(folder, fs::path(folder) / name)) return std::nullopt;
    auto text = read(folder, name);
    return text ? std::optional(std::move(*text)) : std::nullopt;
  };
  // Beside Kamal's file a compose file is for development.
  if (!kamal.empty()) BGDEPLOY_TRY(read_kamal(draft, kamal, hooks));
  if (!compose.empty() && kamal.empty()) {
    const auto chosen = compose_files(compose);
    note_unread(draft, folder, compose, chosen);
    BGDEPLOY_TRY(read_compose(draft, chosen, known, project, false, beside));
  }
  read_scripts(draft, scripts, known);
  if (!dockerfiles.empty()) read_dockerfile(draft, dockerfiles.front());
  if (!dotenv.empty() && !dockerfiles.empty() && !draft.has({"compose"}) &&
      !draft.has({"docker", "environment"}) && !draft.has({"docker", "env_file"}))
    draft.guess({"docker", "env_file"}, dotenv.front().name,
                "it lies beside the Dockerfile; read where bgdeploy runs, its values are secrets");
  mark_missing(draft, folder);
  return {};
}

}  // namespace bgdeploy::init
