// What of nginx's configuration has to do with where requests go: its server blocks, and what the variables
// and upstreams that they send to may be. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "nginx_config.hpp"

namespace bgdeploy::proxy {

struct Place {
  std::string file;
  int line = 0;
  bool operator==(const Place&) const = default;
};
// "/etc/nginx/conf.d/app.conf:6"
std::string to_string(const Place& place);

// A value that something is given: by `set`, by an entry of a map, or a `server` of an upstream.
struct Definition {
  Place place;
  std::string text;
  bool ours = false;  // it stands in what a deploy writes
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
  bool ours = false;                 // the block itself stands in what a deploy writes
  std::vector<Place> includes_ours;  // its `include` directives that lead there
  std::vector<const Directive*> listens, names;
  bool ssl = false;                             // by the old `ssl on;`
  std::multimap<std::string, Definition> sets;  // by variable, in file order
  std::vector<int> scopes;                      // by location: the one around it, or -1
  std::vector<Pass> passes;
  std::vector<std::string>
      scripts;  // Lua, njs or Perl, which may use any variable; empty where it is in a file
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
  std::vector<Misplaced> misplaced;  // what of ours nginx does not take where it is included
  bool scripted = false;             // outside of servers too
  bool exhausted = false;            // it was too much to read on
  bool incomplete = false;           // something is included that is not there
};

// `ours`: the files that a deploy writes, by the names under which nginx reads them.
SiteMap map_sites(const NginxConfig& config, const std::vector<std::string>& ours);

// Something that a pass may send to.
struct Target {
  std::string text;   // variables filled in as far as they are known
  Place place;        // where it is said
  bool ours = false;  // what a deploy writes has a part in it
  bool spare = false;
  bool conditional = false;
};
// All that a pass may send to, members of upstreams included.
std::vector<Target> targets_of(const SiteMap& map, const Server& server, const Pass& pass);

// "host:port" of what is sent to: "http://127.0.0.1:8082/x" and "127.0.0.1:8082" alike.
std::string authority_of(std::string_view target);

}  // namespace bgdeploy::proxy
