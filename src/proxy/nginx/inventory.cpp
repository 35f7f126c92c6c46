#include "bgdeploy/proxy/inventory.hpp"

#include <fmt/format.h>

#include "bgdeploy/core/number.hpp"
#include "site_map.hpp"

namespace bgdeploy::proxy {
namespace {

void name_definition(const NginxConfig& config, Sending& sending) {
  const std::vector<Directive>& all = config.file(sending.file);
  if (all.size() != 1 || all[0].args.empty()) return;
  if (all[0].name == "set" && all[0].args[0].starts_with('$')) sending.variable = all[0].args[0].substr(1);
  if (all[0].name == "upstream") sending.upstream = all[0].args[0];
}

}  // namespace

std::vector<Sending> sendings(std::string_view dump) {
  const NginxConfig config = NginxConfig::from_dump(dump);
  if (config.empty()) return {};
  const SiteMap map = map_sites(config, {});
  std::vector<Sending> all;
  int number = 0;
  for (const Server& server : map.servers)
    for (const Pass& pass : server.passes) {
      ++number;
      for (const Target& target : targets_of(map, server, pass)) {
        const std::string authority = authority_of(target.text);
        const std::size_t colon = authority.rfind(':');
        Sending sending{authority.substr(0, colon)};
        sending.port =
            colon == std::string::npos ? 80 : core::parse_port(authority.substr(colon + 1)).value_or(0);
        if (sending.port == 0 || target.spare) continue;
        sending.pass = fmt::format("{} #{}", to_string(pass.place), number);
        sending.site = server.place.file;
        for (const Directive* names : server.names)
          sending.names.insert(sending.names.end(), names->args.begin(), names->args.end());
        sending.file = target.place.file;
        name_definition(config, sending);
        all.push_back(std::move(sending));
      }
    }
  return all;
}

std::vector<int> listens(std::string_view dump) {
  std::vector<int> ports;
  const NginxConfig config = NginxConfig::from_dump(dump);
  if (config.empty()) return ports;
  const SiteMap map = map_sites(config, {});
  for (const Server& server : map.servers)
    for (const Directive* listen : server.listens) {
      const std::string_view place = listen->args.empty() ? std::string_view() : listen->args[0];
      if (const auto port = core::parse_port(place.substr(place.rfind(':') + 1))) ports.push_back(*port);
    }
  return ports;
}

}  // namespace bgdeploy::proxy
