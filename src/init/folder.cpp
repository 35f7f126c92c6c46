#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <span>

#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/utf8.hpp"
#include "bgdeploy/init/gather.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "bgdeploy/spec/document.hpp"
#include "bgdeploy/spec/dotenv.hpp"
#include "compose_pair.hpp"
#include "file_kind.hpp"
#include "kamal.hpp"
#include "script_words.hpp"

namespace bgdeploy::init {
namespace {

namespace fs = std::filesystem;
using core::Result;

constexpr std::size_t k_most_files = 100, k_largest = std::size_t{256} << 10;

bool leads_out(const fs::path& folder, const fs::path& path) {
  std::error_code broken;
  const fs::path target = fs::canonical(path, broken);
  const fs::path inside = broken ? fs::path() : target.lexically_relative(fs::canonical(folder, broken));
  return broken || inside.empty() || *inside.begin() == "..";
}

// A file that cannot be read is one that should not have been named, or is in the way.
Result<std::string> read(const std::string& folder, const std::string& name) {
  const std::string path = (fs::path(folder) / name).lexically_normal().string();
  auto text = io::read_file(path);
  if (!text) {
    std::string why = text.error().message;
    if (why.starts_with(path)) why.replace(0, path.size(), name);
    return core::fail(core::ErrorKind::usage, std::move(why), {}, "name the files to read with --from");
  }
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

// Whether its reader can take it.
Result<void> check(Draft& draft, Kind kind, File& file) {
  if (kind == Kind::script || kind == Kind::dockerfile || kind == Kind::kamal_secrets)
    return make_utf8(draft, file.name, file.text);
  if (kind == Kind::dotenv)
    BGDEPLOY_TRY(spec::parse_dotenv(file.text, file.name,
                                    [](std::string_view) { return std::optional<std::string>(); }));
  if (kind == Kind::compose) BGDEPLOY_TRY(spec::yaml_as_json(file.text, file.name));
  if (kind == Kind::kamal) BGDEPLOY_TRY(kamal_json(file));
  return {};
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

// `way`: from the spec's folder to the one that was read.
void move_paths(Draft& draft, const fs::path& way) {
  const auto moved = [&](const Json& path) -> Json {
    if (!path.is_string() || path.get_ref<const std::string&>().find_first_of("/~$") == 0) return path;
    const std::string text = (way / path.get<std::string>()).lexically_normal().string();
    return text.size() > 1 && text.ends_with('/') ? text.substr(0, text.size() - 1) : text;
  };
  const auto findings = draft.findings();
  for (const Finding& one : findings) {
    const std::size_t above = one.path[0] == "environments" ? 2 : 0;
    const std::string key = fmt::format("{}", fmt::join(std::span(one.path).subspan(above), "."));
    Json value = one.value;
    if (key == "compose.file" || key == "build.context" || key == "ssh.identity_file")
      value = moved(value);
    else if (key == "docker.env_file" && value.is_array())
      std::ranges::transform(one.value, value.begin(), moved);
    else if (key == "docker.env_file")
      value = moved(value);
    else if (key.starts_with("secrets.") && value.contains("file"))
      value["file"] = moved(value["file"]);
    else if (key.starts_with("hooks."))
      for (Json& hook : value)
        hook["run"] = fmt::format("cd {} && {}", core::shell_quote(way.string()), core::text_of(hook, "run"));
    draft.change(one.path, std::move(value), one.comment);
  }
}

class Folder {
public:
  Folder(Draft& draft, const std::string& folder, bool named)
      : m_draft(draft), m_folder(folder), m_named(named) {}

  Result<void> take(const std::string& name) {
    const Kind kind = kind_of(name, m_named);
    if (kind == Kind::kamal_hook) {
      m_hooks.push_back(name);
      return {};
    }
    if (!m_named && (kind == Kind::compose || kind == Kind::dockerfile) && is_for_development(name)) {
      not_read(name, "its name says that it is not what is deployed");
      return {};
    }
    auto file = open(name, kind);
    m_without_main = m_without_main || (!file && kind == Kind::kamal && is_main_kamal_file(name));
    if (!file) return failed(file.error());
    m_files[kind].push_back(std::move(*file));
    return {};
  }

  Result<void> tell() {
    for (const File& file : m_files[Kind::dotenv]) {
      BGDEPLOY_ASSIGN(const auto values, spec::parse_dotenv(file.text, file.name, [](std::string_view) {
                        return std::optional<std::string>();
                      }));
      m_known.insert(values.begin(), values.end());
      m_draft.read_from(file.name);
    }
    if (const auto& kamal = m_files[Kind::kamal]; !kamal.empty() || m_without_main) {
      BGDEPLOY_TRY(tell_kamal_files(kamal));
      for (const File& file : m_files[Kind::compose])
        not_read(file.name, "beside Kamal's file a compose file is for development");
    } else {
      BGDEPLOY_TRY(tell_compose());
    }
    auto& scripts = m_files[Kind::script];
    if (!m_named)  // what deploys says more than what tests
      std::ranges::stable_sort(scripts, {}, [](const File& file) { return is_for_development(file.name); });
    read_scripts(m_draft, scripts, m_known);
    tell_dockerfile();
    mark_missing(m_draft, m_folder);
    return {};
  }

private:
  Result<File> open(const std::string& name, Kind kind) {
    std::error_code error;
    const fs::path path = fs::path(m_folder) / name;
    if (fs::symlink_status(path, error).type() == fs::file_type::not_found)
      return core::fail(core::ErrorKind::usage, fmt::format("{} does not exist", name));
    if (kind == Kind::none)
      return core::fail(
          core::ErrorKind::usage, fmt::format("{}: not a kind of file that init reads", name), {},
          "compose files, a Dockerfile, .env, scripts (*.sh), CI files, or Kamal's config/deploy.yml");
    if (!m_named && leads_out(m_folder, path))
      return core::fail(core::ErrorKind::usage,
                        fmt::format("{} is a link that leads out of the folder", name));
    BGDEPLOY_ASSIGN(std::string text, read(m_folder, name));
    File file{name, std::move(text)};
    BGDEPLOY_TRY(check(m_draft, kind, file));
    return file;
  }

  // What a destination says is meant over the main file: alone it would be what every deploy goes to.
  Result<void> tell_kamal_files(const std::vector<File>& files) {
    if (m_without_main) {
      for (const File& file : files)
        not_read(file.name, "it is meant over the main file of Kamal's, which could not be read");
      return {};
    }
    const auto& secrets = m_files[Kind::kamal_secrets];
    for (const File& file : secrets) m_draft.read_from(file.name);
    return read_kamal(m_draft, files, m_hooks, secrets);
  }

  void not_read(const std::string& name, std::string_view why) {
    m_draft.note(fmt::format("not read: {}: {}", name, why));
  }

  // What the user named ends it; of anything else the end of the spec tells.
  Result<void> failed(const core::Error& error) {
    if (m_named) return std::unexpected(error);
    const std::string& why = error.details.empty() ? error.message : error.details[0];
    m_draft.refuse("not read: " + why.substr(0, why.find('\n')));
    return {};
  }

  // The best one that has a service.
  Result<void> tell_compose() {
    std::vector<std::string> names, chosen;
    for (const File& file : m_files[Kind::compose]) names.push_back(file.name);
    while (!(chosen = best_compose_files(names)).empty()) {
      std::vector<File> files;
      for (const std::string& name : chosen) {
        files.push_back(*std::ranges::find(m_files[Kind::compose], name, &File::name));
        std::erase(names, name);
      }
      Draft whole = m_draft;
      const auto done = read_compose(
          whole, files, m_known, fs::weakly_canonical(m_folder).filename().string(), false,
          [this](const std::string& name) { return beside(name); },
          files.size() == 1 ? slot_ports(m_files[Kind::script], m_known, files[0].text)
                            : std::optional<SlotPorts>());
      if (!done) {
        BGDEPLOY_TRY(failed(done.error()));
        continue;
      }
      m_draft = std::move(whole);
      note_unread(names, chosen);
      break;
    }
    return {};
  }

  std::optional<std::string> beside(const std::string& name) const {
    if (leads_out(m_folder, fs::path(m_folder) / name)) return std::nullopt;
    auto text = read(m_folder, name);
    return text ? std::optional(std::move(*text)) : std::nullopt;
  }

  // Compose merges a file with its override, and files that are named together.
  void note_unread(std::vector<std::string> names, const std::vector<std::string>& chosen) {
    for (const std::string& name : chosen)
      for (const char* end : {".override.yml", ".override.yaml"}) {
        const std::string other = name.substr(0, name.rfind('.')) + end;
        std::error_code error;
        if (fs::exists(fs::path(m_folder) / other, error)) add_once(names, other);
      }
    for (const std::string& name : names)
      not_read(name,
               "of compose files init reads one, or one for each slot. `docker compose config` writes one "
               "of all that compose merges");
  }

  // The one that `build` names, else the best one.
  void tell_dockerfile() {
    const auto& files = m_files[Kind::dockerfile];
    if (files.empty()) return;
    std::vector<std::string> names;
    for (const File& file : files) names.push_back(file.name);
    std::string chosen = best_dockerfile(names);
    const fs::path context = m_draft.text({"build", "context"});
    const std::string named = m_draft.text({"build", "dockerfile"});
    const std::string built = (context / (named.empty() ? "Dockerfile" : named)).lexically_normal().string();
    if (m_draft.has({"build"}) && std::ranges::find(names, built) != names.end()) chosen = built;
    read_dockerfile(m_draft, *std::ranges::find(files, chosen, &File::name));
    for (const std::string& name : names)
      if (name != chosen) not_read(name, "of Dockerfiles init reads one");
    if (const auto& dotenv = m_files[Kind::dotenv]; !dotenv.empty() && !m_draft.has({"compose"}) &&
                                                    !m_draft.has({"docker", "environment"}) &&
                                                    !m_draft.has({"docker", "env_file"}))
      m_draft.guess({"docker", "env_file"}, dotenv.front().name,
                    "it lies beside the Dockerfile; read where bgdeploy runs, its values are secrets");
  }

  Draft& m_draft;
  const std::string& m_folder;
  const bool m_named;
  std::map<Kind, std::vector<File>> m_files;
  std::vector<std::string> m_hooks;
  Variables m_known;
  bool m_without_main = false;  // Kamal's, which is there and was refused
};

}  // namespace

std::vector<std::string> files_of_interest(const std::string& folder) {
  std::vector<std::string> names;
  for (const char* below : folders_of_interest()) {
    std::error_code error;
    for (fs::directory_iterator entry(fs::path(folder) / below, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string name = (fs::path(below) / entry->path().filename()).string();
      std::error_code broken;
      if (kind_of(name, false) != Kind::none && entry->is_regular_file(broken)) names.push_back(name);
      if (names.size() == k_most_files) break;
    }
  }
  std::ranges::sort(names);
  return names;
}

Result<void> read_folder(Draft& draft, const std::string& folder, const std::vector<std::string>& named,
                         const std::string& spec_folder) {
  Folder reader(draft, folder, !named.empty());
  for (const std::string& name : named.empty() ? files_of_interest(folder) : named)
    BGDEPLOY_TRY(reader.take(name));
  BGDEPLOY_TRY(reader.tell());
  if (spec_folder.empty()) return {};
  const fs::path way = fs::path(folder).lexically_relative(fs::path(spec_folder).lexically_normal());
  if (way != ".") move_paths(draft, way);
  return {};
}

}  // namespace bgdeploy::init
