// A service of a compose file, as what a container runs with.
// https://docs.docker.com/reference/compose-file/services/
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/init/readers.hpp"
#include "compose_service.hpp"

namespace bgdeploy::init {

// A list, or the text that stands for a list of one.
std::vector<std::string> texts(const Json& keys, const char* name);
// What must not stand in a file stays a reference.
Variables without_secrets(Variables known);

// "NAME=value" lists and maps alike.
std::vector<Setting> settings_of(const Json& value, const Variables& known);

// `file`: which the service stands in, and which is called `source`. `left_out`: what no key of `docker`
// stands for, and what else compose itself would do. `beside`: whether an `env_file` is there that need not
// be.
Run run_of(const Json& file, const Service& app, const Variables& known, const std::string& project,
           const std::string& source, std::vector<std::string>& left_out, const FileBeside& beside);

}  // namespace bgdeploy::init
