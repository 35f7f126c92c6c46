#include "rights.hpp"

#include <algorithm>

namespace bgdeploy::deploy {

using Words = std::vector<std::string>;

Words Right::question() const {
  Words words = harmless ? Words{"sudo", "-n", "--"} : Words{"sudo", "-n", "-l"};
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

std::vector<Right> rights_to_everything() {
  return {{{"sh", "-c", ":"}, true}, {{"true"}, true}};
}

std::vector<Right> rights_to_nginx(const spec::Spec& spec, bool front) {
  const spec::Nginx& nginx = spec.nginx;
  if (!front || nginx.container) return {};
  // The program's version, which needs no configuration.
  std::vector<Right> rights = {{{nginx.test.front(), "-v"}, true}, {nginx.test}};
  for (const char* other : {"-T", "-V"}) {
    Words command = nginx.test;
    std::ranges::replace(command, std::string("-t"), std::string(other));
    if (command != nginx.test) rights.push_back({std::move(command)});
  }
  rights.push_back({nginx.reload});
  return rights;
}

std::vector<Right> rights_to_docker(const spec::Spec& spec, bool app, bool front) {
  std::vector<Right> rights;
  // It is called by a script.
  if (app && spec.compose) rights.push_back({{"sh", "-c", ":"}, true});
  if (app && !spec.compose) {
    rights = {{{"docker", "--version"}, true}};
    // The user's own engine has no fixed words.
    if (spec.docker_socket) return rights;
    rights.insert(rights.end(), {{{"docker", "version"}}, {{"docker", "system", "dial-stdio"}}});
    if (spec.build && !spec.build->here)
      for (const char* builder : {"build", "buildx"}) rights.push_back({{"docker", builder, "*"}});
  }
  if (front && spec.nginx.container) {
    const std::string& name = *spec.nginx.container;
    for (Words command : {Words{"inspect", "--type", "container", "*"}, Words{"exec", name, "*"},
                          Words{"exec", "-i", name, "*"}, Words{"logs", name, "*"}}) {
      command.insert(command.begin(), "docker");
      rights.push_back({std::move(command)});
    }
  }
  return rights;
}

}  // namespace bgdeploy::deploy
