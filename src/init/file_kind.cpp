#include "file_kind.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/init/readers.hpp"
#include "compose_pair.hpp"
#include "script_words.hpp"

namespace bgdeploy::init {
namespace {

// The first row counts. A pattern's ".yml" stands for ".yaml" too.
struct Row {
  std::string_view folder;  // which the name has to be in; empty: any
  const char* pattern;
  Kind kind;
  bool named = false;  // only where the user names it
};
constexpr Row k_rows[] = {
    {".kamal/hooks", "*.sample", Kind::none},
    {".kamal/hooks", "*", Kind::kamal_hook},
    {"config", "deploy.yml", Kind::kamal},
    {"config", "deploy[-_.]*.yml", Kind::kamal},
    {"config", "deploy*.yml", Kind::kamal, true},
    {".kamal", "secrets", Kind::kamal_secrets},
    {".kamal", "secrets-common", Kind::kamal_secrets},
    {".kamal", "secrets.*", Kind::kamal_secrets},
    {".github/workflows", "*.yml", Kind::script},
    {".gitea/workflows", "*.yml", Kind::script},
    {".forgejo/workflows", "*.yml", Kind::script},
    {".circleci", "config.yml", Kind::script},
    {".woodpecker", "*.yml", Kind::script},
    {"", ".gitlab-ci.yml", Kind::script},
    {"", "*.gitlab-ci.yml", Kind::script, true},
    {"", "bitbucket-pipelines.yml", Kind::script},
    {"", "azure-pipelines*.yml", Kind::script},
    {"", "cloudbuild*.yml", Kind::script},
    {"", "buildspec*.yml", Kind::script},
    {"", ".drone.yml", Kind::script},
    {"", ".woodpecker.yml", Kind::script},
    {"", ".travis.yml", Kind::script},
    {"", "appspec.yml", Kind::script},
    {"", "Jenkinsfile", Kind::script},
    {"", "Jenkinsfile*", Kind::script, true},
    {"docker", "*.sh", Kind::script, true},  // what runs in the container
    {"", "*.sh", Kind::script},
    {"", "*.bash", Kind::script},
    {"", "*.dockerignore", Kind::none},
    {"", "Dockerfile", Kind::dockerfile},
    {"", "Dockerfile.*", Kind::dockerfile},
    {"", "*.Dockerfile", Kind::dockerfile},
    {"", "Containerfile", Kind::dockerfile},
    {"", "Containerfile.*", Kind::dockerfile},
    {"", ".env", Kind::dotenv},
    {"", ".env.*", Kind::dotenv, true},
    {"", "*.env", Kind::dotenv, true},
    {"", "docker-compose*.yml", Kind::compose},
    {"", "compose*.yml", Kind::compose},
    {"", "*compose.yml", Kind::compose},
    {"compose", "*.yml", Kind::compose},
    {"", "*.yml", Kind::compose, true},
};

// In compose's own order.
constexpr std::array<std::string_view, 4> k_usual = {"compose.yaml", "compose.yml", "docker-compose.yml",
                                                     "docker-compose.yaml"};

bool has_word(std::string_view name, std::initializer_list<std::string_view> words) {
  const std::string base = core::to_lower(base_of(name));
  for (std::size_t at = 0; at < base.size();) {
    const std::size_t end = std::min(base.find_first_of(".-_", at), base.size());
    if (std::ranges::find(words, std::string_view(base).substr(at, end - at)) != words.end()) return true;
    at = end + 1;
  }
  return false;
}

bool is_in(std::string_view path, std::string_view folder) {
  if (folder.empty()) return true;
  const std::string_view parent = path.substr(0, path.size() - base_of(path).size());
  return ("/" + std::string(parent)).ends_with("/" + std::string(folder) + "/");
}

// What is tried first is the least.
auto order_of(const std::string& name) {
  const auto usual = std::ranges::find(k_usual, base_of(name));
  const int class_of_it = usual != k_usual.end() ? 0 : has_word(name, {"prod", "production"}) ? 1 : 2;
  return std::tuple(class_of_it, std::ranges::count(name, '/'), usual - k_usual.begin(), name);
}

}  // namespace

Kind kind_of(std::string_view name, bool named) {
  std::string base = base_of(name);
  if (base.ends_with(".yaml")) base.replace(base.size() - 4, 4, "yml");
  for (const Row& row : k_rows)
    if (is_in(name, row.folder) && ::fnmatch(row.pattern, base.c_str(), FNM_CASEFOLD) == 0)
      return named || !row.named ? row.kind : Kind::none;
  return Kind::none;
}

std::span<const char* const> folders_of_interest() {
  static constexpr const char* k_folders[] = {"",
                                              ".github/workflows",
                                              ".gitea/workflows",
                                              ".forgejo/workflows",
                                              ".circleci",
                                              ".woodpecker",
                                              "config",
                                              ".kamal",
                                              ".kamal/hooks",
                                              "scripts",
                                              "deploy",
                                              "docker",
                                              "compose"};
  return k_folders;
}

bool is_for_development(std::string_view name) {
  return has_word(name, {"dev", "devel", "development", "test", "tests", "testing", "e2e", "local", "debug",
                         "override", "tools"});
}

std::vector<std::string> best_compose_files(std::vector<std::string> names) {
  std::ranges::sort(names, {}, order_of);
  for (std::size_t i = 0; i < names.size(); ++i)
    for (std::size_t j = i + 1; j < names.size(); ++j)
      if (names_slots(names[i], names[j])) return {names[i], names[j]};
  if (names.size() > 1) names.resize(1);
  return names;
}

std::vector<std::string> compose_pair(std::vector<std::string> names) {
  std::erase_if(names, [](const std::string& name) { return kind_of(name, false) != Kind::compose; });
  return best_compose_files(std::move(names));
}

std::string best_dockerfile(std::vector<std::string> names) {
  return *std::ranges::min_element(names, {}, [](const std::string& name) {
    return std::tuple(is_for_development(name), base_of(name).contains('.'), std::ranges::count(name, '/'),
                      name);
  });
}

}  // namespace bgdeploy::init
