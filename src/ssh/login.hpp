// Key exchange, the host's proof and ours: turns a connected descriptor into a session that is logged in.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bgdeploy/ssh/session.hpp"
#include "transport.hpp"

namespace bgdeploy::ssh {

// Key types libssh2 can verify here, best first.
std::vector<std::string> verifiable_key_types();

// Whether RSA keys are among them with a signature that OpenSSH 8.8 and newer makes: from libssh2 1.11 on.
bool verifies_rsa();

// Exchanges keys, asking for the host's key types in this order. Kind unreachable when the other side does
// not speak SSH or refuses; `busy` is set when it hung up before its banner (sshd's MaxStartups).
Result<HostKey> shake_hands(Transport& transport, std::span<const std::string> key_types,
                            const Destination& destination, const Wait& wait, bool& busy);

// Whether this type of signature is made with this type of key: RSA keys have three.
bool signs_with(const std::string& signature, const std::string& key);

// The order to ask for host keys in: what the known_hosts files have an entry for, then the rest.
std::vector<std::string> preferred_key_types(const HostTrust& trust);

// Kind untrusted, with both fingerprints and what to do, unless the key is the one to expect.
Result<void> verify_host_key(const HostKey& key, const Destination& destination);

// Logs in with the first identity that the server takes. Kind denied, with what was tried.
Result<void> log_in(Transport& transport, const Destination& destination, const Wait& wait);

// "app1 (deploy@10.0.0.11:2222)"
std::string describe(const Destination& destination);

}  // namespace bgdeploy::ssh
