// What can be told of a spec without its hosts.
#include <fmt/format.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/deploy/check.hpp"
#include "bgdeploy/runtime/launches.hpp"
#include "preconditions.hpp"

namespace bgdeploy::deploy {

using core::Result;

Result<void> check_offline(const spec::Spec& spec) {
  BGDEPLOY_TRY(runtime::check_files(spec));
  plan::Places places;
  for (std::size_t i = 0; i < spec.app_hosts.size() && !spec.proxy_hosts.empty(); ++i)
    places.at(i).address = fmt::format("192.0.2.{}", i + 1);  // RFC 5737: nobody's
  return check_rendering(spec, places, "latest");
}

}  // namespace bgdeploy::deploy
