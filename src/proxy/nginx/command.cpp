#include "bgdeploy/proxy/nginx_command.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace bgdeploy::proxy {
namespace {

bool is_flags(std::string_view word, char needed) {
  return word.size() > 1 && word[0] == '-' && word.find(needed) != std::string_view::npos &&
         word.find_first_not_of("tq", 1) == std::string_view::npos;
}

// Replaces what makes the command a test (-t, -tq) or a reload (-s reload) by `flag`. The last such word is
// nginx's: a command that runs nginx may have a flag of the same name (docker exec -t).
std::optional<std::vector<std::string>> with_flag(std::vector<std::string> argv, const std::string& flag) {
  const auto test =
      std::find_if(argv.rbegin(), argv.rend(), [](const auto& word) { return is_flags(word, 't'); });
  if (test != argv.rend()) {
    *test = flag;
    return argv;
  }
  const std::array reload = {std::string("-s"), std::string("reload")};
  const auto found = std::ranges::search(argv, reload);
  if (found.empty()) return std::nullopt;
  *found.begin() = flag;
  argv.erase(found.begin() + 1);
  return argv;
}

// As nginx reads them: `-c FILE` and `-cFILE` are the same.
std::string value_of(char option, const std::vector<std::string>& argv) {
  const std::string name{'-', option};
  std::string value;
  for (std::size_t i = 0; i < argv.size(); ++i) {
    if (argv[i] == name && i + 1 < argv.size()) {
      value = argv[++i];
    } else if (argv[i].starts_with(name) && argv[i].size() > name.size()) {
      value = argv[i].substr(name.size());
    }
  }
  return value;
}

}  // namespace

NginxCommand nginx_command(const spec::Nginx& nginx) {
  const std::vector<std::string>* source = &nginx.test;
  if (!with_flag(*source, "-T")) source = &nginx.reload;
  NginxCommand command{
      .dump = {"nginx", "-T"}, .version = {"nginx", "-V"}, .conf = {}, .prefix = {}, .globals = {}};
  if (auto dump = with_flag(*source, "-T")) {
    command.dump = *std::move(dump);
    command.version = *with_flag(*source, "-V");
    command.conf = value_of('c', *source);
    command.prefix = value_of('p', *source);
    command.globals = value_of('g', *source);
  }
  return command;
}

std::vector<std::vector<std::string>> commands_to_allow(const spec::Nginx& nginx,
                                                        const std::vector<std::string>& docker) {
  if (!nginx.container) {
    NginxCommand command = nginx_command(nginx);
    return {std::move(command.version), nginx.test, std::move(command.dump), nginx.reload};
  }
  const std::string& name = *nginx.container;
  std::vector<std::vector<std::string>> commands = {{"inspect", "--type", "container", "*"},
                                                    {"exec", name, "*"},
                                                    {"exec", "-i", name, "*"},
                                                    {"logs", name, "*"}};
  for (auto& command : commands) command.insert(command.begin(), docker.begin(), docker.end());
  return commands;
}

}  // namespace bgdeploy::proxy
