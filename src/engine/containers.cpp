#include <fmt/format.h>

#include "answer.hpp"
#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/engine/client.hpp"
#include "bgdeploy/engine/restart_policy.hpp"

namespace bgdeploy::engine {
namespace {

using core::dump_json;
using core::ErrorKind;
using core::flag_of;
using core::Json;
using core::member;
using core::number_of;
using core::strings_of;
using core::text_of;

constexpr int k_last_port = 65535;

std::string without_slash(std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);
  return name;
}

// The port at the start of a text; 0 where there is none.
int to_port(std::string_view digits) {
  const int value = core::leading_number<int>(digits).value_or(0);
  return value <= k_last_port ? value : 0;
}

// Docker writes nanoseconds and "0001-01-01T00:00:00Z" for never.
core::SystemTime time_of(const Json& json, std::string_view name) {
  std::string text = text_of(json, name);
  if (text.starts_with("0001-")) return {};
  if (const auto dot = text.find('.'); dot != std::string::npos) {
    const auto end = text.find_first_not_of("0123456789", dot + 1);
    std::string milliseconds = text.substr(dot + 1, 3);
    if (end == std::string::npos || end - dot < 4) milliseconds = "000";
    text = text.substr(0, dot + 1) + milliseconds + (end == std::string::npos ? "Z" : text.substr(end));
  }
  return core::parse_time(text).value_or(core::SystemTime{});
}

Result<ContainerSummary> summary_of(const Json& json) {
  ContainerSummary summary{text_of(json, "Id"), {}, strings_of(json, "Labels"), text_of(json, "State"), {}};
  for (const auto& name : member(json, "Names")) {
    if (name.is_string()) summary.names.push_back(without_slash(name.get<std::string>()));
  }
  for (const auto& port : member(json, "Ports")) {
    BGDEPLOY_ASSIGN(const int own, number_of<int>(port, "PrivatePort", 0, k_last_port));
    BGDEPLOY_ASSIGN(const int on_host, number_of<int>(port, "PublicPort", 0, k_last_port));
    summary.ports.push_back({own, text_of(port, "Type"), text_of(port, "IP"), on_host});
  }
  summary.image_id = text_of(json, "ImageID");
  return summary;
}

// {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}], "9090/tcp": null}
std::vector<PublishedPort> ports_of(const Json& ports) {
  std::vector<PublishedPort> published;
  if (!ports.is_object()) return published;
  for (const auto& [key, bindings] : ports.items()) {
    const auto slash = key.find('/');
    const PublishedPort port{to_port(key), slash == std::string::npos ? "tcp" : key.substr(slash + 1), {}, 0};
    if (!bindings.is_array() || bindings.empty()) {
      published.push_back(port);
      continue;
    }
    for (const auto& binding : bindings) {
      published.push_back({port.container_port, port.protocol, text_of(binding, "HostIp"),
                           to_port(text_of(binding, "HostPort"))});
    }
  }
  return published;
}

// The same of HostConfig, where a host's port may be "8081-8085".
std::vector<PortBinding> bindings_of(const Json& ports) {
  std::vector<PortBinding> bindings;
  if (!ports.is_object()) return bindings;
  for (const auto& [key, entries] : ports.items()) {
    const auto slash = key.find('/');
    const std::string protocol = slash == std::string::npos ? "tcp" : key.substr(slash + 1);
    if (!entries.is_array()) continue;
    for (const auto& entry : entries) {
      const std::string range = text_of(entry, "HostPort");
      const auto dash = range.find('-');
      const int first = to_port(range);
      bindings.push_back(
          {to_port(key), protocol, text_of(entry, "HostIp"), first,
           dash == std::string::npos ? first : to_port(std::string_view(range).substr(dash + 1))});
    }
  }
  return bindings;
}

Result<void> read_state(const Json& state, Container& container) {
  container.status = text_of(state, "Status");
  container.running = flag_of(state, "Running");
  BGDEPLOY_ASSIGN(container.pid, number_of<int>(state, "Pid", 0));
  BGDEPLOY_ASSIGN(container.exit_code, number_of<int>(state, "ExitCode"));
  container.oom_killed = flag_of(state, "OOMKilled");
  container.error = text_of(state, "Error");
  container.started = time_of(state, "StartedAt");
  container.finished = time_of(state, "FinishedAt");
  const Json& health = member(state, "Health");
  container.health = text_of(health, "Status");
  if (container.health == "none") container.health.clear();
  if (const Json& log = member(health, "Log"); log.is_array() && !log.empty())
    container.health_output = text_of(log.back(), "Output");
  return {};
}

Result<std::string> restart_policy_of(const Json& json) {
  const auto name = text_of(json, "Name");
  BGDEPLOY_ASSIGN(const int retries, number_of<int>(json, "MaximumRetryCount", 0));
  if (name.empty()) return "no";
  return retries == 0 ? name : fmt::format("{}:{}", name, retries);
}

// Docker gives a container that says nothing about it 10 s, and waits for ever where the number is negative.
Result<std::optional<core::Duration>> stop_timeout_of(const Json& config) {
  if (member(config, "StopTimeout").is_null()) return std::nullopt;
  BGDEPLOY_ASSIGN(const int seconds, number_of<int>(config, "StopTimeout"));
  return seconds < 0 ? core::Duration::max() : core::Duration(std::chrono::seconds(seconds));
}

Result<Container> container_of(const Json& json) {
  Container container;
  container.id = text_of(json, "Id");
  container.name = without_slash(text_of(json, "Name"));
  container.image_id = text_of(json, "Image");
  BGDEPLOY_ASSIGN(container.restarts, number_of<int>(json, "RestartCount", 0));
  container.created = time_of(json, "Created");
  BGDEPLOY_TRY(read_state(member(json, "State"), container));
  const Json& config = member(json, "Config");
  container.image = text_of(config, "Image");
  container.labels = strings_of(config, "Labels");
  container.tty = flag_of(config, "Tty");
  BGDEPLOY_ASSIGN(container.stop_timeout, stop_timeout_of(config));
  const Json& host_config = member(json, "HostConfig");
  BGDEPLOY_ASSIGN(container.restart_policy, restart_policy_of(member(host_config, "RestartPolicy")));
  container.network_mode = text_of(host_config, "NetworkMode");
  BGDEPLOY_ASSIGN(container.memory_limit, number_of<std::int64_t>(host_config, "Memory"));
  container.bindings = bindings_of(member(host_config, "PortBindings"));
  const Json& settings = member(json, "NetworkSettings");
  container.ports = ports_of(member(settings, "Ports"));
  if (const Json& networks = member(settings, "Networks"); networks.is_object()) {
    for (const auto& [name, network] : networks.items())
      container.networks.emplace(name, text_of(network, "IPAddress"));
  }
  return container;
}

}  // namespace

