// What is told of a way that cannot be gone: who named what. Nothing of it changes the way.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/ssh/config.hpp"

namespace bgdeploy::host {

// The `Host` names of OpenSSH's configuration in `folder` ("~/.ssh"), and of what it includes.
std::vector<std::string> config_aliases(const std::string& folder);

// Without the program ssh: that OpenSSH's configuration, in `folder` or of the machine, sets nothing for
// `host` that bgdeploy would follow. Kind unsupported.
core::Result<void> check_nothing_unread(const std::string& host, const std::string& folder);

// There is no host `config` leads to. `name`: as the user wrote it.
core::Error unknown_name(const std::string& name, const ssh::ClientConfig& config, const std::string& folder);

// Whether the user chose the key files, and not OpenSSH: it names all the usual ones where nobody did.
bool names_key_files(const ssh::ClientConfig& config);

// What to do where the host's key is not in `files`. A CI job may have been given the key in a file that the
// spec does not name.
std::string unknown_key_advice(const std::vector<std::string>& files);

// How to use the key that a CI job was given, likewise, where `used` does not have it. Empty: there is none.
std::string unused_key_advice(const std::vector<std::string>& used);

}  // namespace bgdeploy::host
