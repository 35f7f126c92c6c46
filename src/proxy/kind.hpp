// A line of the table of kinds.
#pragma once

#include <string_view>

#include "bgdeploy/proxy/kinds.hpp"

namespace bgdeploy::proxy {

struct Kind {
  std::string_view name;
  std::unique_ptr<Proxy> (*on)(host::Host&, const spec::Spec&);
  core::Result<std::string> (*content_for)(const spec::Spec&, const Routing&);
  core::Result<void> (*check_contents)(const spec::Spec&, const std::array<Routing, 2>&);
};

}  // namespace bgdeploy::proxy
