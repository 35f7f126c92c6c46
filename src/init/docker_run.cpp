#include "docker_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "script_words.hpp"

namespace bgdeploy::init {
namespace {

// What an option's value is for: a part of DockerRun, or a key of the spec.
struct Known {
  std::string_view option, key;
};
constexpr Known k_known[] = {{"-p", "ports"},
                             {"--publish", "ports"},
                             {"-e", "environment"},
                             {"--env", "environment"},
                             {"--env-file", "env_files"},
                             {"-v", "volumes"},
                             {"--volume", "volumes"},
                             {"--mount", "mounts"},
                             {"--network", "networks"},
                             {"--net", "networks"},
                             {"--name", "name"},
                             {"--expose", "exposed"},
                             {"--health-cmd", "health"},
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
                             {"--stop-timeout", "stop_grace_period"},
                             {"--ulimit", "ulimits"},
                             {"-l", "labels"},
                             {"--label", "labels"},
                             {"--log-driver", "log_driver"},
                             {"--log-opt", "log_opt"}};
// Those with a value that no key stands for.
constexpr std::string_view k_without_key =
    " "
    "-a -c -h --annotation --attach --blkio-weight --blkio-weight-device --cgroup-parent --cgroupns "
    "--cidfile --cpu-count --cpu-percent --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime "
    "--cpu-shares --cpuset-cpus --cpuset-mems --detach-keys --device --device-cgroup-rule "
    "--device-read-bps --device-read-iops --device-write-bps --device-write-iops --dns --dns-opt "
    "--dns-option --dns-search --domainname --gpus --group-add --health-interval --health-retries "
    "--health-start-interval --health-start-period --health-timeout --hostname --io-maxbandwidth "
    "--io-maxiops --ip --ip6 --ipc --isolation --kernel-memory --label-file --link --link-local-ip "
    "--mac-address --memory-reservation --memory-swap --memory-swappiness --net-alias --network-alias "
    "--oom-score-adj --pid --pids-limit --platform --pull --runtime --security-opt --storage-opt "
    "--sysctl --userns --uts --volume-driver --volumes-from ";
// Those without a value, beside "-d" and "--rm", that mean nothing to a container in the background.
constexpr std::string_view k_plain = " -i --interactive -t --tty -q --quiet --sig-proxy ";

// `option`: a whole word of the list.
bool is_listed(std::string_view list, std::string_view option) {
  return list.contains(fmt::format(" {} ", option));
}

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

// "type=bind,source=/a,target=/b,readonly" as `-v` and `--tmpfs` have it.
void add_mount(DockerRun& run, const std::string& text) {
  std::string type = "volume", source, target, mode, options;
  for (const std::string& part : split(text, ",")) {
    const std::string key = part.substr(0, part.find('='));
    const std::string value = key.size() < part.size() ? part.substr(key.size() + 1) : "true";
    if (key == "type")
      type = value;
    else if (key == "source" || key == "src")
      source = value;
    else if (key == "target" || key == "destination" || key == "dst")
      target = value;
    else if (key == "readonly" || key == "ro")
      mode = value == "true" || value == "1" ? ":ro" : "";
    else if (key == "tmpfs-size" || key == "tmpfs-mode")
      options += (options.empty() ? ":" : ",") + key.substr(6) + "=" + value;
    else
      run.left_out.push_back("--mount " + key);
  }
  if (type == "tmpfs")
    run.settings.emplace_back("tmpfs", target + options);
  else if (target.empty() || (type != "bind" && type != "volume"))
    run.left_out.push_back("--mount type=" + type);
  else
    run.volumes.push_back(source.empty() ? target : source + ":" + target + mode);
}

void take_value(DockerRun& run, std::string_view option, const std::string& value) {
  const auto known = std::ranges::find(k_known, option, &Known::option);
  const std::string_view key = known == std::end(k_known) ? std::string_view() : known->key;
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
  else if (key == "mounts")
    add_mount(run, value);
  else if (key == "networks")
    add_network(run, value);
  else if (key == "exposed")
    run.exposed = run.exposed.empty() ? value : run.exposed;
  else if (key == "health")
    run.health = value;
  else
    run.settings.emplace_back(key, value);
}

// `value`: what stands behind "=", empty where nothing does.
void take_flag(DockerRun& run, std::string_view option, std::string_view value) {
  const bool on = value != "false";
  if (option == "-d" || option == "--detach")
    run.detached = on;
  else if (option == "--rm")
    run.removed = on;
  else if (option == "--init" || option == "--read-only") {
    if (on) run.settings.emplace_back(option == "--init" ? "init" : "read_only", "true");
  } else if (!is_listed(k_plain, option)) {
    run.left_out.emplace_back(option);
  }
}

bool takes_value(std::string_view option) {
  return std::ranges::find(k_known, option, &Known::option) != std::end(k_known) ||
         is_listed(k_without_key, option);
}

}  // namespace

DockerRun parse_docker_run(std::span<const std::string> words) {
  DockerRun run;
  std::size_t at = 0;
  // Of an option whose value does not stand with it, that is the next word.
  const auto take = [&](std::string_view option, const std::string& value, bool attached) {
    if (attached)
      take_value(run, option, value);
    else if (++at < words.size())
      take_value(run, option, words[at]);
  };
  for (; at < words.size() && words[at].size() > 1 && words[at].starts_with('-'); ++at) {
    const std::string& word = words[at];
    if (word == "--") {
      ++at;
      break;
    }
    if (word.starts_with("--")) {
      const std::size_t equals = std::min(word.find('='), word.size());
      const std::string option = word.substr(0, equals);
      const std::string value = word.substr(std::min(equals + 1, word.size()));
      if (takes_value(option))
        take(option, value, equals < word.size());
      else
        take_flag(run, option, value);
      continue;
    }
    for (std::size_t i = 1; i < word.size(); ++i) {  // "-itp8080:80"
      const std::string option = {'-', word[i]};
      if (!takes_value(option)) {
        take_flag(run, option, "");
        continue;
      }
      const std::string value = word.substr(std::min(word.find_first_not_of('=', i + 1), word.size()));
      take(option, value, i + 1 < word.size());
      break;
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
    // "docker container run" and "docker image push"
    if (end != words.end() && end + 1 != words.end() && (*end == "container" || *end == "image")) ++end;
    words.erase(begin, end);
  }
  return engines;
}

}  // namespace bgdeploy::init
