#include "site_map.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <optional>

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::proxy {
namespace {

constexpr int k_deepest_include = 32;
constexpr int k_most_includes = 20'000;     // files that include each other would never end
constexpr std::size_t k_most_values = 256;  // of one text, however its variables combine
constexpr int k_longest_chain = 8;          // variables in variables
constexpr int k_most_steps = 2'000;         // for one pass
constexpr std::array<std::string_view, 6> k_passes = {"proxy_pass", "grpc_pass", "fastcgi_pass",
                                                      "uwsgi_pass", "scgi_pass", "memcached_pass"};

// Begins with a slash, whatever the request is.
constexpr std::array<std::string_view, 3> k_paths = {"request_uri", "uri", "document_uri"};

bool is_script(const Directive& directive) {
  const std::string& name = directive.name;
  return name.find("_by_lua") != std::string::npos || name.starts_with("js_") || name.starts_with("perl");
}

// nginx ignores case in the names of variables and upstreams (ngx_strlow, ngx_strncasecmp).
using core::to_lower;

std::string without_dollar(const std::string& name) {
  return to_lower(name.starts_with('$') ? name.substr(1) : name);
}

struct Context {
  std::string file;
  int server = -1;
  int scope = -1;
  bool ours = false, conditional = false, stream = false;
  std::string upstream, variable;    // the block that we are in, of a map its variable
  std::optional<Place> included_at;  // where what is ours was included
  int includes = 0;
};

class Walker {
public:
  Walker(const NginxConfig& config, const std::vector<std::string>& ours) : m_config(config), m_ours(ours) {}

  SiteMap walk() {
    Context context;
    context.file = m_config.main();
    visit(m_config.file(m_config.main()), context);
    return std::move(m_map);
  }

private:
  void visit(const std::vector<Directive>& directives, const Context& context) {
    for (const Directive& directive : directives) visit(directive, context);
  }

  void visit(const Directive& directive, const Context& context) {
    const std::string& name = directive.name;
    if (name == "include" && directive.args.size() == 1) return include(directive, context);
    if (name == "js_set" || name.starts_with("balancer_by_lua")) m_map.scripted = true;
    if (!context.variable.empty()) return entry(directive, context);
    if (!context.upstream.empty()) {
      if (name == "server" && !directive.args.empty())
        m_map.upstreams[context.upstream].push_back(definition(directive, directive.args[0], context));
      return;
    }
    if (context.server >= 0) return in_server(directive, context);
    Context inner = context;
    if (name == "stream") inner.stream = true;
    if (name == "upstream" && !directive.args.empty()) {
      m_map.upstreams[inner.upstream = to_lower(directive.args[0])];
    } else if (is_map(directive)) {
      return open_map(directive, inner);
    } else if (name == "server") {
      inner.server = static_cast<int>(m_map.servers.size());
      m_map.servers.push_back(
          {.place = at(directive, context), .stream = context.stream, .ours = context.ours});
    } else if (name == "set" && context.ours) {
      misplaced(directive, context);
    }
    visit(directive.block, inner);
  }

  void include(const Directive& directive, const Context& context) {
    if (context.includes >= k_deepest_include || ++m_seen > k_most_includes) {
      m_map.exhausted = true;
      return;
    }
    const std::string& pattern = directive.args[0];
    bool any_ours = false;
    for (const std::string& path : m_config.included(pattern)) {
      Context inner = context;
      inner.file = path;
      ++inner.includes;
      if (std::ranges::find(m_ours, path) != m_ours.end()) {
        any_ours = inner.ours = true;
        inner.included_at = at(directive, context);
        m_map.includes_ours.push_back(*inner.included_at);
        if (context.server >= 0) server(context).includes_ours.push_back(*inner.included_at);
      }
      visit(m_config.file(path), inner);
    }
    if (!any_ours) m_map.other_includes.insert(pattern);
    if (!any_ours && m_config.may_miss(pattern)) m_map.incomplete = true;
  }

  static bool is_map(const Directive& directive) {
    return (directive.name == "map" || directive.name == "split_clients" || directive.name == "geo") &&
           !directive.args.empty() && directive.args.back().starts_with('$');
  }

  void open_map(const Directive& directive, Context inner) {
    inner.variable = without_dollar(directive.args.back());
    auto& values = m_map.maps[inner.variable];
    // What it depends on influences the result.
    if (directive.args.size() > 1)
      for (const std::string& value : values_of_source(directive.args[0]))
        values.push_back(definition(directive, value, inner));
    visit(directive.block, inner);
  }
  // Only its variables matter, not its target.
  static std::vector<std::string> values_of_source(const std::string& source) {
    return source.starts_with('$') ? std::vector{source} : std::vector<std::string>{};
  }

  void entry(const Directive& directive, const Context& context) {
    if (!directive.args.empty())
      m_map.maps[context.variable].push_back(definition(directive, directive.args.back(), context));
  }

  void in_server(const Directive& directive, const Context& context) {
    const std::string& name = directive.name;
    Server& own = server(context);
    Context inner = context;
    if (name == "listen") own.listens.push_back(&directive);
    if (name == "server_name") own.names.push_back(&directive);
    if (name == "ssl" && directive.args == std::vector<std::string>{"on"}) own.ssl = true;
    if (is_script(directive)) own.scripts.push_back(directive.raw);
    if ((name == "set" || name == "auth_request_set") && directive.args.size() == 2)
      own.sets.emplace(without_dollar(directive.args[0]), definition(directive, directive.args[1], context));
    if (std::ranges::find(k_passes, name) != k_passes.end() && !directive.args.empty())
      own.passes.push_back({at(directive, context), name, directive.args[0], context.ours, context.scope});
    if (name == "upstream" && context.ours) misplaced(directive, context);
    if (name == "if") inner.conditional = true;
    if (name == "location") {
      inner.scope = static_cast<int>(own.scopes.size());
      inner.conditional = false;
      own.scopes.push_back(context.scope);
    }
    visit(directive.block, inner);
  }

  void misplaced(const Directive& directive, const Context& context) {
    if (context.included_at) m_map.misplaced.push_back({*context.included_at, directive.name});
  }

  Server& server(const Context& context) { return m_map.servers[static_cast<std::size_t>(context.server)]; }
  static Place at(const Directive& directive, const Context& context) {
    return {context.file, directive.line};
  }
  static Definition definition(const Directive& directive, const std::string& text, const Context& context) {
    const auto has = [&](std::string_view word) {
      return std::ranges::find(directive.args, word) != directive.args.end();
    };
    return {at(directive, context),      text, context.ours, context.scope, context.conditional,
            has("backup") || has("down")};
  }

  const NginxConfig& m_config;
  const std::vector<std::string>& m_ours;
  SiteMap m_map;
  int m_seen = 0;
};

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The first variable in `text`: where it begins, how long it is with its `$` and braces, and its name.
struct Variable {
  std::size_t at = std::string::npos, length = 0;
  std::string name;
};
Variable first_variable(std::string_view text) {
  for (auto at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    const bool braces = text.substr(at + 1).starts_with('{');
    const std::size_t begin = at + (braces ? 2 : 1);
    std::size_t end = begin;
    while (end < text.size() && is_name_character(text[end])) ++end;
    if (end == begin || (braces && (end == text.size() || text[end] != '}'))) continue;
    return {at, end - at + (braces ? 1 : 0), to_lower(text.substr(begin, end - begin))};
  }
  return {};
}

class Resolver {
public:
  Resolver(const SiteMap& map, const Server& server, int scope) : m_map(map), m_server(server) {
    for (int outer = scope; outer >= 0; outer = server.scopes[static_cast<std::size_t>(outer)])
      m_scopes.insert(m_scopes.begin(), outer);
    m_scopes.insert(m_scopes.begin(), -1);
  }

  // All values of `target`, with its variables filled in. Unknown parts become '*'.
  std::vector<Target> expand(const Target& target, int depth = 0) const {
    const Variable variable = first_variable(target.text);
    if (variable.length == 0 || --m_steps < 0) return {target};
    std::vector<Target> found;
    for (const Definition& definition : definitions_of(variable.name)) {
      Target value{definition.text, definition.place, definition.ours, false, definition.conditional};
      // Our own value counts as ours, wherever its own variables lead.
      if (depth >= k_longest_chain) value.text = "*";
      for (const Target& inner : depth >= k_longest_chain ? std::vector{value} : expand(value, depth + 1)) {
        Target next = inner;
        next.text = target.text;
        next.text.replace(variable.at, variable.length, inner.text);
        next.ours = next.ours || target.ours;
        next.conditional = next.conditional || target.conditional;
        for (Target& whole : expand(next, depth)) {
          if (found.size() >= k_most_values) return found;
          found.push_back(std::move(whole));
        }
      }
    }
    if (!found.empty()) return found;
    Target unknown = target;
    const bool path = std::ranges::find(k_paths, variable.name) != k_paths.end();
    unknown.text.replace(variable.at, variable.length, path ? "/*" : "*");
    return expand(unknown, depth);
  }

private:
  // The values that a variable may have at a pass. `set` works in file order, the server block's before the
  // location's. If neither sets it, another location may have done so before it sent the request on to this
  // one.
  std::vector<Definition> definitions_of(const std::string& name) const {
    std::vector<Definition> found;
    const auto [begin, end] = m_server.sets.equal_range(name);
    for (const int scope : m_scopes)
      for (auto set = begin; set != end; ++set) {
        if (set->second.scope != scope) continue;
        if (!set->second.conditional) found.clear();
        found.push_back(set->second);
      }
    if (found.empty())
      for (auto set = begin; set != end; ++set) found.push_back(set->second);
    if (!found.empty()) return found;
    const auto mapped = m_map.maps.find(name);
    return mapped == m_map.maps.end() ? found : mapped->second;
  }

  const SiteMap& m_map;
  const Server& m_server;
  std::vector<int> m_scopes;
  mutable int m_steps = k_most_steps;
};

// The upstreams that a name may mean; '*' stands for an unknown part.
std::vector<const std::vector<Definition>*> upstreams_of(const SiteMap& map, const std::string& written) {
  const std::string name = to_lower(written);
  std::vector<const std::vector<Definition>*> found;
  if (name.find('*') == std::string::npos) {
    if (const auto one = map.upstreams.find(name); one != map.upstreams.end()) found.push_back(&one->second);
  } else if (std::ranges::any_of(name, is_name_character)) {
    for (const auto& [known, members] : map.upstreams)
      if (fnmatch(name.c_str(), known.c_str(), 0) == 0) found.push_back(&members);
  }
  return found;
}

}  // namespace

std::string to_string(const Place& place) {
  return fmt::format("{}:{}", place.file, place.line);
}

SiteMap map_sites(const NginxConfig& config, const std::vector<std::string>& ours) {
  return Walker(config, ours).walk();
}

std::string authority_of(std::string_view target) {
  if (const auto scheme = target.find("://"); scheme != std::string_view::npos)
    target.remove_prefix(scheme + 3);
  target = target.substr(0, target.find_first_of("/?"));
  // An unknown part after a port is the path.
  const auto port = target.rfind(':');
  if (target.ends_with('*') && port != std::string_view::npos && port + 1 < target.find('*', port))
    target = target.substr(0, target.find('*', port));
  return std::string(target);
}

std::vector<Target> targets_of(const SiteMap& map, const Server& server, const Pass& pass) {
  std::vector<Target> found;
  const Resolver resolver(map, server, pass.scope);
  for (Target& target : resolver.expand({pass.target, pass.place, pass.ours, false, false})) {
    for (const auto* members : upstreams_of(map, authority_of(target.text)))
      for (const Definition& member : *members)
        found.push_back(
            {member.text, member.place, target.ours || member.ours, member.spare, target.conditional});
    found.push_back(std::move(target));
  }
  return found;
}

}  // namespace bgdeploy::proxy
