#include "bgdeploy/plan/state.hpp"

namespace bgdeploy::plan {

Traffic Traffic::all_to(std::size_t slot) {
  Traffic traffic;
  traffic.share.at(slot) = 1;
  return traffic;
}

std::optional<std::size_t> Traffic::live() const {
  const bool first = share[0] > 0, second = share[1] > 0;
  if (first == second) return std::nullopt;
  return first ? 0 : 1;
}

}  // namespace bgdeploy::plan
