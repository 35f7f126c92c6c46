#include "compose_service.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/spec/document.hpp"

namespace bgdeploy::init {
namespace {

using core::member;
using core::text_of;

constexpr int k_longest_chain = 8;
constexpr std::array<std::string_view, 10> k_added = {"ports",       "expose",     "environment", "env_file",
                                                      "volumes",     "networks",   "tmpfs",       "cap_add",
                                                      "extra_hosts", "healthcheck"};
constexpr std::array<std::string_view, 8> k_served = {"web",      "app",  "api",     "server",
                                                      "frontend", "site", "backend", "www"};
constexpr std::array<std::string_view, 8> k_unserved = {"worker",  "queue", "cron",    "scheduler",
                                                        "migrate", "job",   "sidekiq", "celery"};

bool is_one_of(std::span<const std::string_view> words, const std::string& name) {
  return std::ranges::any_of(words, [&](std::string_view word) { return name.contains(word); });
}

// What the service says itself counts; lists and maps have the rest from its base.
void add_base(Json& keys, const Json& base) {
  for (const auto& [key, value] : base.items()) {
    Json& own = keys[key];
    if (own.is_null())
      own = value;
    else if (own.is_array() && value.is_array() && std::ranges::find(k_added, key) != k_added.end())
      own.insert(own.end(), value.begin(), value.end());
    else if (own.is_object() && value.is_object())
      for (const auto& [name, inherited] : value.items())
        if (!own.contains(name)) own[name] = inherited;
  }
}

class Services {
public:
  Services(Draft& draft, std::string source, const FileBeside& beside)
      : m_draft(draft), m_source(std::move(source)), m_beside(beside) {}

  Json whole(const Json& file, Json keys, int depth = 0) {
    const Json extends = member(keys, "extends");
    if (!extends.is_object() && !extends.is_string()) return keys;
    keys.erase("extends");
    const std::string name = extends.is_string() ? extends.get<std::string>() : text_of(extends, "service");
    const std::string other = text_of(extends, "file");
    const Json from = other.empty() ? file : read(other);
    const Json& base = member(member(from, "services"), name);
    if (base.is_object() && depth < k_longest_chain)
      add_base(keys, whole(from, base, depth + 1));
    else
      m_draft.note(fmt::format("`extends` of {}: {} was not found{}", m_source, name,
                               other.empty() ? "" : " in " + other));
    return keys;
  }

private:
  Json read(const std::string& name) {
    const auto text = m_beside ? m_beside(name) : std::nullopt;
    if (!text) return {};
    const auto json = spec::yaml_as_json(*text, name);
    if (!json) return {};
    m_draft.read_from(name);
    return Json::parse(*json, nullptr, false);
  }

  Draft& m_draft;
  const std::string m_source;
  const FileBeside& m_beside;
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
  if (has("profiles")) rank = 0;
  const std::string small = core::to_lower(name);
  return rank + (is_one_of(k_unserved, small) ? 1 : is_one_of(k_served, small) ? 5 : 3);
}

}  // namespace

std::optional<Service> app_of(const Json& file, Draft& draft, const std::string& source,
                              const FileBeside& beside) {
  const Json& services = member(file, "services");
  if (!services.is_object()) return std::nullopt;
  Services all(draft, source, beside);
  std::optional<Service> app;
  int best = -1;
  std::vector<std::string> rest, like_it;
  std::vector<std::pair<std::string, int>> ranks;
  for (const auto& [name, keys] : services.items()) {
    Json whole = keys.is_object() ? all.whole(file, keys) : Json::object();
    ranks.emplace_back(name, rank(name, whole));
    if (ranks.back().second <= best) continue;
    best = ranks.back().second;
    app = Service{name, std::move(whole), static_cast<int>(services.size()) - 1};
  }
  if (!app) return app;
  for (const auto& [name, rank] : ranks)
    if (name != app->name) (rank / 10 == best / 10 ? like_it : rest).push_back(name);
  if (!like_it.empty())
    draft.note(
        fmt::format("guessed: {} of {} is what a proxy sends to. {} may be deployed too, by a spec each; "
                    "as a worker (`slots: [blue, green]`, `proxy: none`) where nothing is sent to it",
                    app->name, source, fmt::join(like_it, ", ")));
  if (!rest.empty()) draft.note(fmt::format("{} of {}: stays with compose", fmt::join(rest, ", "), source));
  if (const Json& include = member(file, "include"); !include.is_null())
    draft.note(fmt::format("`include` of {}: what it names was not read", source));
  return app;
}

}  // namespace bgdeploy::init
