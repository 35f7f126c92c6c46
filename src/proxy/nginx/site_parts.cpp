#include "bgdeploy/proxy/site_parts.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/proxy/nginx.hpp"
#include "bgdeploy/spec/address.hpp"
#include "config.hpp"

namespace bgdeploy::proxy {
namespace {

using core::ErrorKind;
using core::Result;

constexpr std::string_view k_mark = "# Made by `bgdeploy site` for ";

// FNV-1a: it only tells whether somebody changed the text.
std::string sum_of(std::string_view text) {
  std::uint64_t sum = 14695981039346656037U;
  for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return fmt::format("{:016x}", sum);
}

std::string marked(const std::string& service, const std::string& body) {
  return fmt::format("{}{}, which replaces it as long as nobody changes it ({})\n{}", k_mark, service,
                     sum_of(body), body);
}

bool is_name(const std::string& address) {
  std::array<unsigned char, 16> bytes{};
  return address.find(':') == std::string::npos && inet_pton(AF_INET, address.c_str(), bytes.data()) != 1;
}

bool any_name(const Routing& routing) {
  return std::ranges::any_of(routing, [](const Backend& backend) { return is_name(backend.address); });
}

// How a site uses what the include says.
struct Use {
  enum class Level { http, server, location };
  Level level = Level::server;
  std::string pass;       // of proxy_pass; empty: the include has that line itself
  std::string wrap{};     // the include has the servers alone: the upstream's name around them
  bool variable = false;  // nginx then resolves names while it serves
};

std::string as_url(const std::string& variable, const std::string& value) {
  return value.find("://") == std::string::npos ? "http://" + variable : variable;
}

std::string word_of(const spec::Spec& spec) {
  std::string word = spec.service;
  for (char& c : word)
    if (c == '-' || c == '.') c = '_';
  return word;
}

// Found in what the template makes.
Result<Use> use_of(const spec::Spec& spec, const std::string& rendered) {
  const auto directives = parse_directives(rendered);
  const auto first = [&](auto... names) -> const Directive* {
    for (const Directive& directive : directives)
      if (((directive.name == names) || ...) && !directive.args.empty()) return &directive;
    return nullptr;
  };
  if (const auto* upstream = first("upstream"))
    return Use{Use::Level::http, "http://" + upstream->args.front()};
  if (const auto* map = first("map", "split_clients")) {
    const auto value = map->block.empty() || map->block.back().args.empty() ? "" : map->block.back().args[0];
    return Use{Use::Level::http, as_url(map->args.back(), value), {}, true};
  }
  const auto is_set = [](const Directive& directive) {
    return directive.name == "set" && directive.args.size() == 2;
  };
  if (const auto count = std::ranges::count_if(directives, is_set); count > 0) {
    const auto url = std::ranges::find_if(directives, [&](const Directive& directive) {
      return is_set(directive) && directive.args[1].find("://") != std::string::npos;
    });
    const auto& found = url != directives.end() ? *url : *std::ranges::find_if(directives, is_set);
    if (url != directives.end() || count == 1)
      return Use{Use::Level::server, as_url(found.args[0], found.args[1]), {}, true};
  }
  if (first("proxy_pass") != nullptr) return Use{Use::Level::location, ""};
  if (first("server") != nullptr) {
    const auto name = word_of(spec) + "_backends";
    return Use{Use::Level::http, "http://" + name, name};
  }
  return core::fail(
      ErrorKind::usage,
      "proxy.nginx.template has no `set`, `upstream`, `map`, `server` or `proxy_pass` that says which "
      "line of a site uses it",
      {}, "write the site by hand: docs/nginx.md");
}

// Whether nginx reads that file as one of the site's folder.
bool read_beside(const std::string& include, const std::string& site) {
  const auto folder = [](const std::string& path) { return path.substr(0, path.rfind('/') + 1); };
  return folder(include) == folder(site) && include.ends_with(".conf");
}

struct Block {
  std::string name, before, in_server, pass, in_location;
};

std::string server_block(const spec::Spec& spec, const SiteWish& wish, const Block& block) {
  const std::string name = server_name_of(spec, wish);
  const std::string connection = "$connection_to_" + word_of(spec);
  std::string text = block.before;
  text += fmt::format(
      "# \"upgrade\" for WebSockets; otherwise nothing, so that connections to the service may be kept.\n"
      "map $http_upgrade {} {{\n  default upgrade;\n  '' '';\n}}\n\n",
      connection);
  text += "server {\n  listen 80;\n  # listen [::]:80;    # where the host has IPv6\n";
  if (name == "_")
    text +=
        "  # The names that lead here. \"_\" is none: then it gets only what no other site takes on this "
        "port.\n";
  text += fmt::format("  server_name {};\n", name);
  text += "  # For TLS: `listen 443 ssl;`, ssl_certificate and ssl_certificate_key, or `certbot --nginx`.\n";
  text += block.in_server;
  text += "\n  location / {\n";
  text += block.in_location;
  if (!block.pass.empty()) text += fmt::format("    proxy_pass {};\n", block.pass);
  text += fmt::format(
      "    proxy_http_version 1.1;\n"
      "    proxy_set_header Host $host;\n"
      "    proxy_set_header X-Real-IP $remote_addr;\n"
      "    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
      "    proxy_set_header X-Forwarded-Proto $scheme;\n"
      "    proxy_set_header Upgrade $http_upgrade;\n"
      "    proxy_set_header Connection {};\n"
      "    # proxy_read_timeout 1h;    # for WebSockets that are silent for more than a minute\n"
      "  }}\n}}\n",
      connection);
  return text;
}

// A name in a variable is resolved while nginx serves, and not by the hosts file.
std::string resolver_for(const spec::Spec& spec) {
  if (plan::named_by_container(spec) || spec.nginx.container)
    return "\n  # nginx resolves a name in a variable itself: by docker's resolver. Without ipv6=off it also "
           "asks for\n"
           "  # an IPv6 address, which may take long.\n"
           "  resolver 127.0.0.11 ipv6=off;\n";
  return "\n  # nginx resolves a name in a variable itself, and needs a resolver for it: this is systemd's. "
         "Without that\n"
         "  # put the nameserver of the host's /etc/resolv.conf here.\n"
         "  resolver 127.0.0.53 ipv6=off;\n";
}

std::string host_port(const Backend& backend) {
  const bool ipv6 = backend.address.find(':') != std::string::npos && !backend.address.starts_with('[');
  return fmt::format("{}{}{}:{}", ipv6 ? "[" : "", backend.address, ipv6 ? "]" : "", backend.port);
}

Result<std::vector<SitePart>> parts_with_include(const spec::Spec& spec, const Routing& first,
                                                 const SiteWish& wish, const std::string& path) {
  BGDEPLOY_ASSIGN(std::string rendered, render(spec.nginx, first));
  BGDEPLOY_ASSIGN(const Use use, use_of(spec, rendered));
  const std::string& include = spec.nginx.include;
  Block block{.name = {}, .before = {}, .in_server = {}, .pass = use.pass, .in_location = {}};
  const std::string line = fmt::format("include {};", word(include));
  const std::string why = "which bgdeploy writes: it says which slot serves.\n";
  if (!use.wrap.empty())
    block.before = fmt::format("# Reads {},\n# {}upstream {} {{\n  {}\n  keepalive 32;\n}}\n\n", include, why,
                               use.wrap, line);
  else if (use.level == Use::Level::http && read_beside(include, path))
    block.before = fmt::format("# nginx reads {} as it reads this file,\n# {}\n", include, why);
  else if (use.level == Use::Level::http)
    block.before = fmt::format("# Reads {},\n# {}{}\n\n", include, why, line);
  else if (use.level == Use::Level::server)
    block.in_server = fmt::format("\n  # Reads {},\n  # {}  {}\n", include, why, line);
  else
    block.in_location = fmt::format("    # Reads {},\n    # {}    {}\n", include, why, line);
  if (use.variable && any_name(first)) block.in_server += resolver_for(spec);
  return std::vector<SitePart>{
      {include, std::move(rendered), SitePart::Kind::include},
      {path, marked(spec.service, server_block(spec, wish, block)), SitePart::Kind::site}};
}

// One whole file a slot.
std::vector<SitePart> whole_sites(const spec::Spec& spec, const std::array<Routing, 2>& slots,
                                  const SiteWish& wish) {
  std::vector<SitePart> parts;
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    const auto values = plan::substitutions(spec, slot, "", "", "");
    const auto file = [&](const std::string& pattern) { return core::substitute(pattern, values); };
    Block block{
        .name = {},
        .before = fmt::format("# Slot {}. A deploy copies this file to {} when the slot is to serve.\n\n",
                              spec.slots[slot].name, file(spec.nginx.sites->to)),
        .in_server = {},
        .pass = {},
        .in_location = {}};
    const Routing& routing = slots[slot];
    if (routing.size() > 1) {
      const auto name = fmt::format("{}_{}", word_of(spec), slot);
      block.before += fmt::format("upstream {} {{\n", name);
      for (const Backend& backend : routing)
        block.before += fmt::format("  server {};\n", host_port(backend));
      block.before += "  keepalive 32;\n}\n\n";
      block.pass = "http://" + name;
    } else if (any_name(routing)) {
      block.in_server =
          resolver_for(spec) + fmt::format("  set $service_url http://{};\n", host_port(routing[0]));
      block.pass = "$service_url";
    } else {
      block.pass = "http://" + host_port(routing.at(0));
    }
    parts.push_back({file(spec.nginx.sites->from), marked(spec.service, server_block(spec, wish, block)),
                     SitePart::Kind::source});
  }
  return parts;
}

// `proxy: none`: both ports, all the time.
std::vector<SitePart> both_ports(const spec::Spec& spec, const std::array<Routing, 2>& slots,
                                 const SiteWish& wish, const std::string& path) {
  const bool loopback = spec::is_loopback(slots[0].at(0).address);
  const auto name = word_of(spec) + "_slots";
  Block block{.name = {}, .before = {}, .in_server = {}, .pass = "http://" + name, .in_location = {}};
  block.before = "# The ports of both slots: one of them answers, and during a deploy both do.\n";
  if (loopback)
    block.before +=
        "# While a release boots POST requests may be lost, since docker's own proxy accepts them at "
        "127.0.0.1. With\n"
        "# `docker: {host_ip: 172.17.0.1}` (the address of docker0) in the spec this site has what prevents "
        "it.\n";
  else
    block.before +=
        "# With max_fails=0 nginx never avoids a port for the time that the other one needs to start.\n";
  block.before += fmt::format("upstream {} {{\n", name);
  for (const Routing& routing : slots)
    for (const Backend& backend : routing)
      block.before += fmt::format("  server {}{};\n", host_port(backend), loopback ? "" : " max_fails=0");
  block.before += "  keepalive 32;\n}\n\n";
  return {{path, marked(spec.service, server_block(spec, wish, block)), SitePart::Kind::site}};
}

}  // namespace

