#include "rights.hpp"

#include "bgdeploy/proxy/nginx_command.hpp"

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
  if (!front || spec.nginx.container) return {};
  std::vector<Right> rights;
  for (Words& command : proxy::commands_to_allow(spec.nginx, {})) rights.push_back({std::move(command)});
  rights.front().harmless = true;
  return rights;
}

std::vector<Right> rights_to_docker(const spec::Spec& spec, bool app, bool front) {
  Words docker = {"docker"};
  if (app && spec.docker_socket) docker.insert(docker.end(), {"--host", "unix://" + *spec.docker_socket});
  std::vector<Right> rights;
  const auto add = [&](Words words) {
    words.insert(words.begin(), docker.begin(), docker.end());
    rights.push_back({std::move(words)});
  };
  // It is called by a script.
  if (app && spec.compose) rights.push_back({{"sh", "-c", ":"}, true});
  if (app && !spec.compose) {
    rights = {{{"docker", "--version"}, true}};
    if (!spec.docker_socket) add({"version"});
    add({"system", "dial-stdio"});
    if (spec.build && !spec.build->here)
      for (const char* builder : {"build", "buildx"}) add({builder, "*"});
  }
  if (front && spec.nginx.container)
    for (Words& command : proxy::commands_to_allow(spec.nginx, docker))
      rights.push_back({std::move(command)});
  return rights;
}

core::Error refusal(const host::Login& at, const std::vector<Right>& rights, const Right& missing,
                    std::string_view words) {
  std::vector<Words> commands;
  for (const Right& right : rights) commands.push_back(right.command);
  return host::sudo_refusal(at, missing.command.front(), words, commands);
}

}  // namespace bgdeploy::deploy
