#include <algorithm>
#include <map>
#include <set>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/engine/options.hpp"
#include "bgdeploy/runtime/docker_container.hpp"
#include "docker/json_values.hpp"
#include "docker/keys.hpp"
#include "docker/podman.hpp"

namespace bgdeploy::runtime {
namespace {

using core::Json;
using core::member;
using core::strings_of;
using core::text_of;

using Strings = std::map<std::string, std::string>;

void add_environment(const Json& config, Strings& environment) {
  for (const auto& entry : list_of(config, "Env")) {
    const auto equals = entry.find('=');
    environment[entry.substr(0, equals)] = equals == std::string::npos ? "" : entry.substr(equals + 1);
  }
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
        m_whole_image(image),
        m_image(member(image, "Config")),
        m_image_digests(list_of(image, "RepoDigests")),
        m_wanted_host(member(wanted, "HostConfig")),
        m_labels(strings_of(m_config, "Labels")),
        m_managed(m_labels.contains(label::k_service)),
        m_wanted_labels(strings_of(wanted, "Labels")) {}

  std::vector<std::string> run(const std::vector<std::string>& networks) {
    compare_image();
    compare_environment();
    compare(process_keys());
    compare_ports();
    compare_networks(networks);
    compare(host_keys());
    compare_labels();
    if (!m_managed)
      for (auto& option : engine::options_without_key(m_container, m_whole_image))
        add(std::move(option), true);
    return std::move(m_found);
  }

private:
  void add(std::string name, bool differs) {
    if (differs) m_found.push_back(std::move(name));
  }

  void compare_image() {
    const auto reference = text_of(m_wanted, "Image");
    // Somebody else's has docker's id under another name.
    const auto id = text_of(m_whole_image, "Id");
    const plan::Release by_id{.digest = std::string(plan::k_sent) + id.substr(id.find(':') + 1)};
    const bool same =
        text_of(m_config, "Image") == reference ||
        (!id.empty() && reference.ends_with(":" + local_tag(by_id))) ||
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

  // With a default of the daemon's own, only what was asked for, now or when the container was made, counts.
  void compare(std::span<const ContainerKey> keys) {
    const Compared both{m_wanted, m_wanted_host, m_config, m_host, m_image};
    const auto given = [](const Strings& labels, std::string_view name) {
      const auto found = labels.find(label::k_explicit);
      return found != labels.end() &&
             ("," + found->second + ",").find("," + std::string(name) + ",") != std::string::npos;
    };
    for (const ContainerKey& key : keys) {
      const bool counts = key.given == nullptr || !m_managed || given(m_wanted_labels, key.name);
      add(std::string(key.name), counts ? key.differs(both) : given(m_labels, key.name));
    }
  }

  void compare_ports() {
    const auto expected = published(m_wanted_host), actual = published(m_host);
    // Whether anything is published is one decision. What somebody else started may listen where it exposes
    // nothing.
    const bool both = !expected.ips.empty() && !actual.ips.empty();
    add("container_port",
        both ? expected.container_ports != actual.container_ports : m_managed && !exposes_wanted());
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

  void compare_labels() {
    auto expected = strings_of(m_image, "Labels");
    for (const auto& [name, value] : m_wanted_labels) expected[name] = value;
    auto actual = m_labels;
    if (!m_managed)
      for (const auto* ours : {label::k_service, label::k_slot}) expected.erase(ours);
    for (const auto* ours :
         {label::k_release, label::k_tag, label::k_image, label::k_digest, label::k_restart,
          label::k_explicit, label::k_container_port, label::k_proxies}) {
      expected.erase(ours);
      actual.erase(ours);
    }
    add("labels", expected != actual);
  }

  const Json &m_container, &m_wanted, &m_config, &m_host, &m_whole_image, &m_image;
  const std::vector<std::string> m_image_digests;
  const Json& m_wanted_host;
  const Strings m_labels;
  const bool m_managed;  // else somebody else made it, and no label says what was asked for
  const Strings m_wanted_labels;
  std::vector<std::string> m_found;
};

// What docker does where nobody asks for anything: without our labels only that can be compared with.
void fill_in_defaults(Json& container, Json& wanted) {
  const Json& config = member(container, "Config");
  if (strings_of(config, "Labels").contains(label::k_service)) return;
  if (config.is_object() && !core::integer(member(config, "StopTimeout")))
    container["Config"]["StopTimeout"] = 10;
  Json& host = wanted["HostConfig"];
  if (!host.contains("ShmSize")) host["ShmSize"] = 64 << 20;
  if (!host.contains("LogConfig")) host["LogConfig"] = {{"Type", "json-file"}};
}

}  // namespace

std::vector<std::string> differences(std::string_view container, std::string_view image,
                                     const ContainerRequest& request, bool podman) {
  auto container_json = Json::parse(container, nullptr, false);
  const auto image_json = Json::parse(image, nullptr, false);
  auto wanted = Json::parse(request.body.reveal(), nullptr, false);
  if (podman) container_json = podman_as_docker(std::move(container_json), image_json, wanted);
  container_json = engine::with_short_mounts(std::move(container_json));
  fill_in_defaults(container_json, wanted);
  return Comparison(container_json, image_json, wanted).run(request.networks);
}

}  // namespace bgdeploy::runtime
