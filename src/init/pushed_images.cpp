#include "pushed_images.hpp"

#include <algorithm>
#include <string_view>

#include "script_words.hpp"

namespace bgdeploy::init {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t k_step = 40;  // commands, which lines of a workflow are too

bool has(const Words& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool begins_step(const Words& words) {
  return has(words, "uses:") || has(words, "run:");
}

// What follows one of these words.
std::optional<std::string> value_of(const Words& words, std::initializer_list<std::string_view> options) {
  for (std::size_t i = 0; i < words.size(); ++i)
    for (const std::string_view option : options) {
      if (words[i] == option && i + 1 < words.size()) return words[i + 1];
      if (words[i].starts_with(option) && words[i].substr(option.size()).starts_with('='))
        return words[i].substr(option.size() + 1);
    }
  return std::nullopt;
}

// The action whose input stands here, which `key` names; empty where none does.
std::string action_of(const std::vector<Words>& commands, std::size_t at, std::string_view key) {
  for (std::size_t i = at; i + k_step > at; --i) {
    if (const auto action = value_of(commands[i], {key})) return *action;
    if (i == 0 || (i < at && has(commands[i], "run:"))) break;
  }
  return {};
}

bool is_pushed(const std::vector<Words>& commands, std::size_t at) {
  std::size_t begin = at, end = at + 1;
  while (begin > 0 && begin + k_step > at && !begins_step(commands[begin])) --begin;
  while (end < commands.size() && end < at + k_step && !begins_step(commands[end])) ++end;
  for (std::size_t i = begin; i < end; ++i)
    if (const auto push = value_of(commands[i], {"push:"}); push && push->starts_with("false")) return false;
  return true;
}

// "a/b:1,a/b:2", "{tags: a/b:1}", and the lines of a block; not what another step finds out.
std::string first_image(const std::vector<Words>& commands, std::size_t at, std::string_view input) {
  constexpr std::size_t k_lines = 6;
  bool begun = false;
  for (std::size_t i = at; i < commands.size() && i < at + k_lines; ++i)
    for (const std::string& word : commands[i]) {
      if (!begun) {
        begun = word.ends_with(input);
        continue;
      }
      std::string image = word.substr(0, word.find(','));
      if (image.starts_with('[')) image.erase(0, 1);
      if (image.ends_with(']')) image.pop_back();
      if (image.ends_with(':')) return {};  // the next input
      if (image.ends_with('}') && !image.ends_with("}}") && !image.contains("${")) image.pop_back();
      const bool found_out = image.contains("steps.") || image.contains("needs.") || image.contains('=');
      if (image.find_first_of("/:") == std::string::npos) continue;
      return found_out ? std::string() : image;
    }
  return {};
}

// `docker.build("acme/shop")` of a Jenkinsfile, where something is pushed; within
// `docker.withRegistry('https://ghcr.io', …)` it goes there.
std::optional<std::string> of_groovy(const std::vector<Words>& commands, std::size_t at) {
  const Words& words = commands[at];
  if (words.empty() || (words.back() != "docker.build" && words.back() != "docker.image"))
    return std::nullopt;
  const auto argument_of = [&](std::size_t i) {
    std::string text = i + 1 < commands.size() && !commands[i + 1].empty() ? commands[i + 1][0] : "";
    if (text.ends_with(',')) text.pop_back();
    return text;
  };
  std::string image = argument_of(at), registry;
  bool pushed = false;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (commands[i].empty()) continue;
    pushed = pushed || commands[i].back().ends_with(".push");
    if (commands[i].back() == "docker.withRegistry") registry = argument_of(i);
  }
  if (!pushed || image.empty()) return std::nullopt;
  if (const std::size_t scheme = registry.find("://"); scheme != std::string::npos)
    registry.erase(0, scheme + 3);
  registry = registry.substr(0, registry.find('/'));
  const std::string first = image.substr(0, image.find('/'));
  const bool named = first.size() < image.size() && first.find_first_of(".:$") != std::string::npos;
  if (registry.empty() || registry.contains("docker.com") || registry.contains("docker.io") || named)
    return image;
  return registry + "/" + image;
}

std::optional<std::string> of_action(const std::vector<Words>& commands, std::size_t at) {
  const auto is_input = [&](std::string_view input) {
    return std::ranges::any_of(commands[at], [&](const std::string& word) {
      return word == input || (word.starts_with('{') && std::string_view(word).substr(1) == input);
    });
  };
  const auto given = [&](std::string_view input) {
    auto image = first_image(commands, at, input);
    return image.empty() ? std::nullopt : std::optional(std::move(image));
  };
  if (is_input("tags:") && action_of(commands, at, "uses:").contains("build-push-action"))
    return is_pushed(commands, at) ? given("tags:") : std::nullopt;
  if (is_input("images:")) {  // Cloud Build's own list is of no action
    const std::string action = action_of(commands, at, "uses:");
    return action.empty() || action.contains("metadata-action") ? given("images:") : std::nullopt;
  }
  if (!is_input("repo:")) return std::nullopt;
  // "plugins/docker" of Drone, "woodpeckerci/plugin-docker-buildx", "plugins/kaniko"
  const std::string plugin = action_of(commands, at, "image:");
  const bool pushes = plugin.contains("docker") || plugin.contains("kaniko");
  return plugin.contains("plugin") && pushes ? given("repo:") : std::nullopt;
}

}  // namespace

std::optional<std::string> pushed_by(const std::vector<Words>& commands, std::size_t at) {
  const Words& words = commands[at];
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string tool = base_of(words[i]);
    const std::string next = i + 1 < words.size() ? words[i + 1] : "";
    if (tool == "docker" && (next == "pull" || next == "push") && i + 2 < words.size()) return words[i + 2];
    if (tool == "docker" && (next == "build" || next == "buildx") && has(words, "--push"))
      return value_of(words, {"-t", "--tag"});
    if (tool == "executor") return value_of(words, {"--destination"});  // kaniko
  }
  if (auto image = of_groovy(commands, at)) return image;
  return of_action(commands, at);
}

}  // namespace bgdeploy::init
