// Which images of a host may go: pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "bgdeploy/engine/types.hpp"
#include "bgdeploy/runtime/storage.hpp"

namespace bgdeploy::runtime {

struct Superfluous {
  Removed shown;
  std::vector<std::string> references;  // all names it has; without them it is gone
};

// `used`: ids of the images of all containers.
std::vector<Superfluous> superfluous_images(const std::vector<engine::ImageSummary>& images,
                                            const std::set<std::string>& used,
                                            const plan::Leftovers& leftovers);

}  // namespace bgdeploy::runtime
