// Which nginx a command line belongs to, read from its options, and what a deploy runs of it. Pure.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::proxy {

struct NginxCommand {
  std::vector<std::string> dump;     // tests and prints the whole configuration: -T
  std::vector<std::string> version;  // prints what nginx was built with: -V
  std::string conf;                  // -c, or empty
  std::string prefix;                // -p, or empty
  std::string globals;               // -g: directives of the main context
};

// From `test` or else `reload`, if one of them has nginx's own options. Otherwise plain `nginx`.
NginxCommand nginx_command(const spec::Nginx& nginx);

// What sudo has to allow. A last word "*" stands for any arguments. `docker`: the words before its
// subcommand, which runs where nginx is in a container. Of nginx itself the version is the first, which
// changes nothing.
std::vector<std::vector<std::string>> commands_to_allow(const spec::Nginx& nginx,
                                                        const std::vector<std::string>& docker);

}  // namespace bgdeploy::proxy
