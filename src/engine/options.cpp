#include "bgdeploy/engine/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
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

// Whether nothing in it was asked for.
bool is_empty(const Json& value) {
  return value.is_object() ? std::ranges::all_of(value, is_empty) : is_default(value);
}

// "ro,rslave,nocopy"
std::string volume_modes_of(const Json& mount) {
  std::vector<std::string> modes;
  if (core::flag_of(mount, "ReadOnly")) modes.emplace_back("ro");
  if (auto text = text_of(member(mount, "BindOptions"), "Propagation"); !text.empty())
    modes.push_back(std::move(text));
  if (core::flag_of(member(mount, "VolumeOptions"), "NoCopy")) modes.emplace_back("nocopy");
  return fmt::format("{}", fmt::join(modes, ","));
}

// "ro,size=67108864,mode=1777"
std::string tmpfs_options_of(const Json& mount) {
  std::vector<std::string> words;
  const Json& options = member(mount, "TmpfsOptions");
  if (core::flag_of(mount, "ReadOnly")) words.emplace_back("ro");
  if (const auto size = core::integer(member(options, "SizeBytes")).value_or(0); size > 0)
    words.push_back(fmt::format("size={}", size));
  if (const auto mode = core::integer(member(options, "Mode")).value_or(0); mode > 0)
    words.push_back(fmt::format("mode={:o}", mode));
  return fmt::format("{}", fmt::join(words, ","));
}

// What is left of it beside what the short form says.
bool is_all_short(Json mount) {
  for (const auto& [options, keys] : {std::pair("BindOptions", std::pair("Propagation", "CreateMountpoint")),
                                      std::pair("VolumeOptions", std::pair("NoCopy", "")),
                                      std::pair("TmpfsOptions", std::pair("SizeBytes", "Mode"))})
    if (member(mount, options).is_object())
      for (const char* key : {keys.first, keys.second}) mount[options].erase(key);
  if (text_of(mount, "Consistency") == "default") mount.erase("Consistency");
  for (const char* key : {"Type", "Source", "Target", "ReadOnly"}) mount.erase(key);
  return is_empty(mount);
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

Json with_short_mounts(Json container) {
  const Json mounts = member(member(container, "HostConfig"), "Mounts");
  if (!mounts.is_array() || !member(container, "Config").is_object()) return container;
  Json& host = container["HostConfig"];
  auto binds = core::texts_of(host, "Binds");
  auto tmpfs = core::strings_of(host, "Tmpfs");
  Json volumes = member(container["Config"], "Volumes"), rest = Json::array();
  if (!volumes.is_object()) volumes = Json::object();
  for (const Json& mount : mounts) {
    const std::string type = text_of(mount, "Type"), source = text_of(mount, "Source"),
                      target = text_of(mount, "Target"), modes = volume_modes_of(mount);
    const bool named = type == "bind" || type == "volume", has_colon = (source + target).contains(':');
    const bool is_short = !target.empty() && !has_colon && (named || type == "tmpfs");
    if (is_short && type == "tmpfs")
      tmpfs[target] = tmpfs_options_of(mount);
    else if (is_short && source.empty())
      volumes[target] = Json::object();
    else if (is_short)
      binds.push_back(fmt::format("{}:{}{}{}", source, target, modes.empty() ? "" : ":", modes));
    const bool loses_modes = type == "volume" && source.empty() && !modes.empty();
    if (!is_short || loses_modes || !is_all_short(mount)) rest.push_back(mount);
  }
  host["Binds"] = std::move(binds);
  host["Tmpfs"] = std::move(tmpfs);
  host["Mounts"] = std::move(rest);
  container["Config"]["Volumes"] = std::move(volumes);
  return container;
}

std::vector<std::string> options_without_key(const Json& inspected, const Json& image) {
  const Json container = with_short_mounts(inspected);
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