std::string server_name_of(const spec::Spec& spec, const SiteWish& wish) {
  if (!wish.server_names.empty()) return fmt::format("{}", fmt::join(wish.server_names, " "));
  if (spec.verify && spec.verify->host) return *spec.verify->host;
  if (const auto* http = std::get_if<spec::HealthHttp>(&spec.health.probe))
    for (const auto& [name, value] : http->headers)
      if (name == "Host" || name == "host") return value;
  return "_";
}

std::vector<std::string> server_names_in(std::string_view text) {
  std::vector<std::string> names;
  for (const Directive& server : parse_directives(text)) {
    if (server.name != "server") continue;
    for (const Directive& directive : server.block)
      for (const std::string& name : directive.args)
        if (directive.name == "server_name" && name != "_" && std::ranges::find(names, name) == names.end())
          names.push_back(name);
  }
  return names;
}

bool is_unchanged_part(std::string_view text, const std::string& service) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return false;
  return text == marked(service, std::string(text.substr(end + 1)));
}

Result<std::vector<SitePart>> site_parts(const spec::Spec& spec, const std::array<Routing, 2>& slots,
                                         const SiteWish& wish) {
  const std::string names = server_name_of(spec, wish);
  const auto ends_word = [](char c) {
    return c <= ' ' || c == ';' || c == '{' || c == '}' || c == '#' || c == '"' || c == '\'';
  };
  const bool blanks_alone = names.find_first_not_of(' ') == std::string::npos;
  const auto ends_names = [&](char c) { return c != ' ' && ends_word(c); };
  if (blanks_alone || std::ranges::any_of(names, ends_names) || std::ranges::any_of(wish.path, ends_word))
    return core::fail(ErrorKind::usage,
                      fmt::format("the site's name or path has characters that end a word of "
                                  "nginx's configuration: {} {}",
                                  names, wish.path));
  if (!wish.path.empty() && !wish.path.starts_with('/') && !wish.path.starts_with("~/"))
    return core::fail(ErrorKind::usage,
                      fmt::format("the site's path is absolute, as nginx sees it: {}", wish.path));
  const auto path =
      wish.path.empty() ? fmt::format("/etc/nginx/conf.d/{}-site.conf", spec.service) : wish.path;
  if (!plan::proxy_kind(spec).can.be_switched) return both_ports(spec, slots, wish, path);
  if (spec.nginx.sites) return whole_sites(spec, slots, wish);
  return parts_with_include(spec, slots[0], wish, path);
}

}  // namespace bgdeploy::proxy
