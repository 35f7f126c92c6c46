#include "bgdeploy/health/silence.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/spec/address.hpp"

namespace bgdeploy::health {
namespace {

using Sockets = std::vector<host::TcpEndpoint>;

std::string written(const host::TcpEndpoint& socket) {
  return socket.address.find(':') == std::string::npos ? fmt::format("{}:{}", socket.address, socket.port)
                                                       : fmt::format("[{}]:{}", socket.address, socket.port);
}

bool is_inside_only(const host::TcpEndpoint& socket) {
  return spec::is_loopback(socket.address);
}

core::Duration whole(core::Duration up) {
  return up < std::chrono::seconds(1) ? up : core::Duration(std::chrono::floor<std::chrono::seconds>(up));
}

// Where the port that is asked comes from, and how to name another one.
std::string set_port(const Silence& silence, const std::string& port) {
  const spec::Spec& spec = silence.spec;
  const auto* http = std::get_if<spec::HealthHttp>(&spec.health.probe);
  if (http != nullptr && http->port) return fmt::format("set health.http.port: {}", port);
  if (!spec.compose) return fmt::format("set docker.container_port: {}", port);
  const std::string& pattern = spec.compose->file.empty() ? spec.compose->remote_file : spec.compose->file;
  const auto file = core::substitute(pattern, plan::substitutions(spec, silence.slot, "", "", ""));
  return fmt::format("publish it in {}: \"{}:{}\"", std::filesystem::path(file).filename().string(),
                     spec.slots[silence.slot].port, port);
}

Reason other_port(const Silence& silence, const Sockets& sockets) {
  std::set<int> open, inside;
  for (const host::TcpEndpoint& socket : sockets)
    (is_inside_only(socket) ? inside : open).insert(socket.port);
  const std::string nothing = fmt::format("nothing listens on {} in {}", silence.asked, silence.name);
  if (open.empty()) {
    const host::TcpEndpoint& first = sockets.front();
    return {fmt::format("{}; it listens on {}, inside the container only", nothing, written(first)),
            fmt::format("let it listen on 0.0.0.0, and {}", set_port(silence, std::to_string(first.port)))};
  }
  const bool one = open.size() == 1;
  return {fmt::format("{}; it listens on {}", nothing, fmt::join(open, ", ")),
          one ? set_port(silence, std::to_string(*open.begin()))
              : fmt::format("{} (whichever of {} serves requests)", set_port(silence, "PORT"),
                            fmt::join(open, ", "))};
}

}  // namespace

std::optional<Reason> explain(const Silence& silence, const runtime::Clues& clues) {
  if (!clues.listening || silence.asked == 0) return std::nullopt;
  Sockets there;
  std::ranges::copy_if(*clues.listening, std::back_inserter(there),
                       [&](const auto& socket) { return socket.port == silence.asked; });
  const auto open = std::ranges::find_if_not(there, is_inside_only);
  if (open != there.end() || (clues.on_host_network && !there.empty())) {
    if (!silence.tls) return std::nullopt;
    return Reason{fmt::format("{} speaks TLS on {}, and is asked in plain HTTP", silence.name, silence.asked),
                  fmt::format("let it serve plain HTTP on {}, or set health: {{tcp: true}}", silence.asked)};
  }
  if (clues.on_host_network)
    return Reason{fmt::format("nothing listens on {} on {}, whose network {} uses", silence.asked,
                              silence.host, silence.name),
                  fmt::format("let the app listen on {}", silence.asked)};
  if (!there.empty())
    return Reason{
        fmt::format("{} listens on {} inside the container only", silence.name, written(there.front())),
        "let it listen on 0.0.0.0"};
  if (clues.listening->empty())
    return Reason{
        fmt::format("nothing listens in {} yet, {} after its start", silence.name,
                    core::format_duration(whole(silence.up))),
        fmt::format("raise health.deadline ({}), where it needs longer to boot; its log says what it does: "
                    "bgdeploy logs --failed",
                    core::format_duration(silence.spec.health.deadline))};
  return other_port(silence, *clues.listening);
}

}  // namespace bgdeploy::health
