#include "bgdeploy/deploy/lock/freeze.hpp"

#include <algorithm>

#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/deadlines.hpp"

namespace bgdeploy::deploy {

using core::Result;
using core::Wait;

Result<Frozen> freeze_service(const Context& context, const std::string& text, const FreezeEnd& end) {
  const Wait wait = deadlines::within(context.clock, deadlines::k_command, context.stop);
  BGDEPLOY_ASSIGN(const Fleet fleet, Fleet::connect(context.spec, wait));
  BGDEPLOY_ASSIGN(const LockStatus before, fleet.lock_status(wait));
  const LockOwner owner{context.who, text, context.clock.wall()};
  Frozen done{.replaced = before.freeze};
  const auto places = fleet.locks();
  for (auto place = places.begin(); place != places.end(); ++place) {
    auto frozen = freeze(*place->host, place->path, owner, wait, end);
    if (frozen) {
      done.until = std::max(done.until, *frozen);
      continue;
    }
    // All or none.
    while (place != places.begin()) {
      --place;
      if (auto thawed = unfreeze(*place->host, place->path, wait); !thawed)
        frozen.error().details.push_back(place->host->name() + " stays frozen: " + thawed.error().message);
    }
    return std::unexpected(frozen.error());
  }
  return done;
}

Result<bool> unfreeze_service(const Context& context) {
  const Wait wait = deadlines::within(context.clock, deadlines::k_command, context.stop);
  BGDEPLOY_ASSIGN(const Fleet fleet, Fleet::connect(context.spec, wait));
  bool any = false;
  for (const auto& place : fleet.locks()) {
    BGDEPLOY_ASSIGN(const bool thawed, unfreeze(*place.host, place.path, wait));
    any = any || thawed;
  }
  return any;
}

}  // namespace bgdeploy::deploy