Result<std::vector<ContainerSummary>> Client::list_containers(const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto response, call(request("GET", "/containers/json?all=1"), wait));
  BGDEPLOY_ASSIGN(const auto json, parse_answer(response.body));
  std::vector<ContainerSummary> containers;
  for (const auto& entry : json) {
    BGDEPLOY_ASSIGN(auto summary, answered(summary_of(entry)));
    containers.push_back(std::move(summary));
  }
  return containers;
}

Result<Container> Client::inspect_container(const std::string& id, const Wait& wait) {
  BGDEPLOY_ASSIGN(auto response, call(request("GET", "/containers/" + percent_encode(id) + "/json"), wait));
  BGDEPLOY_ASSIGN(const auto json, parse_answer(response.body));
  BGDEPLOY_ASSIGN(auto container, answered(container_of(json)));
  container.asked = response.date != core::SystemTime{} ? response.date : std::chrono::system_clock::now();
  container.json = std::move(response.body);
  return container;
}

Result<std::string> Client::create_container(const std::string& name, const std::string& body,
                                             const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto response,
                  call(request("POST", "/containers/create?name=" + percent_encode(name), body), wait));
  BGDEPLOY_ASSIGN(const auto json, parse_answer(response.body));
  auto id = text_of(json, "Id");
  if (id.empty()) return core::fail(ErrorKind::refused, "docker: no container id in its answer");
  return id;
}

Result<void> Client::start_container(const std::string& id, const Wait& wait) {
  BGDEPLOY_TRY(call(request("POST", "/containers/" + percent_encode(id) + "/start"), wait));
  return {};
}

