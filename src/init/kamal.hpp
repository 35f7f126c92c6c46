// One configuration of Kamal's. https://kamal-deploy.org/docs/configuration/overview/
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/init/readers.hpp"

namespace bgdeploy::init {

// Code of ERB has stand-ins in it. Kind usage where it is none.
core::Result<Json> kamal_json(const File& file);
// "deploy.yml": what those of destinations say over.
bool is_main_kamal_file(std::string_view name);
// As Kamal lays a destination over its main file: maps key by key, anything else whole.
void merge(Json& into, const Json& over);
// `name`: of the file, for comments; `hooks`: the files below .kamal/hooks; `secrets`: where each has its
// value from, as the spec says it.
void tell_kamal(Draft& draft, const Json& file, const std::string& name,
                const std::vector<std::string>& hooks, const Json& secrets);

}  // namespace bgdeploy::init
