// Reading `bgdeploy.yml`: pure, from text to Spec. Files, environment variables and the command line come in
// as arguments.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::spec {

// The value of an environment variable, or nothing when it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view)>;

struct Source {
  std::filesystem::path file;  // relative paths in the spec are relative to its folder
  std::string text;
};

// All errors of the file in one run: kind `usage` (or `unsupported` when nothing else is wrong), message
// "bgdeploy.yml: 3 errors", and as details, for each error in file order,
// "bgdeploy.yml:12:3: unknown key 'imgae', did you mean 'image'?", the line itself, and a caret below the
// column. Beyond 100 the rest is left out ("at least 100 errors"). Lines that may hold a secret are not
// shown. `environment` names an entry of `environments:` that is laid over the rest, or is empty. `variables`
// gives HOME too, for "~".
core::Result<Spec> load(const Source& source, std::string_view environment, const Environment& variables);

// The names below `environments:`, in order; none where the file is no YAML.
std::vector<std::string> environment_names(const Source& source);

// `docker:` on its own as JSON, loadable by load_docker: what history keeps to run a release again as it ran.
// Holds no secret: env_file appears by path only.
std::string docker_to_json(const Docker& docker);
core::Result<Docker> load_docker(std::string_view json);

// The same of `health:`. HTTP headers are left out, since they may hold a secret.
std::string health_to_json(const Health& health);
core::Result<Health> load_health(std::string_view json);

// The same of `compose:`. The text of the compose file is kept apart from it.
std::string compose_to_json(const Compose& compose);
core::Result<Compose> load_compose(std::string_view json);

// The whole spec as YAML (json = false) or JSON, resolved, secrets shown as their source only, and each text as
// `shown` gives it.
std::string render(const Spec& spec, bool json, const std::function<std::string(std::string)>& shown = {});

}  // namespace bgdeploy::spec
