// What a slot is to run, and with which configuration: values with ==, no effects.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bgdeploy/core/secret.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::plan {

// The digest of a release that was built on the hosts begins with it. The rest is the hash of the release's
// context and arguments (64 hex digits).
inline constexpr std::string_view k_built = "build:";
// That of a release whose image came from an archive, or was on the hosts already. The rest is docker's id of
// the image.
inline constexpr std::string_view k_sent = "image:";

// An image digest under a human name. The configuration it runs with is in Launch.
struct Release {
  std::string
      id;  // "20261121T050710Z-1f3a": unique a deploy; label bgdeploy.release. Empty for adopted containers
  std::string tag;    // as the user gave it; empty when deployed by --digest
  std::string image;  // repository
  std::string digest;  // "sha256:…" as the registry knows the manifest, "build:…" or "image:…"; empty where
                       // it cannot be told

  bool built() const { return digest.starts_with(k_built); }
  bool sent() const { return digest.starts_with(k_sent); }
  // No registry has it: its image is where it runs, or nowhere.
  bool local() const { return built() || sent(); }
  bool operator==(const Release&) const = default;
};

// What of a service's images may go.
struct Leftovers {
  std::string service;
  std::vector<Release> old;       // that ran, or were to run
  std::vector<std::string> keep;  // digests that a rollback of any service may go back to
  bool operator==(const Leftovers&) const = default;
};

// A file that a compose file refers to, to be uploaded with it.
struct ComposeFile {
  enum class Kind {
    part,    // of the configuration: extends, include, configs. Kept in the history
    data,    // a bind mount: as it is on this machine, when a release is created
    secret,  // env_file, .env, secrets: likewise, and readable by its owner only
  };
  std::string path;  // below the folder of the compose file, and relative to it
  Kind kind = Kind::part;
  bool executable = false;
  core::Secret content;
  bool operator==(const ComposeFile&) const = default;
};

// The text of the compose files is kept, so that a release can be created again as it ran.
struct ComposeLaunch {
  spec::Compose settings;
  std::array<std::string, 2> files;  // by slot: the text to upload; empty where it is on the host
  std::array<std::vector<ComposeFile>, 2> beside{};  // by slot
  bool operator==(const ComposeLaunch&) const = default;
};

// One alternative a runtime, in the order of runtime/kinds.
using Configuration = std::variant<spec::Docker, ComposeLaunch>;

// What a release that is not of today's spec has its `secrets:` from, and what was found there and in its
// env_file.
struct Secrets {
  std::map<std::string, spec::SecretSource> sources;
  std::map<std::string, core::Secret> values;
  bool operator==(const Secrets&) const = default;
};

struct Launch {
  Release release;
  Configuration with{};
  std::optional<spec::Health> health{};  // by which it is waited for; unset: by the spec's
  std::optional<Secrets> secrets{};      // unset: those of the spec
  bool operator==(const Launch&) const = default;
};

}  // namespace bgdeploy::plan
