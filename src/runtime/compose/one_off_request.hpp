// A one-off container of a compose service. Only compose knows what its file means, and only docker's API
// starts a container with streams of ours. So compose creates one and docker does not start it: a mount of it
// cannot be made. Another one is then made like it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/engine/console.hpp"
#include "bgdeploy/plan/launch.hpp"
#include "bgdeploy/runtime/docker_container.hpp"

namespace bgdeploy::runtime {

// Where the paths of a compose file lead: what is not in `uploaded` is in the slot's own folder beside
// `folder`.
struct OneOffFiles {
  std::string folder;  // empty: the paths lead where they should
  std::string slot;    // its folder's name
  std::vector<plan::ComposeFile> uploaded{};
};

// `made`: docker's answer to the inspection of what compose created. Of its labels compose's own stay, and of
// what others find it by, nothing.
core::Result<ContainerRequest> request_like(std::string_view made, const std::string& name,
                                            const std::map<std::string, std::string>& labels,
                                            const OneOffFiles& files, engine::Console* console);

}  // namespace bgdeploy::runtime
