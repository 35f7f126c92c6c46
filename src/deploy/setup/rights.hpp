// What a login has to be allowed through sudo, from one list: `setup` gives it, and `check` asks for it.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/host/sudo.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

struct Right {
  std::vector<std::string> command;  // a last word "*" stands for any arguments, as in sudoers
  // Running it changes nothing, so it is tried: sudo may list what it wants a password for.
  bool harmless = false;

  // The command that succeeds where the right is there.
  std::vector<std::string> question() const;
};

// Those of a host that runs slots (`app`), nginx (`front`), or both. With sudo for everything: that a shell
// runs, and another program, for which a rule for a shell alone is not enough.
std::vector<Right> rights_to_everything();
std::vector<Right> rights_to_docker(const spec::Spec& spec, bool app, bool front);
std::vector<Right> rights_to_nginx(const spec::Spec& spec, bool front);

// That `missing` is not there. The line of sudoers to add gives all of `rights`.
core::Error refusal(const host::Login& at, const std::vector<Right>& rights, const Right& missing,
                    std::string_view words);

}  // namespace bgdeploy::deploy
