#include "bgdeploy/spec/schema.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/text.hpp"
#include "node.hpp"
#include "text_rules.hpp"

namespace bgdeploy::spec {
namespace {

const std::vector<std::string> k_ssh{"user",       "port", "identity_file",   "known_hosts_file",
                                     "proxy_jump", "sudo", "connect_timeout", "keepalive"};
const std::vector<std::string> k_source{"env", "file", "command"};

std::vector<std::string> host_keys() {
  std::vector<std::string> keys{"host", "address", "host_key"};
  keys.insert(keys.end(), k_ssh.begin(), k_ssh.end());
  return keys;
}

// The reserved keys of reserved.cpp are here too: known, and refused there.
const std::vector<Section> k_sections{
    {"", {"service",  "image", "hosts",  "ssh",      "slots",   "registry", "docker",      "secrets",
          "compose",  "build", "health", "proxy",    "drain",   "verify",   "watch",       "retire",
          "strategy", "hooks", "notify", "parallel", "history", "prune",    "environments"}},
    {"hosts", {"app", "proxy"}},
    {"hosts.app[]", host_keys()},
    {"hosts.proxy[]", host_keys()},
    {"ssh", k_ssh},
    {"slots.*", {"port", "container"}},
    {"registry", {"username", "password"}},
    {"registry.password", k_source},
    {"docker", {"container_port", "host_ip",     "networks",  "environment", "env_file",
                "volumes",        "extra_hosts", "mem_limit", "cpus",        "restart",
                "command",        "entrypoint",  "user",      "working_dir", "labels",
                "logging",        "ulimits",     "cap_add",   "cap_drop",    "read_only",
                "tmpfs",          "init",        "shm_size",  "stop_signal", "stop_grace_period",
                "socket"}},
    {"docker.volumes[]", {"type", "source", "target", "read_only", "bind", "volume", "tmpfs"}},
    {"docker.volumes[].bind", {"propagation", "create_host_path", "selinux"}},
    {"docker.volumes[].volume", {"nocopy"}},
    {"docker.volumes[].tmpfs", {"size", "mode"}},
    {"compose", {"file", "remote_file", "project", "service", "environment", "command"}},
    {"docker.logging", {"driver", "options"}},
    {"docker.ulimits.*", {"soft", "hard"}},
    {"build", {"context", "dockerfile", "target", "args"}},
    {"secrets.*", k_source},
    {"health",
     {"http", "tcp", "docker", "exec", "via", "interval", "timeout", "success_threshold", "deadline"}},
    {"health.http", {"path", "status", "body", "headers", "port"}},
    {"proxy", {"nginx"}},
    {"proxy.nginx",
     {"include", "template", "upstream", "address", "port", "container", "sites", "test", "reload"}},
    {"proxy.nginx.sites", {"from", "to"}},
    {"drain", {"timeout"}},
    {"verify", {"host", "path"}},
    {"history", {"dir", "keep"}},
};

const Section* section(std::string_view path) {
  const auto found =
      std::find_if(k_sections.begin(), k_sections.end(), [&](const Section& s) { return s.path == path; });
  return found == k_sections.end() ? nullptr : &*found;
}

class KeyCheck {
public:
  explicit KeyCheck(Diagnostics& diagnostics) : m_diagnostics(diagnostics) {}

  void run(const Node& node, const std::string& path) {
    const Section* fixed = section(path);
    for (const auto& entry : node.entries) {
      if (m_diagnostics.full()) return;
      if (fixed != nullptr && !knows(*fixed, entry)) continue;
      run(*entry.value, path.empty() ? entry.key : path + "." + (fixed == nullptr ? "*" : entry.key));
    }
    for (const auto& item : node.items) run(*item, path + "[]");
  }

private:
  bool knows(const Section& in, const Entry& entry) {
    if (std::find(in.keys.begin(), in.keys.end(), entry.key) != in.keys.end()) return true;
    const auto meant = core::nearest(entry.key, in.keys);
    // Below these a key may be a secret that was typed in the wrong place.
    const bool secret = in.path == "secrets.*" || in.path == "registry.password";
    m_diagnostics.error(entry.at,
                        fmt::format("unknown key{}{}", secret ? "" : " " + in_quotes(entry.key),
                                    meant ? fmt::format(", did you mean '{}'?", *meant) : ""),
                        secret ? Show::place : Show::line);
    return false;
  }

  Diagnostics& m_diagnostics;
};

}  // namespace

std::span<const Section> sections() {
  return k_sections;
}

void check_keys(const Node& node, const std::string& path, Diagnostics& diagnostics) {
  KeyCheck(diagnostics).run(node, path);
}

}  // namespace bgdeploy::spec
