#include "docker/keys.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/engine/restart_policy.hpp"
#include "bgdeploy/runtime/docker_container.hpp"
#include "bgdeploy/spec/short_syntax.hpp"
#include "docker/json_values.hpp"

namespace bgdeploy::runtime {
namespace {

using core::flag_of;
using core::Json;
using core::member;
using core::strings_of;
using core::text_of;
using spec::Docker;
using Values = spec::Substitutions;
using Strings = std::map<std::string, std::string>;

// Whether both have the same number under `name`; one that is missing is 0.
bool same_number(const Json& one, const Json& other, std::string_view name) {
  const auto left = core::number_of(one, name), right = core::number_of(other, name);
  return left && right && *left == *right;
}

// The daemon keeps what it was sent as it was spelled, and what an older version of this program or another
// tool sent may be spelled otherwise: "CAP_NET_ADMIN", "/a:/b:z,rw", "db=10.0.0.5", "TERM".
std::set<std::string> capabilities(const Json& host, std::string_view name) {
  std::set<std::string> found;
  for (const auto& capability : list_of(host, name)) found.insert(spec::capability_of(capability));
  return found;
}

std::multiset<std::string> unordered(const std::vector<std::string>& list) {
  return {list.begin(), list.end()};
}

std::multiset<std::string> binds(const Json& host) {
  std::multiset<std::string> found;
  for (const auto& bind : list_of(host, "Binds")) found.insert(spec::volume_of(bind));
  return found;
}

std::multiset<std::string> extra_hosts(const Json& host) {
  std::multiset<std::string> found;
  for (const auto& entry : list_of(host, "ExtraHosts")) {
    const auto hosts = spec::extra_hosts_of(entry).value_or(std::vector{entry});
    found.insert(hosts.begin(), hosts.end());
  }
  return found;
}

Strings tmpfs(const Json& host) {
  auto mounts = strings_of(host, "Tmpfs");
  for (auto& [target, options] : mounts) options = spec::tmpfs_options_of(options);
  return mounts;
}

std::string stop_signal(const std::string& text) {
  if (text.empty()) return "SIGTERM";
  return spec::signal_of(text).value_or(text);
}

// The request's, else the image's.
std::string or_image(const Compared& both, std::string_view name) {
  const auto own = text_of(both.wanted, name);
  return own.empty() ? text_of(both.image, name) : own;
}

void write_volumes(const Docker& docker, const Values& values, Json& body, Json& host) {
  Json binds = Json::array();
  for (const auto& volume : docker.volumes) {
    const auto text = core::substitute(volume, values);
    if (text.find(':') == std::string::npos) {
      body["Volumes"][text] = Json::object();  // an anonymous one
    } else {
      binds.push_back(text);
    }
  }
  if (!binds.empty()) host["Binds"] = std::move(binds);
}

// Version 1 of compose names the targets of binds among the anonymous volumes too.
bool volumes_differ(const Compared& both) {
  const auto wanted = binds(both.wanted_host), actual = binds(both.host);
  auto expected = keys_of(both.image, "Volumes"), anonymous = keys_of(both.config, "Volumes");
  expected.merge(keys_of(both.wanted, "Volumes"));
  for (const auto& bind : wanted)
    for (auto* volumes : {&expected, &anonymous}) volumes->erase(std::string(spec::volume_target(bind)));
  return wanted != actual || expected != anonymous;
}

// As the daemon merges: an entrypoint of one's own drops the image's command.
bool command_differs(const Compared& both) {
  auto command = list_of(both.wanted, "Cmd");
  if (command.empty() && list_of(both.wanted, "Entrypoint").empty()) command = list_of(both.image, "Cmd");
  return command != list_of(both.config, "Cmd");
}

bool entrypoint_differs(const Compared& both) {
  const bool own = !member(both.wanted, "Entrypoint").is_null();
  return list_of(own ? both.wanted : both.image, "Entrypoint") != list_of(both.config, "Entrypoint");
}

// A container that we stopped has `unless-stopped` in the place of `always`; its label knows better.
bool restart_differs(const Compared& both) {
  const auto labels = strings_of(both.config, "Labels");
  if (const auto ours = labels.find(label::k_restart); ours != labels.end())
    return ours->second != strings_of(both.wanted, "Labels").at(label::k_restart);
  const Json& expected = member(both.wanted_host, "RestartPolicy");
  const Json& actual = member(both.host, "RestartPolicy");
  auto name = text_of(actual, "Name");
  if (name.empty()) name = "no";
  return text_of(expected, "Name") != name || !same_number(expected, actual, "MaximumRetryCount");
}

void write_cpus(const Docker& docker, const Values&, Json&, Json& host) {
  constexpr double k_more_than_any = 1e9;  // docker refuses it with words of its own
  if (docker.cpus)
    host["NanoCpus"] = std::int64_t{std::llround(std::min(*docker.cpus, k_more_than_any) * 1e9)};
}

void write_tmpfs(const Docker& docker, const Values&, Json&, Json& host) {
  for (const auto& mount : docker.tmpfs) {
    const auto colon = mount.find(':');
    host["Tmpfs"][mount.substr(0, colon)] = colon == std::string::npos ? "" : mount.substr(colon + 1);
  }
}

bool logging_differs(const Compared& both) {
  const Json& expected = member(both.wanted_host, "LogConfig");
  const Json& actual = member(both.host, "LogConfig");
  return text_of(expected, "Type") != text_of(actual, "Type") ||
         strings_of(expected, "Config") != strings_of(actual, "Config");
}

const std::array k_process_keys = {
    ContainerKey{"command",
                 [](const Docker& docker, const Values&, Json& body, Json&) {
                   if (docker.command) body["Cmd"] = *docker.command;
                 },
                 command_differs},
    ContainerKey{"entrypoint",
                 [](const Docker& docker, const Values&, Json& body, Json&) {
                   if (docker.entrypoint) body["Entrypoint"] = *docker.entrypoint;
                 },
                 entrypoint_differs},
    ContainerKey{"user",
                 [](const Docker& docker, const Values&, Json& body, Json&) {
                   if (docker.user) body["User"] = *docker.user;
                 },
                 [](const Compared& both) { return or_image(both, "User") != text_of(both.config, "User"); }},
    ContainerKey{"working_dir",
                 [](const Docker& docker, const Values&, Json& body, Json&) {
                   if (docker.working_dir) body["WorkingDir"] = *docker.working_dir;
                 },
                 [](const Compared& both) {
                   return or_image(both, "WorkingDir") != text_of(both.config, "WorkingDir");
                 }},
    ContainerKey{"stop_signal",
                 [](const Docker& docker, const Values&, Json& body, Json&) {
                   if (docker.stop_signal) body["StopSignal"] = *docker.stop_signal;
                 },
                 [](const Compared& both) {
                   return stop_signal(or_image(both, "StopSignal")) !=
                          stop_signal(text_of(both.config, "StopSignal"));
                 }},
    ContainerKey{"stop_grace_period",
                 [](const Docker& docker, const Values&, Json& body, Json&) {
                   body["StopTimeout"] =
                       std::chrono::ceil<std::chrono::seconds>(docker.stop_grace_period).count();
                 },
                 [](const Compared& both) { return !same_number(both.wanted, both.config, "StopTimeout"); }},
};

const std::array k_host_keys = {
    ContainerKey{"volumes", write_volumes, volumes_differ},
    ContainerKey{
        "extra_hosts",
        [](const Docker& docker, const Values&, Json&, Json& host) {
          if (!docker.extra_hosts.empty()) host["ExtraHosts"] = docker.extra_hosts;
        },
        [](const Compared& both) { return extra_hosts(both.wanted_host) != extra_hosts(both.host); }},
    ContainerKey{"mem_limit",
                 [](const Docker& docker, const Values&, Json&, Json& host) {
                   if (docker.mem_limit) host["Memory"] = *docker.mem_limit;
                 },
                 [](const Compared& both) { return !same_number(both.wanted_host, both.host, "Memory"); }},
    ContainerKey{"cpus", write_cpus,
                 [](const Compared& both) { return !same_number(both.wanted_host, both.host, "NanoCpus"); }},
    ContainerKey{"restart",
                 [](const Docker& docker, const Values&, Json&, Json& host) {
                   host["RestartPolicy"] = engine::restart_policy(docker.restart);
                 },
                 restart_differs},
    ContainerKey{"cap_add",
                 [](const Docker& docker, const Values&, Json&, Json& host) {
                   if (!docker.cap_add.empty()) host["CapAdd"] = docker.cap_add;
                 },
                 [](const Compared& both) {
                   return capabilities(both.wanted_host, "CapAdd") != capabilities(both.host, "CapAdd");
                 }},
    ContainerKey{"cap_drop",
                 [](const Docker& docker, const Values&, Json&, Json& host) {
                   if (!docker.cap_drop.empty()) host["CapDrop"] = docker.cap_drop;
                 },
                 [](const Compared& both) {
                   return capabilities(both.wanted_host, "CapDrop") != capabilities(both.host, "CapDrop");
                 }},
    ContainerKey{"read_only",
                 [](const Docker& docker, const Values&, Json&, Json& host) {
                   if (docker.read_only) host["ReadonlyRootfs"] = true;
                 },
                 [](const Compared& both) {
                   return flag_of(both.wanted_host, "ReadonlyRootfs") != flag_of(both.host, "ReadonlyRootfs");
                 }},
    ContainerKey{"tmpfs", write_tmpfs,
                 [](const Compared& both) { return tmpfs(both.wanted_host) != tmpfs(both.host); }},
    ContainerKey{
        "init",
        [](const Docker& docker, const Values&, Json&, Json& host) {
          if (docker.init) host["Init"] = true;
        },
        [](const Compared& both) { return flag_of(both.wanted_host, "Init") != flag_of(both.host, "Init"); }},
    ContainerKey{
        "logging",
        [](const Docker& docker, const Values&, Json&, Json& host) {
          if (docker.logging)
            host["LogConfig"] = {{"Type", docker.logging->driver}, {"Config", docker.logging->options}};
        },
        logging_differs, [](const Docker& docker) { return docker.logging.has_value(); }},
    ContainerKey{
        "ulimits",
        [](const Docker& docker, const Values&, Json&, Json& host) {
          for (const auto& limit : docker.ulimits)
            host["Ulimits"].push_back({{"Name", limit.name}, {"Soft", limit.soft}, {"Hard", limit.hard}});
        },
        [](const Compared& both) {
          return unordered(list_of(both.wanted_host, "Ulimits")) != unordered(list_of(both.host, "Ulimits"));
        },
        [](const Docker& docker) { return !docker.ulimits.empty(); }},
    ContainerKey{"shm_size",
                 [](const Docker& docker, const Values&, Json&, Json& host) {
                   if (docker.shm_size) host["ShmSize"] = *docker.shm_size;
                 },
                 [](const Compared& both) { return !same_number(both.wanted_host, both.host, "ShmSize"); },
                 [](const Docker& docker) { return docker.shm_size.has_value(); }},
};

}  // namespace

std::span<const ContainerKey> process_keys() {
  return k_process_keys;
}

std::span<const ContainerKey> host_keys() {
  return k_host_keys;
}

}  // namespace bgdeploy::runtime
