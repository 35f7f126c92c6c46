#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "reader.hpp"

namespace bgdeploy::spec {
namespace {

bool is_port_or_placeholder(std::string_view text) {
  return to_port(text) || text == "{port}";
}
bool is_host_ip(std::string_view text) {
  return text == "none" || is_ip_address(text);
}
bool is_network_name(std::string_view text) {
  return !text.empty() && k_alnum.find(text[0]) != std::string_view::npos && all_of(text, k_word_characters);
}
bool is_capability(std::string_view text) {
  return !text.empty() && all_of(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
}
bool is_signal(std::string_view text) {
  return !text.empty() && all_of(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-") && text[0] != '-' &&
         text[0] != '+';
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

// "name:address", "name=address"; the address may be "host-gateway" or IPv6 in brackets.
bool is_extra_host(std::string_view text) {
  const std::size_t separator = text.find_first_of("=:");
  if (separator == std::string_view::npos || !is_host_name(text.substr(0, separator))) return false;
  std::string_view address = text.substr(separator + 1);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  return address == "host-gateway" || is_ip_address(address);
}

bool is_volume_mode(std::string_view mode) {
  constexpr std::array<std::string_view, 15> k_modes{
      "ro",      "rw",      "z",      "Z",        "nocopy",     "cached",    "shared", "slave",
      "private", "rshared", "rslave", "rprivate", "consistent", "delegated", "default"};
  for (;;) {
    const std::size_t comma = mode.find(',');
    if (std::find(k_modes.begin(), k_modes.end(), mode.substr(0, comma)) == k_modes.end()) return false;
    if (comma == std::string_view::npos) return true;
    mode.remove_prefix(comma + 1);
  }
}

// Nothing when it is one; else what is wrong with it.
std::string_view volume_error(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::string_view rest = text;;) {
    const std::size_t colon = rest.find(':');
    parts.push_back(rest.substr(0, colon));
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  if (parts.size() > 3) return "must be SOURCE:TARGET or SOURCE:TARGET:MODE";
  const std::string_view source = parts.front();
  const std::string_view target = parts.size() == 1 ? parts[0] : parts[1];
  if (!is_absolute(target)) return "must have an absolute path in the container as its target";
  const bool path =
      source.find('/') != std::string_view::npos || source.starts_with('.') || source.starts_with('~');
  if (path && !is_absolute(source)) {
    return "must have an absolute path on the host, or a volume's name, as its source: nothing on the host "
           "is "
           "relative to this file";
  }
  const bool name = is_network_name(source) || (has_placeholder(source) && !has_control_character(source));
  if (!path && !name) return "has no valid name of a volume as its source";
  if (parts.size() == 3 && !is_volume_mode(parts[2])) return "has a mode that docker does not know";
  return {};
}

void read_names(const Value& list, std::vector<std::string>& out, bool (*rule)(std::string_view),
                std::string_view what) {
  if (!list.present()) return;
  for (const auto& item : list.items()) {
    if (auto text = item.matching(rule, what)) out.push_back(std::move(*text));
  }
}

void read_volumes(const Value& list, std::vector<std::string>& out) {
  for (const auto& item : list.items()) {
    auto text = item.filled();
    if (!text) continue;
    if (const auto wrong = volume_error(*text); !wrong.empty()) {
      item.error(wrong);
    } else {
      out.push_back(std::move(*text));
    }
  }
}

void read_environment(const Value& value, std::map<std::string, std::string>& out) {
  set(out, value.text_map());
  for (const auto& [name, text] : out) {
    if (is_environment_name(name)) continue;
    const Value entry = value.get(name);
    (entry.present() ? entry : value)
        .error_at_key(entry.present() ? "is no name for an environment variable"
                                      : fmt::format("names {}, which is no name for an environment variable",
                                                    in_quotes(name)));
  }
}

void read_labels(const Value& value, std::map<std::string, std::string>& out) {
  set(out, value.text_map());
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
    if (name.empty() || !all_of(name, "abcdefghijklmnopqrstuvwxyz"))
      limit.error_at_key("is no name for a limit");
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
    if (auto text = item.matching(is_absolute, "an absolute path in the container"))
      out.push_back(std::move(*text));
  }
}

void read_limits(const Value& docker, Docker& out) {
  constexpr std::int64_t k_least_memory = 6 << 20;  // the engine refuses less
  set(out.mem_limit, docker.get("mem_limit").size(k_least_memory));
  set(out.cpus, docker.get("cpus").number_above_zero());
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
  set(out.stop_signal, docker.get("stop_signal").matching(is_signal, "a signal such as SIGTERM"));
  set(out.stop_grace_period, docker.get("stop_grace_period").duration(Zero::allowed));
  read_names(docker.get("cap_add"), out.cap_add, is_capability, "a capability such as NET_ADMIN");
  read_names(docker.get("cap_drop"), out.cap_drop, is_capability, "a capability such as NET_ADMIN");
}

}  // namespace

void read_docker(const Value& docker, Docker& out) {
  if (!docker.is_map()) return;
  set(out.container_port,
      docker.get("container_port").matching(is_port_or_placeholder, "a port from 1 to 65535, or {port}"));
  set(out.host_ip, docker.get("host_ip").matching(is_host_ip, "an IP address of the host, or none"));
  read_names(docker.get("networks"), out.networks, is_network_name, "the name of a network");
  read_environment(docker.get("environment"), out.environment);
  read_files(docker.get("env_file"), out.env_file);
  read_volumes(docker.get("volumes"), out.volumes);
  read_names(docker.get("extra_hosts"), out.extra_hosts, is_extra_host, "NAME:ADDRESS or NAME:host-gateway");
  read_limits(docker, out);
  read_process(docker, out);
  read_labels(docker.get("labels"), out.labels);
  if (docker.get("logging").present()) out.logging = read_logging(docker.get("logging"));
  read_tmpfs(docker.get("tmpfs"), out.tmpfs);
}

}  // namespace bgdeploy::spec
