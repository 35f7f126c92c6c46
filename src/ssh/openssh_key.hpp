// Private keys in OpenSSH's own format ("openssh-key-v1", PROTOCOL.key of OpenSSH).
#pragma once

#include <optional>
#include <string>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/core/secret.hpp"
#include "evp_key.hpp"

namespace bgdeploy::ssh {

core::Result<KeyHandle> parse_openssh_key(const std::string& text, const std::string& name,
                                          const std::optional<core::Secret>& passphrase);

// The public key that the file holds beside the private one; empty when the text is not in this format.
std::string openssh_public_part(const std::string& text);

// Denied: the key has a passphrase that is missing, or was given and is wrong.
core::Error passphrase_error(const std::string& name, bool given);

}  // namespace bgdeploy::ssh
