// Rendering the include and reading back which slot it names: pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::proxy {

using plan::Backend;
using plan::Routing;

// The include's content. Kind usage: the template is no valid mustache, or does not use all of several
// backends.
core::Result<std::string> render(const spec::Nginx& nginx, const Routing& routing);

// The slot that `text` names: by equal rendering first, else by the address:port (then by the port alone) of
// exactly one slot's backends in it, so that what older scripts wrote is understood. Comments are not looked
// at. Nothing when it names neither or both.
std::optional<std::size_t> read_back(const spec::Nginx& nginx, std::string_view text,
                                     const std::array<Routing, 2>& slots);

// Whether nginx reads `text` as what render() would write, under any tag.
bool is_rendered(const spec::Nginx& nginx, std::string_view text, const Routing& routing);

// Whether nginx reads both alike: comments and blanks do not matter.
bool same_directives(std::string_view one, std::string_view other);

// The same of a text that nothing was rendered into: by addresses and ports alone.
std::optional<std::size_t> read_back_addresses(std::string_view text, const std::array<Routing, 2>& slots);

// Whether `text` has the port as a word of its own, outside of comments.
bool names_port(std::string_view text, std::string_view port);

}  // namespace bgdeploy::proxy
