#include "bgdeploy/engine/options.hpp"

#include <utility>

namespace bgdeploy::engine {
namespace {

using core::Json;
using core::member;
using core::text_of;

// Of HostConfig: docker's own default is empty, zero or false.
constexpr std::pair<const char*, const char*> k_options[] = {
    {"Annotations", "--annotation"},
    {"AutoRemove", "--rm"},
    {"BlkioDeviceReadBps", "--device-read-bps"},
    {"BlkioDeviceReadIOps", "--device-read-iops"},
    {"BlkioDeviceWriteBps", "--device-write-bps"},
    {"BlkioDeviceWriteIOps", "--device-write-iops"},
    {"BlkioWeight", "--blkio-weight"},
    {"BlkioWeightDevice", "--blkio-weight-device"},
    {"CgroupParent", "--cgroup-parent"},
    {"CpuPeriod", "--cpu-period"},
    {"CpuQuota", "--cpu-quota"},
    {"CpuShares", "--cpu-shares"},
    {"CpusetCpus", "--cpuset-cpus"},
    {"CpusetMems", "--cpuset-mems"},
    {"DeviceCgroupRules", "--device-cgroup-rule"},
    {"DeviceRequests", "--gpus"},
    {"Devices", "--device"},
    {"Dns", "--dns"},
    {"DnsOptions", "--dns-option"},
    {"DnsSearch", "--dns-search"},
    {"GroupAdd", "--group-add"},
    {"Links", "--link"},
    {"MemoryReservation", "--memory-reservation"},
    {"MemorySwappiness", "--memory-swappiness"},
    {"Mounts", "--mount"},
    {"OomKillDisable", "--oom-kill-disable"},
    {"OomScoreAdj", "--oom-score-adj"},
    {"PidMode", "--pid"},
    {"PidsLimit", "--pids-limit"},
    {"Privileged", "--privileged"},
    {"PublishAllPorts", "--publish-all"},
    {"SecurityOpt", "--security-opt"},
    {"StorageOpt", "--storage-opt"},
    {"Sysctls", "--sysctl"},
    {"UTSMode", "--uts"},
    {"UsernsMode", "--userns"},
    {"VolumeDriver", "--volume-driver"},
    {"VolumesFrom", "--volumes-from"},
};

bool is_default(const Json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (const auto number = core::integer(value)) return *number == 0 || *number == -1;
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.empty();
}

// Docker allows as much swap as memory, and none where the kernel does not count it.
bool swap_is_default(const Json& host) {
  const auto swap = core::integer(member(host, "MemorySwap")).value_or(0);
  return swap == 0 || swap == -1 || swap == 2 * core::integer(member(host, "Memory")).value_or(0);
}

bool shares_namespace(const std::string& mode) {
  return mode == "host" || mode.starts_with("container:");
}

}  // namespace

std::vector<std::string> given_aliases(const Json& network, const Json& container) {
  const std::string id = text_of(container, "Id"), name = text_of(container, "Name");
  auto aliases = core::texts_of(network, "Aliases");
  std::erase_if(aliases,
                [&](const std::string& alias) { return "/" + alias == name || id.starts_with(alias); });
  return aliases;
}

std::vector<std::string> options_without_key(const Json& container, const Json& image) {
  const Json &host = member(container, "HostConfig"), &config = member(container, "Config");
  std::vector<std::string> found;
  for (const auto& [key, option] : k_options)
    if (!is_default(member(host, key))) found.emplace_back(option);
  const auto add = [&](const char* option, bool given) {
    if (given) found.emplace_back(option);
  };
  add("--memory-swap", !swap_is_default(host));
  add("--ipc", shares_namespace(text_of(host, "IpcMode")));
  const std::string id = text_of(container, "Id"), name = text_of(config, "Hostname");
  add("--hostname",
      !shares_namespace(text_of(host, "NetworkMode")) && !name.empty() && !id.starts_with(name));
  add("--domainname", !text_of(config, "Domainname").empty());
  add("--tty", core::flag_of(config, "Tty"));
  add("--interactive", core::flag_of(config, "OpenStdin"));
  bool aliased = false;
  if (const Json& networks = member(member(container, "NetworkSettings"), "Networks"); networks.is_object())
    for (const auto& [network, joined] : networks.items())
      aliased = aliased || !given_aliases(joined, container).empty();
  add("--network-alias", aliased);
  add("--health-cmd", member(config, "Healthcheck") != member(member(image, "Config"), "Healthcheck"));
  return found;
}

}  // namespace bgdeploy::engine
