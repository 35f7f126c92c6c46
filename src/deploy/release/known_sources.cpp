#include "release/known_sources.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/release/secrets.hpp"
#include "bgdeploy/io/regular_file.hpp"

namespace bgdeploy::deploy {
namespace {

namespace fs = std::filesystem;
using core::Json;
using core::Result;

// Each with the name that it has in the spec.
using Named = std::vector<std::pair<std::string, spec::SecretSource>>;

Named all_in(const spec::Sources& sources, const std::vector<std::string>& inherited) {
  Named all;
  for (const auto& path : sources.env_file) all.emplace_back("docker.env_file", spec::FromFile{path});
  for (const auto& name : inherited) all.emplace_back("docker.environment." + name, spec::FromEnv{name});
  for (const auto& [name, source] : sources.secrets) all.emplace_back("secrets." + name, source);
  return all;
}

bool among(const Named& all, const spec::SecretSource& source) {
  return std::ranges::any_of(all, [&](const auto& one) { return one.second == source; });
}

std::optional<fs::path> file_of(const spec::Spec& spec, const spec::Environment& variables) {
  const auto home = variables("HOME");
  if (!home || !home->starts_with('/')) return std::nullopt;
  return fs::path(*home) / ".local/state/bgdeploy/known-sources" / (spec.service + ".jsonl");
}

// A line that is none of ours says nothing.
Named noted_for(const spec::Spec& spec, const std::string& text) {
  Named all;
  for (const auto& line : core::split_lines(text)) {
    const auto object = Json::parse(line, nullptr, false);
    if (!object.is_object() || core::text_of(object, "environment") != spec.environment) continue;
    const auto sources = spec::load_sources(line, {});
    if (!sources) continue;
    const auto found = all_in(*sources, core::texts_of(object, "inherited"));
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

std::string line_of(const spec::Spec& spec) {
  auto object = Json::parse(spec::sources_to_json(sources_of(spec), {}));
  object["environment"] = spec.environment;
  object["inherited"] = spec.docker.inherited;
  return core::dump_json(object) + "\n";
}

}  // namespace

Result<void> remember_sources(const spec::Spec& spec, const spec::Environment& variables) {
  const auto file = file_of(spec, variables);
  const Named wanted = all_in(sources_of(spec), spec.docker.inherited);
  if (!file || wanted.empty()) return {};
  const std::string text = io::read_file(file->string()).value_or("");
  const Named noted = noted_for(spec, text);
  const auto is_noted = [&](const auto& one) { return among(noted, one.second); };
  if (std::ranges::all_of(wanted, is_noted)) return {};
  return io::write_private_file(file->string(), text + line_of(spec));
}

std::vector<std::string> unknown_sources(const spec::Spec& spec, const spec::Environment& variables,
                                         const spec::Sources& recorded,
                                         const std::vector<std::string>& inherited) {
  const auto file = file_of(spec, variables);
  const Named noted = file ? noted_for(spec, io::read_file(file->string()).value_or("")) : Named{};
  const Named today = all_in(sources_of(spec), spec.docker.inherited);
  std::vector<std::string> unknown;
  for (const auto& [name, source] : all_in(recorded, inherited))
    if (!among(today, source) && !among(noted, source))
      unknown.push_back(core::printable(fmt::format("{}: {}", name, spec::describe(source))));
  return unknown;
}

}  // namespace bgdeploy::deploy
