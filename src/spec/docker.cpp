#include <fmt/format.h>

#include "bgdeploy/spec/short_syntax.hpp"
#include "reader.hpp"

namespace bgdeploy::spec {
namespace {

constexpr std::size_t k_longest_socket = 108;  // sockaddr_un, with its NUL

bool is_port_or_placeholder(std::string_view text) {
  return to_port(text) || text == "{port}";
}
bool is_host_ip(std::string_view text) {
  return text == "none" || is_ip_address(text);
}
bool is_network_name(std::string_view text) {
  return !text.empty() && k_alnum.find(text[0]) != std::string_view::npos && all_of(text, k_word_characters);
}
bool is_absolute(std::string_view text) {
  return text.starts_with('/') && !has_control_character(text);
}
bool is_restart(std::string_view text) {
  constexpr std::string_view k_limited = "on-failure:";
  if (text.starts_with(k_limited)) {
    const auto times = to_integer(text.substr(k_limited.size()));
    return times && *times >= 0 && *times <= 1'000'000;
  }
  return text == "no" || text == "always" || text == "unless-stopped" || text == "on-failure";
}

void read_names(const Value& list, std::vector<std::string>& out, bool (*rule)(std::string_view),
                std::string_view what) {
  if (!list.present()) return;
  for (const auto& item : list.items()) {
    if (auto text = item.matching(rule, what)) out.push_back(std::move(*text));
  }
}

void read_networks(const Value& value, std::vector<std::string>& out) {
  read_names(value, out, is_network_name, "the name of a network");
}

// A list of "name:address" or "name=address", or a map of names to one address or a list of them.
void read_extra_hosts(const Value& value, std::vector<std::string>& out) {
  if (!value.present()) return;
  const auto wrong = [](const Value& place, std::string_view text, std::string_view form) {
    place.error(fmt::format("must be {}, not {}", form, in_quotes(text)));
  };
  if (!value.is(Node::Kind::map)) {
    for (const auto& item : value.items()) {
      const auto text = item.text();
      if (!text) continue;
      if (auto hosts = extra_hosts_of(*text))
        out.insert(out.end(), hosts->begin(), hosts->end());
      else
        wrong(item, *text, "NAME:ADDRESS or NAME:host-gateway");
    }
    return;
  }
  for (const auto& [name, addresses] : value.entries()) {
    for (const auto& address : addresses.is(Node::Kind::list) ? addresses.items() : std::vector{addresses}) {
      const auto text = address.text();
      if (!text) continue;
      if (auto host = extra_host_of(name, *text))
        out.push_back(std::move(*host));
      else if (extra_host_of("name", *text))
        addresses.error_at_key("is no name for a host");
      else
        wrong(address, *text, "an IP address or host-gateway");
    }
  }
}

void read_environment(const Value& value, Docker& docker) {
  set(docker.environment, value.text_map(&docker.inherited));
  std::vector<std::string> names = docker.inherited;
  for (const auto& [name, text] : docker.environment) names.push_back(name);
  for (const auto& name : names) {
    if (is_environment_name(name)) continue;
    const Value entry = value.get(name);
    (entry.present() ? entry : value)
        .error_at_key(entry.present() ? "is no name for an environment variable"
                                      : fmt::format("names {}, which is no name for an environment variable",
                                                    in_quotes(name)));
  }
}

void read_labels(const Value& value, std::map<std::string, std::string>& out) {
  std::vector<std::string> empty;
  set(out, value.text_map(&empty));
  for (const auto& name : empty) out.emplace(name, "");
  for (const auto& [name, text] : out) {
    const Value entry = value.get(name);
    const Value& place = entry.present() ? entry : value;
    if (name.empty() || has_control_character(name)) place.error_at_key("is no name for a label");
    if (name.starts_with("bgdeploy."))
      place.error_at_key("begins with 'bgdeploy.', which bgdeploy keeps for itself");
  }
}

std::optional<Logging> read_logging(const Value& value) {
  if (!value.is_map()) return {};
  Logging logging;
  set(logging.driver, value.get("driver").filled());
  set(logging.options, value.get("options").text_map());
  return logging;
}

void read_ulimits(const Value& value, std::vector<Ulimit>& out) {
  constexpr std::int64_t k_most = std::numeric_limits<std::int64_t>::max();
  for (const auto& [name, limit] : value.entries()) {
    if (!is_ulimit(name))
      limit.error_at_key("is no limit that docker knows; such are nofile, nproc and memlock");
    const bool both = !limit.is(Node::Kind::map);
    const auto soft = (both ? limit : limit.need("soft")).integer(-1, k_most);
    const auto hard = both ? soft : limit.need("hard").integer(-1, k_most);
    if (!soft || !hard) continue;
    if (*hard != -1 && (*soft == -1 || *soft > *hard))
      limit.error("must not have a soft limit above the hard one");
    out.push_back({name, *soft, *hard});
  }
}

void read_files(const Value& value, std::vector<std::filesystem::path>& out) {
  if (!value.present()) return;
  for (const auto& item : value.is(Node::Kind::list) ? value.items() : std::vector{value}) {
    if (auto path = item.file()) out.push_back(std::move(*path));
  }
}

void read_tmpfs(const Value& value, std::vector<std::string>& out) {
  if (!value.present()) return;
  for (const auto& item : value.is(Node::Kind::list) ? value.items() : std::vector{value}) {
    auto text = item.text();
    if (!text) continue;
    if (const auto wrong = tmpfs_error(*text); !wrong.empty())
      item.error(wrong);
    else
      out.push_back(std::move(*text));
  }
}

void read_capabilities(const Value& list, std::vector<std::string>& out) {
  if (!list.present()) return;
  for (const auto& item : list.items()) {
    const auto text = item.text();
    if (!text) continue;
    auto name = capability_of(*text);
    if (is_capability(*text)) {
      out.push_back(std::move(name));
      continue;
    }
    const auto meant = core::nearest(name, capability_names());
    item.error(fmt::format("must be a capability such as NET_ADMIN, not {}{}", in_quotes(*text),
                           meant ? fmt::format("; did you mean {}?", *meant) : ""));
  }
}

void read_limits(const Value& docker, Docker& out) {
  constexpr std::int64_t k_least_memory = 6 << 20;  // the engine refuses less
  constexpr double k_least_cpus = 0.01;
  set(out.mem_limit, docker.get("mem_limit").size(k_least_memory));
  set(out.cpus, docker.get("cpus").number_above_zero());
  if (out.cpus && *out.cpus < k_least_cpus)
    docker.get("cpus").error("must be at least 0.01: docker refuses less");
  set(out.shm_size, docker.get("shm_size").size(1));
  read_ulimits(docker.get("ulimits"), out.ulimits);
}

void read_process(const Value& docker, Docker& out) {
  set(out.restart,
      docker.get("restart").matching(is_restart, "no, always, unless-stopped, on-failure or on-failure:N"));
  set(out.command, docker.get("command").command());
  set(out.entrypoint, docker.get("entrypoint").command());
  set(out.user, docker.get("user").filled());
  set(out.working_dir, docker.get("working_dir").matching(is_absolute, "an absolute path in the container"));
  set(out.read_only, docker.get("read_only").boolean());
  set(out.init, docker.get("init").boolean());
  const auto signal = docker.get("stop_signal")
                          .matching([](std::string_view text) { return signal_of(text).has_value(); },
                                    "a signal such as SIGTERM");
  if (signal) out.stop_signal = signal_of(*signal);
  set(out.stop_grace_period, docker.get("stop_grace_period").duration(Zero::allowed));
  read_capabilities(docker.get("cap_add"), out.cap_add);
  read_capabilities(docker.get("cap_drop"), out.cap_drop);
}

}  // namespace

void read_docker(const Value& docker, Docker& out) {
  if (!docker.is_map()) return;
  set(out.container_port,
      docker.get("container_port").matching(is_port_or_placeholder, "a port from 1 to 65535, or {port}"));
  set(out.host_ip, docker.get("host_ip").matching(is_host_ip, "an IP address of the host, or none"));
  read_networks(docker.get("networks"), out.networks);
  read_environment(docker.get("environment"), out);
  read_files(docker.get("env_file"), out.env_file);
  read_tmpfs(docker.get("tmpfs"), out.tmpfs);
  read_volumes(docker.get("volumes"), out);
  read_extra_hosts(docker.get("extra_hosts"), out.extra_hosts);
  read_limits(docker, out);
  read_process(docker, out);
  read_labels(docker.get("labels"), out.labels);
  if (docker.get("logging").present()) out.logging = read_logging(docker.get("logging"));
}

void read_docker_socket(const Value& socket, std::optional<std::string>& out) {
  constexpr std::string_view k_scheme = "unix://";
  const auto path = [&](std::string_view text) {
    return text.starts_with(k_scheme) ? text.substr(k_scheme.size()) : text;
  };
  const auto text = socket.matching(
      [&](std::string_view t) {
        return is_absolute(path(t)) && path(t).size() > 1 && path(t).size() < k_longest_socket;
      },
      "the absolute path of a socket on the host, such as /run/user/1000/podman/podman.sock");
  if (text) out = path(*text);
}

}  // namespace bgdeploy::spec
