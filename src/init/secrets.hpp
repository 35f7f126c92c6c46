// What tells that a text is a secret, for who hides it.
#pragma once

#include <string_view>

namespace bgdeploy::init {

// Within a text names are shorter. PWD alone is a variable of every shell.
bool is_secret_part(std::string_view name);

// Options that give a secret and have no name that tells. `attached` alone: what stands apart is something
// else, as the database of `mysql -p shop`.
struct SecretOption {
  std::string_view program, option;
  bool attached = false;
};
// The option that gives a secret, behind its program; what it gives follows, or is attached to it.
const SecretOption* secret_option(std::string_view program, std::string_view word);
bool has_secret_option(std::string_view program);

// "Bearer hunter2", and "Basic " with "user:password" in base64, as headers have them.
bool has_credentials(std::string_view text);
// By itself, whatever it belongs to: a token, a key, a login.
bool is_marked(std::string_view value);

}  // namespace bgdeploy::init
