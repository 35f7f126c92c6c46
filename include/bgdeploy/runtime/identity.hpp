// Whose a container is. Its labels and its published port tell, together; a name alone is a coincidence,
// since two environments of one service, or two teams, may share a host. Pure.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "bgdeploy/engine/types.hpp"
#include "bgdeploy/plan/state.hpp"

namespace bgdeploy::runtime {

struct SlotIdentity {
  // What the slot's containers publish.
  enum class Port {
    required,  // the slot's port
    optional,  // nothing, or the slot's port: the proxy finds them by their name
    unknown,   // whatever a compose file says, as long as they bear the slot's labels
  };

  std::string service, slot, other_slot;
  int port = 0;
  Port publishes = Port::required;
  std::vector<std::string>
      networks{};  // of the spec: where nothing is published, one of them has to be shared
};

enum class Role {
  own,     // what runs, or ran, in the slot
  other,   // the slot's, or in its place, but not under its name
  nobody,  // it has nothing to do with the slot
};

// `bears_name`: it has the slot's container name, or is the service of the slot's compose project.
std::variant<Role, plan::Stranger> role_of(const engine::Container& container, const SlotIdentity& slot,
                                           bool bears_name);

// The TCP ports of the host that it has now while it runs, as it was made while it does not.
std::vector<plan::Published> published_by(const engine::Container& container);

}  // namespace bgdeploy::runtime
