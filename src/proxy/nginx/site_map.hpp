// The part of nginx's configuration that decides where requests go: server blocks, and the values of the
// variables and upstreams that they send to. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config.hpp"

namespace bgdeploy::proxy {

struct Place {
  std::string file;
  int line = 0;
  bool operator==(const Place&) const = default;
};
// "/etc/nginx/conf.d/app.conf:6"
std::string to_string(const Place& place);

// One value of a variable or an upstream: from `set`, an entry of a map, or a `server`.
struct Definition {
  Place place;
  std::string text;
  bool ours = false;  // it is in what a deploy writes
  int scope = -1;     // of a `set`: the location, or -1 for the server block itself
  bool conditional = false;
  bool spare = false;  // of a server of an upstream: `backup` or `down`
};

struct Pass {
  Place place;
  std::string name;    // "proxy_pass"
  std::string target;  // as written
  bool ours = false;
  int scope = -1;
};

struct Server {
  Place place;
  bool stream = false;
  bool ours = false;                 // the block itself is in what a deploy writes
  std::vector<Place> includes_ours;  // its `include` directives that lead there
  std::vector<const Directive*> listens, names;
  bool ssl = false;                             // by the old `ssl on;`
  std::multimap<std::string, Definition> sets;  // by variable, in file order
  std::vector<int> scopes;                      // by location: the one around it, or -1
  std::vector<Pass> passes;
  std::vector<std::string> scripts;  // Lua, njs or Perl, which may use any variable; empty if it is in a file
};

struct Misplaced {
  Place included_at;
  std::string directive;
};

struct SiteMap {
  std::vector<Server> servers;
  std::map<std::string, std::vector<Definition>> upstreams;
  std::map<std::string, std::vector<Definition>> maps;  // by variable: map, geo, split_clients
  std::vector<Place> includes_ours;                     // all `include` directives that read it
  std::set<std::string> other_includes;                 // patterns of all others
  std::vector<Misplaced> misplaced;  // our directives that nginx does not accept where they are included
  bool scripted = false;             // by a script outside of servers
  bool exhausted = false;            // there was too much to read on
  bool incomplete = false;           // an included file is missing
};

// `ours`: the names under which nginx reads the files that a deploy writes.
SiteMap map_sites(const NginxConfig& config, const std::vector<std::string>& ours);

// A target of a pass.
struct Target {
  std::string text;   // variables filled in as far as they are known
  Place place;        // where it is written
  bool ours = false;  // what a deploy writes influences it
  bool spare = false;
  bool conditional = false;
};
// All targets of a pass, including the members of upstreams.
std::vector<Target> targets_of(const SiteMap& map, const Server& server, const Pass& pass);

// The "host:port" of a target such as "http://127.0.0.1:8082/x" or "127.0.0.1:8082".
std::string authority_of(std::string_view target);

}  // namespace bgdeploy::proxy
