#include "fronts.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::proxy {
namespace {

struct Listen {
  std::string address;  // as Front has it
  int port = 80;
  bool tls = false, proxy_protocol = false, is_default = false;
  std::string bound = "*";  // the address as nginx compares it with others
  bool same_place(const Listen& other) const { return bound == other.bound && port == other.port; }
};

// Nothing if it accepts no TCP connection, or if its port is unknown.
std::optional<Listen> read_listen(const std::vector<std::string>& args, bool ssl) {
  if (args.empty()) return std::nullopt;
  const auto has = [&](std::string_view word) {
    return std::find(args.begin() + 1, args.end(), word) != args.end();
  };
  if (has("udp") || has("quic") || has("http3")) return std::nullopt;
  Listen listen{.tls = ssl || has("ssl"),
                .proxy_protocol = has("proxy_protocol"),
                .is_default = has("default_server") || has("default")};
  std::string text = args[0];
  if (text.starts_with("unix:")) {
    listen.address = listen.bound = text;
    return listen;
  }
  const auto bracket = text.rfind(']');
  const auto colon = text.rfind(':');
  std::string port;
  if (colon != std::string::npos && (bracket == std::string::npos || colon > bracket)) {
    port = text.substr(colon + 1);
    text.resize(colon);
  } else if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos) {
    port = std::exchange(text, "*");
  }
  if (!port.empty()) {
    const auto number = core::parse_port(port);
    if (!number) return std::nullopt;
    listen.port = *number;
  }
  if (text != "0.0.0.0") listen.bound = text;
  listen.address = text == "*" || text == "0.0.0.0" ? "127.0.0.1" : text == "[::]" ? "[::1]" : text;
  return listen;
}

std::vector<Listen> listens_of(const Server& server) {
  std::vector<Listen> found;
  for (const Directive* directive : server.listens)
    if (auto listen = read_listen(directive->args, server.ssl)) found.push_back(std::move(*listen));
  if (server.listens.empty()) found.push_back({.address = "127.0.0.1", .tls = server.ssl});
  return found;
}

std::vector<std::string> names_of(const Server& server) {
  std::vector<std::string> names;
  for (const Directive* directive : server.names)
    names.insert(names.end(), directive->args.begin(), directive->args.end());
  return names;
}

bool is_regex(const std::string& name) {
  return name.starts_with('~');
}
bool is_wildcard(const std::string& name) {
  return name.find('*') != std::string::npos || name.starts_with('.');
}

// The names of all servers at one address that nginx listens on, in file order: the first server wins a name.
class Neighbours {
public:
  Neighbours(const SiteMap& map, const Listen& at) {
    for (const Server& server : map.servers) {
      if (server.stream) continue;
      for (const Listen& listen : listens_of(server)) {
        if (!listen.same_place(at)) continue;
        m_servers.push_back(&server);
        if (!m_default || (listen.is_default && !m_marked)) m_default = &server;
        m_marked = m_marked || listen.is_default;
        break;
      }
    }
  }

  const Server* default_server() const { return m_default; }

  // Those of them that have the name, in file order. nginx ignores case, and takes ".name" for "name" too.
  std::vector<const Server*> named(const std::string& name) const {
    const auto bare = [](std::string_view text) {
      return core::to_lower(std::string(text.starts_with('.') ? text.substr(1) : text));
    };
    std::vector<const Server*> found;
    for (const Server* one : m_servers)
      if (std::ranges::any_of(names_of(*one),
                              [&](const std::string& other) { return bare(other) == bare(name); }))
        found.push_back(one);
    return found;
  }

  // Whether the name, without wildcards, leads to `server` and to no other.
  bool leads_to(const std::string& name, const Server& server) const {
    for (const Server* one : m_servers) {
      const auto names = names_of(*one);
      if (std::ranges::find(names, name) != names.end()) return one == &server;
    }
    return true;
  }

private:
  std::vector<const Server*> m_servers;
  const Server* m_default = nullptr;
  bool m_marked = false;
};

// A name that matches the pattern and leads there.
std::optional<std::string> concrete(const std::string& pattern, const Neighbours& neighbours,
                                    const Server& server) {
  if (pattern.empty() || is_regex(pattern)) return std::nullopt;
  if (!is_wildcard(pattern))
    return neighbours.leads_to(pattern, server) ? std::optional(pattern) : std::nullopt;
  if (pattern.starts_with('.')) {
    const std::string bare = pattern.substr(1);
    if (neighbours.leads_to(bare, server)) return bare;
  }
  constexpr std::array<std::string_view, 4> k_words = {"www", "app", "site", "any"};
  const auto star = pattern.find('*');
  for (const std::string_view word : k_words) {
    std::string name = pattern;
    if (star == std::string::npos)
      name = std::string(word) + pattern;
    else
      name.replace(star, 1, star == 0 ? word : std::string_view("com"));
    if (neighbours.leads_to(name, server)) return name;
  }
  return std::nullopt;
}

