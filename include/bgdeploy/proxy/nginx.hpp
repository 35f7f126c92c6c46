// nginx on a host, and the text of its include: rendering that and reading it back are pure.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/proxy/proxy.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::proxy {

std::unique_ptr<Proxy> nginx_on(host::Host& host, const spec::Spec& spec);

// The include's content. Kind usage: the template is no valid mustache, or does not use all of several
// backends.
core::Result<std::string> render(const spec::Nginx& nginx, const Routing& routing);

// Where `text` sends requests. All go to one slot if it equals what is rendered for that one, or has the
// address:port (or else the port) of that one's backends alone, as older scripts wrote it. With the servers
// of both in one upstream, shares follow from their weights. Nothing where none of that tells. Comments do
// not matter.
std::optional<plan::Traffic> read_back(const spec::Nginx& nginx, std::string_view text,
                                       const std::array<Routing, 2>& slots);

// Whether nginx reads `text` as what render() would write, under any tag.
bool is_rendered(const spec::Nginx& nginx, std::string_view text, const Routing& routing);

// Whether nginx reads both alike: comments and blanks do not matter.
bool same_directives(std::string_view one, std::string_view other);

// The slot that a text names to which nothing was rendered: by addresses and ports alone.
std::optional<std::size_t> read_back_addresses(std::string_view text, const std::array<Routing, 2>& slots);

// Whether `text` has the port as a word of its own, outside of comments.
bool names_port(std::string_view text, std::string_view port);

}  // namespace bgdeploy::proxy
