// What an nginx sends elsewhere, for who has no spec yet: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::proxy {

// One target of a server block's proxy_pass.
struct Sending {
  std::string address;  // "127.0.0.1", or a container's name
  int port = 0;
  std::string pass;                // the proxy_pass: "/etc/nginx/conf.d/app.conf:6 #2", the second one of all
  std::string site;                // the file of the server block
  std::vector<std::string> names;  // its server_name
  std::string file;                // where the target is written
  // Where that file holds one `set` or one `upstream` and nothing else: its name. Such a file can be
  // switched.
  std::string variable, upstream;
};

// From what `nginx -T` prints, in the order of the sites.
std::vector<Sending> sendings(std::string_view dump);
// The ports that its sites listen on.
std::vector<int> listens(std::string_view dump);

}  // namespace bgdeploy::proxy
