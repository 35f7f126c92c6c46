// Where the values come from that a release runs with and that nobody may see, as the history keeps it: never
// a value, and nothing that was made of one.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::spec {

struct Sources {
  std::vector<std::filesystem::path> env_file;  // of docker
  std::map<std::string, SecretSource> secrets;
  bool operator==(const Sources&) const = default;
};

// The folders that paths are written relative to: on another machine, or for another user, they are others.
struct SourceFolders {
  std::filesystem::path spec;  // "./…"
  std::filesystem::path home;  // "~/…"; empty: there is none
};
SourceFolders source_folders(const Spec& spec, const std::optional<std::string>& home);

std::string sources_to_json(const Sources& sources, const SourceFolders& folders);
// Kind refused: it is no such record.
core::Result<Sources> load_sources(std::string_view json, const SourceFolders& folders);

// "the variable TOKEN", "the file /srv/key", "the command vault kv get …"
std::string describe(const SecretSource& source);

}  // namespace bgdeploy::spec
