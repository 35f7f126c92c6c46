#include "docker_run.hpp"

#include <algorithm>
#include <string_view>

#include "script_words.hpp"

namespace bgdeploy::init {
namespace {

// What an option's value is for: a list of DockerRun, a key of the spec, or nothing that the spec has.
struct Known {
  std::string_view option;
  std::string_view key;  // empty: it is left out
};
constexpr Known k_with_value[] = {{"-p", "ports"},
                                  {"--publish", "ports"},
                                  {"-e", "environment"},
                                  {"--env", "environment"},
                                  {"--env-file", "env_files"},
                                  {"-v", "volumes"},
                                  {"--volume", "volumes"},
                                  {"--network", "networks"},
                                  {"--net", "networks"},
                                  {"--name", "name"},
                                  {"-m", "mem_limit"},
                                  {"--memory", "mem_limit"},
                                  {"--cpus", "cpus"},
                                  {"--add-host", "extra_hosts"},
                                  {"--restart", "restart"},
                                  {"-u", "user"},
                                  {"--user", "user"},
                                  {"-w", "working_dir"},
                                  {"--workdir", "working_dir"},
                                  {"--entrypoint", "entrypoint"},
                                  {"--cap-add", "cap_add"},
                                  {"--cap-drop", "cap_drop"},
                                  {"--tmpfs", "tmpfs"},
                                  {"--shm-size", "shm_size"},
                                  {"--stop-signal", "stop_signal"},
                                  {"-h", ""},
                                  {"--hostname", ""},
                                  {"-l", ""},
                                  {"--label", ""},
                                  {"--log-driver", ""},
                                  {"--log-opt", ""},
                                  {"--mount", ""},
                                  {"--ulimit", ""},
                                  {"--dns", ""},
                                  {"--platform", ""},
                                  {"--gpus", ""},
                                  {"--device", ""},
                                  {"--pull", ""},
                                  {"--link", ""},
                                  {"--stop-timeout", ""},
                                  {"--memory-swap", ""},
                                  {"--cpu-shares", ""},
                                  {"--security-opt", ""},
                                  {"--network-alias", ""},
                                  {"--health-cmd", ""},
                                  {"--pid", ""},
                                  {"--ipc", ""},
                                  {"--runtime", ""}};
constexpr std::string_view k_plain[] = {"-d",  "--detach", "--rm",          "-it",   "-i",
                                        "-t",  "-dit",     "-itd",          "-di",   "-ti",
                                        "-td", "-dt",      "--interactive", "--tty", "--sig-proxy"};

// "shop" of "shop" and of "name=shop,alias=web".
std::string_view network_of(std::string_view value) {
  const std::size_t at = value.starts_with("name=") ? 0 : value.find(",name=");
  if (at == std::string_view::npos) return value.substr(0, value.find(','));
  value.remove_prefix(at == 0 ? 5 : at + 6);
  return value.substr(0, value.find(','));
}

// A slot's container has a network of its own, and publishes its port from there.
void add_network(DockerRun& run, const std::string& value) {
  const std::string network(network_of(value));
  if (network == "host" || network == "none" || network.starts_with("container:"))
    run.left_out.push_back("--network " + network);
  else if (network != "bridge" && network != "default")
    run.networks.push_back(network);
  if (value.starts_with("alias=") || value.contains(",alias=")) run.left_out.emplace_back("--network-alias");
}

}  // namespace

DockerRun parse_docker_run(std::span<const std::string> words) {
  DockerRun run;
  std::size_t at = 0;
  const auto take = [&](std::string_view key, std::string_view option, const std::string& value) {
    if (key.empty())
      run.left_out.emplace_back(option);
    else if (key == "name")
      run.name = value;
    else if (key == "ports")
      run.ports.push_back(value);
    else if (key == "environment")
      run.environment.push_back(value);
    else if (key == "env_files")
      run.env_files.push_back(value);
    else if (key == "volumes")
      run.volumes.push_back(value);
    else if (key == "networks")
      add_network(run, value);
    else
      run.settings.emplace_back(key, value);
  };
  for (; at < words.size() && words[at].starts_with('-'); ++at) {
    const std::string& word = words[at];
    const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    const std::string_view option = std::string_view(word).substr(0, equals);
    const auto known = std::ranges::find(k_with_value, option, &Known::option);
    if (known != std::end(k_with_value) && equals != std::string::npos) {
      take(known->key, option, word.substr(equals + 1));
    } else if (known != std::end(k_with_value)) {
      if (++at == words.size()) break;
      take(known->key, option, words[at]);
    } else if (option == "--init" || option == "--read-only") {
      run.settings.emplace_back(option == "--init" ? "init" : "read_only", "true");
    } else if (const auto attached = std::ranges::find(k_with_value, word.substr(0, 2), &Known::option);
               word.size() > 2 && word[1] != '-' && attached != std::end(k_with_value)) {
      take(attached->key, attached->option, word.substr(2));  // "-p8080:80"
    } else if (std::ranges::find(k_plain, option) == std::end(k_plain)) {
      run.left_out.emplace_back(option);
    }
  }
  if (at < words.size()) run.image = words[at++];
  run.command.assign(words.begin() + static_cast<std::ptrdiff_t>(std::min(at, words.size())), words.end());
  return run;
}

std::vector<std::string> take_global_options(std::vector<std::string>& words) {
  constexpr std::string_view k_take_value[] = {"-H",       "--host", "-c",         "--context",
                                               "--config", "-l",     "--log-level"};
  std::vector<std::string> engines;
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (words[at].starts_with("host=")) engines.push_back(words[at].substr(5));
    if (base_of(words[at]) != "docker") continue;
    const auto begin = words.begin() + static_cast<std::ptrdiff_t>(at) + 1;
    auto end = begin;
    for (; end != words.end() && end->starts_with('-'); ++end) {
      const std::string option = end->substr(0, end->find('='));
      const bool engine = option == "-H" || option == "--host";
      const bool attached = option.size() < end->size();
      if (engine && attached) engines.push_back(end->substr(option.size() + 1));
      if (attached || std::ranges::find(k_take_value, option) == std::end(k_take_value)) continue;
      if (++end == words.end()) break;
      if (engine) engines.push_back(*end);
    }
    words.erase(begin, end);
  }
  return engines;
}

}  // namespace bgdeploy::init