// The name to ask for; empty if none is needed. Nothing if no request is known to lead there.
std::optional<std::string> host_of(const Server& server, const Neighbours& neighbours) {
  std::optional<std::string> odd;
  for (const bool wildcards : {false, true})
    for (const std::string& name : names_of(server)) {
      if (is_wildcard(name) != wildcards) continue;
      auto host = concrete(name, neighbours, server);
      // "_" conventionally means any name, so it is asked for only if nothing else leads there.
      if (host && *host == "_")
        odd = std::move(host);
      else if (host)
        return host;
    }
  if (neighbours.default_server() == &server) return "";
  return odd;
}

}  // namespace

std::vector<plan::Front> fronts_of(const SiteMap& map, const std::vector<std::size_t>& users) {
  std::vector<plan::Front> fronts, unsure;
  for (const std::size_t index : users) {
    const Server& server = map.servers.at(index);
    if (server.stream) continue;
    std::vector<plan::Front> own;
    for (const Listen& listen : listens_of(server)) {
      const auto host = host_of(server, Neighbours(map, listen));
      plan::Front front{listen.address, listen.port, listen.tls, listen.proxy_protocol, host.value_or("")};
      (host ? own : unsure).push_back(std::move(front));
    }
    // Plain HTTP first, and the loopback before [::1] and sockets; otherwise in file order.
    std::ranges::stable_sort(own, {}, [](const plan::Front& front) {
      return std::pair(front.tls, front.address.starts_with('[') || front.address.starts_with("unix:"));
    });
    for (plan::Front& front : own)
      if (std::ranges::find(fronts, front) == fronts.end()) fronts.push_back(std::move(front));
  }
  if (fronts.empty()) return unsure;
  return fronts;
}

std::vector<std::string> ignored_names(const SiteMap& map, const std::vector<std::size_t>& users) {
  std::vector<std::string> words;
  for (const std::size_t index : users) {
    const Server& server = map.servers.at(index);
    if (server.stream) continue;
    for (const Listen& listen : listens_of(server)) {
      const Neighbours neighbours(map, listen);
      for (const std::string& name : names_of(server)) {
        const Server* first = neighbours.named(name).front();
        const auto uses = [&](std::size_t user) { return &map.servers.at(user) == first; };
        // By convention "_" is nobody's name.
        if (name.empty() || name == "_" || std::ranges::any_of(users, uses)) continue;
        auto word = fmt::format("nginx ignores {} in {}: on port {} it leads to {} already",
                                core::printable(name), core::printable(to_string(server.place)), listen.port,
                                core::printable(to_string(first->place)));
        if (std::ranges::find(words, word) == words.end()) words.push_back(std::move(word));
      }
    }
  }
  return words;
}

std::optional<core::Error> taken_from_others(const SiteMap& before, const SiteMap& after,
                                             const std::vector<std::string>& files) {
  const auto is_ours = [&](const Server* server) {
    return std::ranges::find(files, server->place.file) != files.end();
  };
  const auto refused = [](std::string message, std::string next) {
    return core::Error{core::ErrorKind::refused, std::move(message), {}, std::move(next)};
  };
  for (const Server& server : after.servers) {
    if (server.stream || !is_ours(&server)) continue;
    for (const Listen& listen : listens_of(server)) {
      const Neighbours then(before, listen), now(after, listen);
      for (const std::string& name : names_of(server)) {
        // By convention "_" is nobody's name. What our site had already it takes from nobody.
        const auto had = then.named(name);
        if (name == "_" || std::ranges::any_of(had, is_ours) || had.empty()) continue;
        return refused(
            fmt::format("{} on port {} leads to {} already", core::printable(name), listen.port,
                        core::printable(to_string(had.front()->place))),
            "let that site use what bgdeploy writes (`bgdeploy check` says how), or: bgdeploy site "
            "--write --server-name NAME");
      }
      const Server* first = then.default_server();
      if (first == nullptr || is_ours(first) || !is_ours(now.default_server())) continue;
      return refused(
          fmt::format("requests on port {} that no name leads to go to {}, and would go to {}", listen.port,
                      core::printable(to_string(first->place)), core::printable(server.place.file)),
          fmt::format(
              "add default_server to `listen` in {}, or let nginx read the new site after it: bgdeploy "
              "site --write --to FILE",
              core::printable(to_string(first->place))));
    }
  }
  return std::nullopt;
}

}  // namespace bgdeploy::proxy
