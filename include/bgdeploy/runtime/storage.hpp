// What takes room on an app host: images, and the layers that a pull would bring.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/plan/launch.hpp"

namespace bgdeploy::runtime {

struct Removed {
  std::string what;  // "image shop:1.0 (sha256:0123456789ab)"
  std::int64_t bytes = 0;
};

struct Room {
  std::string folder;
  std::int64_t free = 0;  // bytes
};

struct InRegistry {
  std::string digest;
  std::int64_t bytes = 0;  // compressed, of all layers for the host's platform
};

class Storage {
public:
  virtual ~Storage() = default;
  // Removes the images of old releases, and of builds of this service, that no container uses, that are none
  // to be kept, and that nobody else gave a name to. `removed` is told of each; with `only_look` nothing is
  // removed. Goes on with the others where one cannot be removed, and then fails. Kind refused.
  virtual core::Result<void> prune(const plan::Leftovers& leftovers, bool only_look,
                                   const std::function<void(const Removed&)>& removed,
                                   const core::Wait& wait) = 0;
  // What the registry itself has under a tag or a digest. Docker may be let in where we are not.
  virtual core::Result<InRegistry> find(const std::string& repository, const std::string& tag_or_digest,
                                        const core::Wait& wait) = 0;
  // Compressed bytes of the layers that the host lacks: takes a request to docker for each image there.
  virtual core::Result<std::int64_t> lacking(const plan::Release& release, const core::Wait& wait) = 0;
  // The engine's root folder, and the file system of that.
  virtual core::Result<std::string> root(const core::Wait& wait) = 0;
  virtual core::Result<Room> room(const core::Wait& wait) = 0;
  // What another command saw there: that folder is not asked for again.
  virtual void know(Room room) = 0;
};

}  // namespace bgdeploy::runtime
