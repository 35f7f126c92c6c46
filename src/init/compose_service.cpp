#include "compose_service.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/spec/document.hpp"
#include "file_kind.hpp"

namespace bgdeploy::init {
namespace {

using core::member;
using core::text_of;

namespace fs = std::filesystem;

constexpr int k_longest_chain = 8;
constexpr std::array<std::string_view, 8> k_added = {"ports", "expose",  "volumes",  "networks",
                                                     "tmpfs", "cap_add", "cap_drop", "extra_hosts"};
constexpr std::array<std::string_view, 8> k_served = {"web",      "app",  "api",     "server",
                                                      "frontend", "site", "backend", "www"};
constexpr std::array<std::string_view, 8> k_unserved = {"worker",  "queue", "cron",    "scheduler",
                                                        "migrate", "job",   "sidekiq", "celery"};

bool is_one_of(std::span<const std::string_view> words, const std::string& name) {
  return std::ranges::any_of(words, [&](std::string_view word) { return name.contains(word); });
}

Json as_list(const Json& value) {
  return value.is_array() ? value : Json::array({value});
}

// "/data" of "uploads:/data:ro": what stands there once.
std::string identity(const std::string& key, const Json& item) {
  if (key != "volumes") return item.dump();
  std::string text = item.is_string() ? item.get<std::string>() : text_of(item, "target");
  if (const std::size_t target = text.rfind(":/"); target != std::string::npos) text.erase(0, target + 1);
  text.erase(std::min(text.find(':'), text.size()));
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

void add_items(const std::string& key, Json& own, const Json& base) {
  std::set<std::string> there;
  for (const Json& item : own) there.insert(identity(key, item));
  for (const Json& item : base)
    if (there.insert(identity(key, item)).second) own.push_back(item);
}

void add_members(Json& own, const Json& base) {
  if (!own.is_object() || !base.is_object()) return;
  for (const auto& [name, value] : base.items())
    if (!own.contains(name))
      own[name] = value;
    else if (own[name].is_object() && value.is_object())
      add_members(own[name], value);
}

// What the service says itself counts; lists and maps have the rest from its base.
void add_base(Json& keys, const Json& base) {
  for (const auto& [key, value] : base.items()) {
    Json& own = keys[key];
    const bool mixed = key == "networks" && own.is_array() != value.is_array();
    if (own.is_null()) {
      own = value;
    } else if (key == "env_file") {  // of one variable the last file counts
      Json files = as_list(value);
      for (Json& file : own = as_list(own)) files.push_back(std::move(file));
      own = std::move(files);
    } else if (key == "environment" || mixed) {
      own = as_map(own);
      add_members(own, as_map(value));
    } else if (own.is_object() && value.is_object()) {
      add_members(own, value);
    } else if (std::ranges::find(k_added, key) != k_added.end()) {
      own = as_list(own);
      add_items(key, own, as_list(value));
    }
  }
}

// Paths are relative to the file that names them; from here on to the folder that is read.
void rebase(Json& keys, const fs::path& folder) {
  if (folder.empty()) return;
  const auto move = [&](Json& path) {
    if (!path.is_string() || path.get_ref<const std::string&>().contains("://")) return;
    std::string moved = (folder / path.get<std::string>()).lexically_normal().string();
    if (moved.size() > 1 && moved.ends_with('/')) moved.pop_back();
    path = std::move(moved);
  };
  if (const auto files = keys.find("env_file"); files != keys.end()) {
    *files = as_list(*files);
    for (Json& file : *files) move(file.is_object() ? file["path"] : file);
  }
  if (const auto build = keys.find("build"); build != keys.end())
    move(build->is_object() ? (*build)["context"] : *build);
}

class Services {
public:
  Services(Draft& draft, std::vector<std::string>& left_out, const FileBeside& beside)
      : m_draft(draft), m_left_out(left_out), m_beside(beside) {}

  // `file`: which the service stands in, and which is called `source`.
  Json whole(const Json& file, const std::string& source, Json keys, int depth = 0) {
    const fs::path folder = fs::path(source).parent_path();
    rebase(keys, folder);
    const Json extends = member(keys, "extends");
    if (!extends.is_object() && !extends.is_string()) return keys;
    keys.erase("extends");
    const std::string name = extends.is_string() ? extends.get<std::string>() : text_of(extends, "service");
    const std::string other = text_of(extends, "file");
    const std::string path = other.empty() ? source : (folder / other).lexically_normal().string();
    const Json& from = other.empty() ? file : read(path);
    const Json& base = member(member(from, "services"), name);
    if (base.is_object() && depth < k_longest_chain)
      add_base(keys, whole(from, path, base, depth + 1));
    else
      m_left_out.push_back(fmt::format("`extends` of {}: {} was not found{}", source, name,
                                       other.empty() ? "" : " in " + other));
    return keys;
  }

private:
  const Json& read(const std::string& path) {
    const auto [file, fresh] = m_files.try_emplace(path);
    const auto text = fresh && m_beside ? m_beside(path) : std::nullopt;
    if (!text) return file->second;
    if (const auto json = spec::yaml_as_json(*text, path)) {
      m_draft.read_from(path);
      file->second = core::parse_json(*json, path).value_or(Json());
    }
    return file->second;
  }

  Draft& m_draft;
  std::vector<std::string>& m_left_out;
  const FileBeside& m_beside;
  std::map<std::string, Json> m_files;
};

// Below 0: it is not deployed. A whole ten: whatever it is called.
int rank(const std::string& name, const Json& keys) {
  const std::string image = text_of(keys, "image");
  const Json& build = member(keys, "build");
  if (!build.is_object() && !build.is_string() && (image.empty() || is_beside(image))) return -1;
  const auto has = [&](const char* key) {
    const Json& value = member(keys, key);
    return !value.is_null() && !value.empty();
  };
  int rank = has("ports") ? 40 : has("expose") || has("healthcheck") ? 20 : 10;
  // Under a profile others are started by hand, as tools are.
  const bool tool = std::ranges::any_of(core::texts_of(keys, "profiles"), is_for_development);
  if (has("profiles")) rank = has("ports") && !tool ? 30 : 0;
  const std::string small = core::to_lower(name);
  return rank + (is_one_of(k_unserved, small) ? 1 : is_one_of(k_served, small) ? 5 : 3);
}

struct Candidate {
  Service service;
  int rank = 0;
};

// One app, once as blue and once as green.
bool are_slots(const Service& one, const Service& other) {
  const auto same = [&](const char* key) { return member(one.keys, key) == member(other.keys, key); };
  const bool image = repository_of(text_of(one.keys, "image")) == repository_of(text_of(other.keys, "image"));
  return image && same("build") && names_slots(one.name, other.name);
}

}  // namespace

Json as_map(const Json& value) {
  if (!value.is_array()) return value;
  Json map = Json::object();
  for (const Json& item : value) {
    const std::string text = item.is_string() ? item.get<std::string>() : "";
    const std::size_t equals = text.find('=');
    map[text.substr(0, equals)] = equals == std::string::npos ? Json() : Json(text.substr(equals + 1));
  }
  map.erase("");
  return map;
}

std::vector<Service> apps_of(const Json& file, Draft& draft, std::vector<std::string>& left_out,
                             const std::string& source, const FileBeside& beside) {
  const Json& services = member(file, "services");
  if (!services.is_object()) return {};
  Services all(draft, left_out, beside);
  std::vector<Candidate> candidates;
  for (const auto& [name, keys] : services.items()) {
    Json whole = keys.is_object() ? all.whole(file, source, keys) : Json::object();
    const int rank = init::rank(name, whole);
    candidates.push_back({{name, std::move(whole), static_cast<int>(services.size()) - 1}, rank});
  }
  const auto best = std::ranges::max_element(candidates, {}, &Candidate::rank);
  if (best == candidates.end() || best->rank < 0) return {};
  std::vector<Service> apps{best->service};
  std::vector<std::string> rest, like_it;
  for (const Candidate& one : candidates) {
    if (one.service.name == best->service.name) continue;
    const bool like = one.rank >= 0 && one.rank / 10 == best->rank / 10;
    if (like && apps.size() == 1 && are_slots(best->service, one.service))
      apps.push_back(one.service);
    else
      (like ? like_it : rest).push_back(one.service.name);
  }
  if (!like_it.empty())
    draft.note(
        fmt::format("guessed: {} of {} is what a proxy sends to. {} may be deployed too, by a spec each; "
                    "as a worker (`slots: [blue, green]`, `proxy: none`) where nothing is sent to it",
                    best->service.name, source, fmt::join(like_it, ", ")));
  if (!rest.empty()) draft.note(fmt::format("{} of {}: stays with compose", fmt::join(rest, ", "), source));
  if (const Json& include = member(file, "include"); !include.is_null())
    left_out.push_back(fmt::format("`include` of {}: what it names was not read", source));
  return apps;
}

}  // namespace bgdeploy::init
