#include <algorithm>
#include <map>
#include <set>

#include "../engine/json.hpp"
#include "bgdeploy/runtime/docker_container.hpp"
#include "bgdeploy/spec/short_syntax.hpp"
#include "podman.hpp"

namespace bgdeploy::runtime {
namespace {

using engine::flag_of;
using engine::Json;
using engine::member;
using engine::number_of;
using engine::strings_of;
using engine::text_of;

using Strings = std::map<std::string, std::string>;

std::vector<std::string> list_of(const Json& json, std::string_view name) {
  std::vector<std::string> list;
  if (const Json& value = member(json, name); value.is_array()) {
    for (const auto& entry : value)
      list.push_back(entry.is_string() ? entry.get<std::string>() : entry.dump());
  }
  return list;
}

std::multiset<std::string> unordered(const std::vector<std::string>& list) {
  return {list.begin(), list.end()};
}

std::set<std::string> keys_of(const Json& json, std::string_view name) {
  std::set<std::string> keys;
  if (const Json& value = member(json, name); value.is_object()) {
    for (const auto& [key, unused] : value.items()) keys.insert(key);
  }
  return keys;
}

void add_environment(const Json& config, Strings& environment) {
  for (const auto& entry : list_of(config, "Env")) {
    const auto equals = entry.find('=');
    environment[entry.substr(0, equals)] = equals == std::string::npos ? "" : entry.substr(equals + 1);
  }
}

// The daemon keeps what it was sent as it was spelled, and what an older version of this program or another
// tool sent may be spelled otherwise: "CAP_NET_ADMIN", "/a:/b:z,rw", "db=10.0.0.5", "TERM".
std::set<std::string> capabilities(const Json& host, std::string_view name) {
  std::set<std::string> found;
  for (const auto& capability : list_of(host, name)) found.insert(spec::capability_of(capability));
  return found;
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

struct Published {
  std::set<std::string> container_ports, ips, host_ports;
  bool operator==(const Published&) const = default;
};

Published published(const Json& host) {
  Published found;
  const Json& bindings = member(host, "PortBindings");
  if (!bindings.is_object()) return found;
  for (const auto& [port, entries] : bindings.items()) {
    found.container_ports.insert(port);
    if (!entries.is_array()) continue;
    for (const auto& entry : entries) {
      const auto ip = text_of(entry, "HostIp");
      found.ips.insert(ip.empty() ? "0.0.0.0" : ip);
      found.host_ports.insert(text_of(entry, "HostPort"));
    }
  }
  return found;
}

class Comparison {
public:
  Comparison(const Json& container, const Json& image, const Json& wanted)
      : m_container(container),
        m_wanted(wanted),
        m_config(member(container, "Config")),
        m_host(member(container, "HostConfig")),
        m_image(member(image, "Config")),
        m_image_digests(list_of(image, "RepoDigests")),
        m_wanted_host(member(wanted, "HostConfig")),
        m_labels(strings_of(m_config, "Labels")),
        m_wanted_labels(strings_of(wanted, "Labels")) {}

  std::vector<std::string> run(const std::vector<std::string>& networks) {
    compare_image();
    compare_environment();
    compare_process();
    compare_ports();
    compare_networks(networks);
    compare_host();
    compare_defaulted();
    compare_labels();
    return std::move(m_found);
  }

private:
  void add(std::string name, bool differs) {
    if (differs) m_found.push_back(std::move(name));
  }

  void compare_image() {
    const auto reference = text_of(m_wanted, "Image");
    const bool same =
        text_of(m_config, "Image") == reference ||
        std::find(m_image_digests.begin(), m_image_digests.end(), reference) != m_image_digests.end();
    add("image", !same);
  }

  void compare_environment() {
    Strings expected, actual;
    add_environment(m_image, expected);
    add_environment(m_wanted, expected);
    add_environment(m_config, actual);
    std::set<std::string> names;
    for (const auto& [name, value] : expected) names.insert(name);
    for (const auto& [name, value] : actual) names.insert(name);
    for (const auto& name : names) {
      const auto left = expected.find(name), right = actual.find(name);
      const bool same = left != expected.end() && right != actual.end() && left->second == right->second;
      add("environment " + name, !same);
    }
  }

  // As the daemon merges: an entrypoint of one's own drops the image's command.
  void compare_process() {
    const bool own_entrypoint = !member(m_wanted, "Entrypoint").is_null();
    const auto entrypoint = list_of(own_entrypoint ? m_wanted : m_image, "Entrypoint");
    auto command = list_of(m_wanted, "Cmd");
    if (command.empty() && list_of(m_wanted, "Entrypoint").empty()) command = list_of(m_image, "Cmd");
    add("command", command != list_of(m_config, "Cmd"));
    add("entrypoint", entrypoint != list_of(m_config, "Entrypoint"));
    const auto or_image = [&](std::string_view name) {
      const auto own = text_of(m_wanted, name);
      return own.empty() ? text_of(m_image, name) : own;
    };
    add("user", or_image("User") != text_of(m_config, "User"));
    add("working_dir", or_image("WorkingDir") != text_of(m_config, "WorkingDir"));
    add("stop_signal", stop_signal(or_image("StopSignal")) != stop_signal(text_of(m_config, "StopSignal")));
    add("stop_grace_period", number_of(m_wanted, "StopTimeout") != number_of(m_config, "StopTimeout"));
  }

  void compare_ports() {
    const auto expected = published(m_wanted_host), actual = published(m_host);
    // Whether anything is published is one decision.
    const bool both = !expected.ips.empty() && !actual.ips.empty();
    add("container_port", both ? expected.container_ports != actual.container_ports : !exposes_wanted());
    add("host_ip", expected.ips != actual.ips);
    add("port", both && expected.host_ports != actual.host_ports);
  }

  bool exposes_wanted() const {
    const auto exposed = keys_of(m_config, "ExposedPorts");
    const auto expected = keys_of(m_wanted, "ExposedPorts");
    return std::includes(exposed.begin(), exposed.end(), expected.begin(), expected.end());
  }

  void compare_networks(const std::vector<std::string>& networks) {
    std::set<std::string> expected(networks.begin(), networks.end());
    if (expected.empty() || expected.contains("default")) {
      expected.erase("default");
      expected.insert("bridge");
    }
    add("networks", expected != keys_of(member(m_container, "NetworkSettings"), "Networks"));
  }

  void compare_host() {
    add("volumes", binds(m_wanted_host) != binds(m_host) || !has_anonymous_volumes());
    add("extra_hosts", extra_hosts(m_wanted_host) != extra_hosts(m_host));
    add("mem_limit", number_of(m_wanted_host, "Memory") != number_of(m_host, "Memory"));
    add("cpus", number_of(m_wanted_host, "NanoCpus") != number_of(m_host, "NanoCpus"));
    add("restart", restart_differs());
    add("cap_add", capabilities(m_wanted_host, "CapAdd") != capabilities(m_host, "CapAdd"));
    add("cap_drop", capabilities(m_wanted_host, "CapDrop") != capabilities(m_host, "CapDrop"));
    add("read_only", flag_of(m_wanted_host, "ReadonlyRootfs") != flag_of(m_host, "ReadonlyRootfs"));
    add("tmpfs", tmpfs(m_wanted_host) != tmpfs(m_host));
    add("init", flag_of(m_wanted_host, "Init") != flag_of(m_host, "Init"));
  }

  bool has_anonymous_volumes() const {
    auto expected = keys_of(m_image, "Volumes");
    expected.merge(keys_of(m_wanted, "Volumes"));
    return expected == keys_of(m_config, "Volumes");
  }

  // A container that we stopped has `unless-stopped` in the place of `always`; its label knows better.
  bool restart_differs() const {
    if (const auto ours = m_labels.find(label::k_restart); ours != m_labels.end())
      return ours->second != m_wanted_labels.at(label::k_restart);
    const Json& expected = member(m_wanted_host, "RestartPolicy");
    const Json& actual = member(m_host, "RestartPolicy");
    auto name = text_of(actual, "Name");
    if (name.empty()) name = "no";
    return text_of(expected, "Name") != name ||
           number_of(expected, "MaximumRetryCount") != number_of(actual, "MaximumRetryCount");
  }

  // The daemon's own defaults fill these in where nothing was asked for, and cannot be told from a wish then.
  void compare_defaulted() {
    const auto given = [](const Strings& labels, std::string_view name) {
      const auto found = labels.find(label::k_explicit);
      return found != labels.end() &&
             ("," + found->second + ",").find("," + std::string(name) + ",") != std::string::npos;
    };
    const auto compare = [&](const char* name, auto&& same) {
      const bool expected = given(m_wanted_labels, name);
      const bool ours = m_labels.contains(label::k_explicit);
      add(name, expected ? !same() : ours && given(m_labels, name));
    };
    const Json& log = member(m_wanted_host, "LogConfig");
    const Json& actual_log = member(m_host, "LogConfig");
    compare("logging", [&] {
      return text_of(log, "Type") == text_of(actual_log, "Type") &&
             strings_of(log, "Config") == strings_of(actual_log, "Config");
    });
    compare("ulimits", [&] {
      return unordered(list_of(m_wanted_host, "Ulimits")) == unordered(list_of(m_host, "Ulimits"));
    });
    compare("shm_size", [&] { return number_of(m_wanted_host, "ShmSize") == number_of(m_host, "ShmSize"); });
  }

  void compare_labels() {
    auto expected = strings_of(m_image, "Labels");
    for (const auto& [name, value] : m_wanted_labels) expected[name] = value;
    auto actual = m_labels;
    for (const auto* ours : {label::k_release, label::k_tag, label::k_image, label::k_digest,
                             label::k_restart, label::k_explicit, label::k_container_port}) {
      expected.erase(ours);
      actual.erase(ours);
    }
    add("labels", expected != actual);
  }

  const Json &m_container, &m_wanted, &m_config, &m_host, &m_image;
  const std::vector<std::string> m_image_digests;
  const Json& m_wanted_host;
  const Strings m_labels, m_wanted_labels;
  std::vector<std::string> m_found;
};

}  // namespace

std::vector<std::string> differences(std::string_view container, std::string_view image,
                                     const ContainerRequest& request, bool podman) {
  auto container_json = Json::parse(container, nullptr, false);
  const auto image_json = Json::parse(image, nullptr, false);
  const auto wanted = Json::parse(request.body.reveal(), nullptr, false);
  if (podman) container_json = podman_as_docker(std::move(container_json), image_json, wanted);
  return Comparison(container_json, image_json, wanted).run(request.networks);
}

}  // namespace bgdeploy::runtime
