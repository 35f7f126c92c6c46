#include "bgdeploy/proxy/kinds.hpp"

#include <algorithm>
#include <array>

#include "bgdeploy/plan/proxy_kind.hpp"
#include "nginx/kind.hpp"

namespace bgdeploy::proxy {
namespace {

// One line a kind that can be switched, by the name that plan/proxy_kind has for it.
constexpr std::array k_kinds = {k_nginx};

const Kind& kind_of(const spec::Spec& spec) {
  return *std::ranges::find(k_kinds, plan::proxy_kind(spec).name, &Kind::name);
}

}  // namespace

std::unique_ptr<Proxy> proxy_on(host::Host& host, const spec::Spec& spec) {
  return kind_of(spec).on(host, spec);
}

core::Result<std::string> content_for(const spec::Spec& spec, const Routing& routing) {
  return kind_of(spec).content_for(spec, routing);
}

core::Result<void> check_contents(const spec::Spec& spec, const std::array<Routing, 2>& slots) {
  return kind_of(spec).check_contents(spec, slots);
}

}  // namespace bgdeploy::proxy
