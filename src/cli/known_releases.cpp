#include "known_releases.hpp"

#include <algorithm>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "command.hpp"

namespace bgdeploy::cli {
namespace {

constexpr std::size_t k_most_tags = 50;

std::optional<std::string> cache_file(const spec::Spec& spec) {
  const auto folder = variable("XDG_CACHE_HOME");
  const auto home = variable("HOME");
  if (folder && folder->starts_with('/')) return *folder + "/bgdeploy/" + spec.service + ".releases";
  if (!home || home->empty()) return {};
  return *home + "/.cache/bgdeploy/" + spec.service + ".releases";
}

}  // namespace

std::vector<std::string> known_releases(const spec::Spec& spec) {
  const auto file = cache_file(spec);
  if (!file) return {};
  const auto text = io::read_file(*file);
  return text ? core::split_lines(*text) : std::vector<std::string>{};
}

void remember_releases(const spec::Spec& spec, const std::vector<std::string>& tags) {
  const auto file = cache_file(spec);
  if (!file) return;
  std::vector<std::string> all;
  const auto add = [&all](const std::vector<std::string>& some) {
    for (const std::string& tag : some)
      if (!tag.empty() && all.size() < k_most_tags && std::ranges::find(all, tag) == all.end())
        all.push_back(tag);
  };
  const auto known = known_releases(spec);
  add(tags);
  add(known);
  if (all == known) return;
  std::string text;
  for (const std::string& tag : all) text += tag + '\n';
  static_cast<void>(io::write_private_file(*file, text));
}

}  // namespace bgdeploy::cli
