#include "kind.hpp"

#include <fmt/format.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::proxy {

core::Result<std::string> include_for(const spec::Spec& spec, const Routing& routing) {
  if (spec.nginx.sites) return std::string();
  return render(spec.nginx, routing);
}

core::Result<void> check_includes(const spec::Spec& spec, const std::array<Routing, 2>& slots) {
  if (spec.nginx.sites) return {};
  BGDEPLOY_ASSIGN(const std::string first, render(spec.nginx, slots[0]));
  BGDEPLOY_ASSIGN(const std::string second, render(spec.nginx, slots[1]));
  if (first != second) return {};
  return core::fail(core::ErrorKind::usage,
                    fmt::format("proxy.nginx.template says the same for {} and {}: {}", spec.slots[0].name,
                                spec.slots[1].name, core::printable(core::trim(first))),
                    {"it has to use {{port}}, {{address}}, {{container}} or {{slot}}"});
}

}  // namespace bgdeploy::proxy