Result<void> Client::stop_container(const std::string& id, core::Duration grace, const Wait& wait) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(grace).count();
  BGDEPLOY_TRY(
      call(request("POST", fmt::format("/containers/{}/stop?t={}", percent_encode(id), seconds)), wait));
  return {};
}

Result<void> Client::unpause_container(const std::string& id, const Wait& wait) {
  BGDEPLOY_TRY(call(request("POST", "/containers/" + percent_encode(id) + "/unpause"), wait));
  return {};
}

Result<void> Client::remove_container(const std::string& id, Removal removal, const Wait& wait) {
  const auto path = fmt::format("/containers/{}?force={}&v={}", percent_encode(id), removal.force,
                                removal.anonymous_volumes);
  BGDEPLOY_TRY(call(request("DELETE", path), wait));
  return {};
}

Result<void> Client::rename_container(const std::string& id, const std::string& name, const Wait& wait) {
  BGDEPLOY_TRY(call(
      request("POST", fmt::format("/containers/{}/rename?name={}", percent_encode(id), percent_encode(name))),
      wait));
  return {};
}

Result<void> Client::set_restart_policy(const std::string& id, const std::string& policy, const Wait& wait) {
  // Podman has no such call. Its podman-restart.service starts at boot what has the policy `always`.
  if (m_podman) return {};
  const Json body{{"RestartPolicy", restart_policy(policy)}};
  BGDEPLOY_TRY(call(request("POST", "/containers/" + percent_encode(id) + "/update", dump_json(body)), wait));
  return {};
}

Result<int> Client::await_container(const std::string& id, Until until, const Wait& wait) {
  const auto* condition = until == Until::removed ? "removed" : "not-running";
  BGDEPLOY_ASSIGN(
      const auto response,
      call(request("POST", fmt::format("/containers/{}/wait?condition={}", percent_encode(id), condition)),
           wait));
  BGDEPLOY_ASSIGN(const auto json, parse_answer(response.body));
  return answered(number_of<int>(json, "StatusCode"));
}

Result<void> Client::ensure_network(const std::string& name, const Wait& wait) {
  const auto found = call(request("GET", "/networks/" + percent_encode(name)), wait);
  if (found) return {};
  if (found.error().kind != ErrorKind::not_found) return std::unexpected(found.error());
  const Json body{{"Name", name},
                  {"Driver", "bridge"},
                  {"CheckDuplicate", true},
                  {"Labels", {{"bgdeploy.created", "true"}}}};
  const auto created = call(request("POST", "/networks/create", dump_json(body)), wait);
  // Somebody was faster.
  if (created || created.error().kind == ErrorKind::conflict) return {};
  return std::unexpected(created.error());
}

Result<void> Client::connect_network(const std::string& network, const std::string& container_id,
                                     const std::string& alias, const Wait& wait) {
  Json body{{"Container", container_id}};
  if (!alias.empty()) body["EndpointConfig"]["Aliases"] = Json::array({alias});
  BGDEPLOY_TRY(
      call(request("POST", "/networks/" + percent_encode(network) + "/connect", dump_json(body)), wait));
  return {};
}

Result<void> Client::remove_unused_networks(const std::string& label, const std::string& value,
                                            const Wait& wait) {
  const auto filter = [](const char* name, const std::string& text) {
    return "filters=" + percent_encode(dump_json(Json{{name, Json::array({text})}}));
  };
  BGDEPLOY_ASSIGN(const auto response,
                  call(request("GET", "/networks?" + filter("label", label + "=" + value)), wait));
  BGDEPLOY_ASSIGN(const auto networks, parse_answer(response.body));
  for (const auto& network : networks) {
    const auto id = text_of(network, "Id");
    BGDEPLOY_ASSIGN(const auto users,
                    call(request("GET", "/containers/json?all=1&" + filter("network", id)), wait));
    BGDEPLOY_ASSIGN(const auto containers, parse_answer(users.body));
    if (!containers.empty()) continue;
    const auto removed = call(request("DELETE", "/networks/" + percent_encode(id)), wait);
    // Gone already, or somebody joined it meanwhile.
    if (!removed && removed.error().kind != ErrorKind::not_found &&
        removed.error().kind != ErrorKind::denied && removed.error().kind != ErrorKind::conflict)
      return std::unexpected(removed.error());
  }
  return {};
}

}  // namespace bgdeploy::engine
