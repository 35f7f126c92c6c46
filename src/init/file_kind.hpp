// What a file of a folder is, by its name alone.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::init {

enum class Kind { compose, kamal, script, dockerfile, dotenv, kamal_hook, kamal_secrets, none };

// `named`: by the user, whose files may be called in more ways than are looked for.
Kind kind_of(std::string_view name, bool named);
// The folders that are looked into, relative to the one that is read.
std::span<const char* const> folders_of_interest();
// Nothing but its name says that a compose file or a Dockerfile is for development or tests.
bool is_for_development(std::string_view name);

// Of several Dockerfiles, none of them for development where there is a choice.
std::string best_dockerfile(std::vector<std::string> names);

}  // namespace bgdeploy::init
