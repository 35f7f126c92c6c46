// One configuration of Kamal's. https://kamal-deploy.org/docs/configuration/overview/
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/init/readers.hpp"

namespace bgdeploy::init {

// Code of ERB has stand-ins in it. Kind usage where it is none.
core::Result<Json> kamal_json(const File& file);
// `name`: of the file, for comments; `hooks`: the files below .kamal/hooks; `secrets`: where each has its
// value from, as the spec says it.
void tell_kamal(Draft& draft, const Json& file, const std::string& name,
                const std::vector<std::string>& hooks, const Json& secrets);

}  // namespace bgdeploy::init
