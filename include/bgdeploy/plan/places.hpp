// Where the slots are, as far as the hosts tell: what the spec leaves open. Found while connecting and
// observing; nobody writes it into the spec.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace bgdeploy::plan {

struct Places {
  struct Host {
    // The address that SSH reached, where proxies on other machines need one and the spec names none.
    std::optional<std::string> address{};
    // By slot: the address of the host that its port is published on, "" for all of them.
    std::array<std::optional<std::string>, 2> published{};
    bool operator==(const Host&) const = default;
  };
  std::vector<Host> hosts;  // app hosts, in the spec's order; those that are missing are not known
  // By slot, where docker.container_port says nothing: what listens in it. 0: that is not known.
  std::array<int, 2> container_ports{};

  Host& at(std::size_t host) {
    if (host >= hosts.size()) hosts.resize(host + 1);
    return hosts[host];
  }
  Host of(std::size_t host) const { return host < hosts.size() ? hosts[host] : Host{}; }
  bool operator==(const Places&) const = default;
};

}  // namespace bgdeploy::plan
