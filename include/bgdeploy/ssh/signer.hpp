// Signs with a private key: from a file, or in an agent.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/core/secret.hpp"

namespace bgdeploy::ssh {

class Signer {
public:
  virtual ~Signer() = default;
  // For messages: "~/.ssh/id_ed25519", "agent key alice@laptop".
  virtual const std::string& name() const = 0;
  // The public key as it travels in a login. For RSA its first string is "rsa-sha2-512", which makes
  // libssh2 1.10, whose own signatures are SHA-1, announce the signature that OpenSSH 8.8 wants.
  virtual const std::string& public_blob() const = 0;
  // Whether this is the key whose public half, under its usual name, is `blob`.
  bool has_public_key(std::string_view blob) const;
  // The signature's own bytes, without the name of its algorithm before them.
  virtual core::Result<std::string> sign(std::string_view data) = 0;
};

// Reads a private key's text: OpenSSH's own format, or PEM (PKCS#1, SEC1, PKCS#8). Ed25519, ECDSA and RSA.
// Kind denied, with what to do, when a passphrase is missing or wrong or the key is of no use.
core::Result<std::unique_ptr<Signer>> parse_private_key(const core::Secret& text, std::string name,
                                                        const std::optional<core::Secret>& passphrase);

// The same from a file, refusing one that others can read, as OpenSSH does (denied). A missing one:
// not_found.
core::Result<std::unique_ptr<Signer>> load_private_key(const std::string& path,
                                                       const std::optional<core::Secret>& passphrase);

// The public key of a private key file, as it travels: from the file itself, which holds it unencrypted in
// OpenSSH's format, else from the .pub file beside it. Empty when neither is there.
std::string public_key_of(const std::string& path);

// All keys of the agent that listens on a unix socket. Kind io when there is none, timeout when it is silent.
// Adds to `certificates` the names of those that are certificates, with which we cannot log in.
core::Result<std::vector<std::unique_ptr<Signer>>> agent_keys(
    const std::string& socket, const core::Wait& wait, std::vector<std::string>* certificates = nullptr);

}  // namespace bgdeploy::ssh
