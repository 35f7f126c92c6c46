// Which files a compose file refers to, as it stands on this machine: they have to be where it is read.
// https://docs.docker.com/reference/compose-file/
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/spec/load.hpp"

namespace bgdeploy::spec {

struct ComposeReference {
  enum class Kind {
    file,      // extends, include: a compose file itself
    env_file,  // and label_file
    config,
    secret,
    mount,  // the source of a bind mount, which may be missing, and may be a folder
  };
  Kind kind = Kind::file;
  std::string path;  // as written, its variables filled in: relative, absolute, or from "~"
  bool required = true;
  std::string folder{};  // of an include: where paths in it start, when that is not its own folder
  bool operator==(const ComposeReference&) const = default;
};

// In the order of the file, each once. A reference with an unknown variable is left out, and a text that is
// no YAML refers to nothing: compose itself reports those.
std::vector<ComposeReference> compose_references(std::string_view yaml, const Environment& variables);

}  // namespace bgdeploy::spec
