// Dumps of nginx as `nginx -T` prints them, and what they are asked about.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "proxy/nginx/site.hpp"

namespace bgdeploy::proxy {

inline const std::string k_include_path = "/etc/nginx/conf.d/service-url.inc";
inline const std::string k_site_path = "/etc/nginx/sites-enabled/app.conf";

using Files = std::vector<std::pair<std::string, std::string>>;

inline std::string dump_of(const Files& files, const std::string& http = "") {
  std::string dump = "# configuration file /etc/nginx/nginx.conf:\nevents {}\nhttp {\n" + http +
                     "include /etc/nginx/conf.d/*.conf;\ninclude /etc/nginx/sites-enabled/*;\n}\n\n";
  for (const auto& [path, text] : files) dump += "# configuration file " + path + ":\n" + text + "\n";
  return dump;
}

inline SiteQuestion shop() {
  return {.proxy = "web-1",
          .include = k_include_path,
          .ours = {k_include_path},
          .slots = {plan::Routing{{"web-1", "127.0.0.1", "8081", "shop-blue", "blue", ""}},
                    plan::Routing{{"web-1", "127.0.0.1", "8082", "shop-green", "green", ""}}},
          .names = {"blue", "green"}};
}

inline SiteAnswer asked(const Files& files, const std::string& http = "",
                        const SiteQuestion& question = shop()) {
  return examine(NginxConfig::from_dump(dump_of(files, http)), question);
}

}  // namespace bgdeploy::proxy
