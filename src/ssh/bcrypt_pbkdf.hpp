// The key derivation of encrypted OpenSSH private keys: bcrypt's hash in place of PBKDF2's HMAC, as OpenBSD's
// bcrypt_pbkdf(3) defines it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bgdeploy::ssh {

// Nothing when a parameter is out of its range: empty passphrase or salt, no rounds or too many to be meant,
// a length of 0 or above 1024.
std::optional<std::string> bcrypt_pbkdf(std::string_view passphrase, std::string_view salt,
                                        std::uint32_t rounds, std::size_t length);

}  // namespace bgdeploy::ssh
