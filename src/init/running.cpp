#include "running.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/size.hpp"
#include "bgdeploy/engine/options.hpp"
#include "bgdeploy/spec/document.hpp"
#include "bgdeploy/spec/short_syntax.hpp"

namespace bgdeploy::init {

using core::member;
using core::text_of;
using core::texts_of;
using proxy::Sending;

const Json& config_of(const RunningContainer& one) {
  return member(one.container, "Config");
}
const Json& host_config_of(const RunningContainer& one) {
  return member(one.container, "HostConfig");
}
const Json& labels_of(const RunningContainer& one) {
  return member(config_of(one), "Labels");
}
std::string name_of(const RunningContainer& one) {
  const std::string name = text_of(one.container, "Name");
  return name.starts_with('/') ? name.substr(1) : name;
}

Json literals(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(spec::without_substitutions(text));
  return list;
}

bool is_on_host_network(const RunningContainer& one) {
  return text_of(host_config_of(one), "NetworkMode") == "host";
}

namespace {

const Json& networks_of(const RunningContainer& one) {
  return member(member(one.container, "NetworkSettings"), "Networks");
}

Binding binding_of(const std::string& port, const Json& host) {
  const std::size_t slash = std::min(port.find('/'), port.size());
  Binding binding{core::parse_port(std::string_view(port).substr(0, slash)).value_or(0),
                  core::parse_port(text_of(host, "HostPort")).value_or(0), text_of(host, "HostIp")};
  if (slash < port.size()) binding.protocol = port.substr(slash + 1);
  return binding;
}

// As they were asked for; docker chose the port where none was named, or a range.
std::vector<Binding> published(const RunningContainer& one) {
  std::vector<Binding> all;
  const Json& given = member(member(one.container, "NetworkSettings"), "Ports");
  for (const Json* ports : {&member(host_config_of(one), "PortBindings"), &given}) {
    if (!ports->is_object()) continue;
    const std::size_t asked = ports == &given ? all.size() : 0;
    for (const auto& [port, hosts] : ports->items())
      for (const Json& host : hosts.is_array() ? hosts : Json::array()) {
        Binding binding = binding_of(port, host);
        const bool known = std::ranges::any_of(std::span(all).first(asked), [&](const Binding& other) {
          return other.container_port == binding.container_port && other.protocol == binding.protocol;
        });
        // 0.0.0.0 and [::] of one port.
        const bool twice = ports == &given && !all.empty() && all.back().host_port == binding.host_port;
        if (binding.container_port != 0 && binding.host_port != 0 && !known && !twice)
          all.push_back(std::move(binding));
      }
  }
  return all;
}

// What the image exposes, and what the app is told to listen on.
std::vector<Binding> host_ports(const RunningContainer& one) {
  std::vector<Binding> all;
  const auto add = [&](std::string_view text) {
    if (const int port = core::parse_port(text).value_or(0); port != 0) all.push_back({port, port});
  };
  for (const std::string& variable : texts_of(config_of(one), "Env"))
    for (const std::string_view name : {"PORT=", "SERVER_PORT=", "APP_PORT=", "HTTP_PORT="})
      if (variable.starts_with(name)) add(std::string_view(variable).substr(name.size()));
  if (const Json& exposed = member(config_of(one), "ExposedPorts"); exposed.is_object())
    for (const auto& [port, value] : exposed.items())
      if (port.ends_with("/tcp")) add(std::string_view(port).substr(0, port.find('/')));
  return all;
}

bool leads_to(const Sending& sending, const Binding& binding, std::span<const std::string> addresses) {
  if (binding.protocol != "tcp") return false;
  return sending.port == binding.host_port ||
         (sending.port == binding.container_port &&
          std::ranges::find(addresses, sending.address) != addresses.end());
}

// Of several the one that nginx sends to, else the one that the healthcheck asks, else one that is not known
// as a debugger's or of metrics. `sure`: whether anybody says so.
const Binding* slot_of(const RunningContainer& one, std::span<const Binding> bindings, Sendings sendings,
                       bool& sure) {
  std::vector<const Binding*> all;
  for (const Binding& binding : bindings)
    if (binding.protocol == "tcp") all.push_back(&binding);
  const auto addresses = addresses_of(one);
  sure = true;
  for (const Sending& sending : sendings)
    for (const Binding* binding : all)
      if (leads_to(sending, *binding, addresses)) return binding;
  const auto test =
      fmt::format("{} ", fmt::join(texts_of(member(config_of(one), "Healthcheck"), "Test"), " "));
  for (const Binding* binding : all)
    for (const char end : {'/', ' ', '"'})
      if (test.contains(fmt::format(":{}{}", binding->container_port, end))) return binding;
  sure = all.size() < 2;
  for (const Binding* binding : all) {
    constexpr int k_beside[] = {5005, 8000, 9010, 9090, 9100, 9229, 9404, 9464};
    if (std::ranges::find(k_beside, binding->container_port) == std::end(k_beside)) return binding;
  }
  return all.empty() ? nullptr : all[0];
}

std::string text_of_binding(const Binding& binding) {
  return fmt::format("{}{}{}:{}{}", binding.host_ip, binding.host_ip.empty() ? "" : ":", binding.host_port,
                     binding.container_port, binding.protocol == "tcp" ? "" : "/" + binding.protocol);
}

void read_ports(const RunningContainer& one, Sendings sendings, Run& run) {
  const auto bindings = bindings_of(one);
  bool sure = true;
  const Binding* slot = slot_of(one, bindings, sendings, sure);
  const bool publishes = !is_on_host_network(one);
  if (slot != nullptr) {
    run.container_port = slot->container_port;
    run.host_port = slot->host_port;
    if (publishes) run.host_ip = slot->host_ip.empty() ? "0.0.0.0" : slot->host_ip;
    if (!sure) run.because = fmt::format("{} publishes several ports; any of them may be the one", run.name);
  }
  for (const Binding& other : bindings)
    if (&other != slot && publishes)
      run.left_out.push_back(fmt::format("the port {} of {}: a slot publishes one port alone",
                                         text_of_binding(other), run.name));
  if (slot != nullptr) return;
  const auto addresses = addresses_of(one);
  for (const Sending& sending : sendings)
    if (std::ranges::find(addresses, sending.address) != addresses.end()) {
      run.container_port = sending.port;
      const bool by_name = sending.address.find_first_not_of("0123456789.") != std::string::npos;
      if (by_name) run.host_ip = "none";
      return;
    }
}

void read_networks(const RunningContainer& one, Run& run) {
  const std::string mode = text_of(host_config_of(one), "NetworkMode");
  if (mode == "host" || mode == "none" || mode.starts_with("container:"))
    run.left_out.push_back(fmt::format("`docker run --network {}` of {}: a slot has a network of its own",
                                       mode.substr(0, mode.find(':')), run.name));
  const Json& networks = networks_of(one);
  if (!networks.is_object()) return;
  for (const auto& [name, value] : networks.items()) {
    if (name != "bridge" && name != "host" && name != "none") run.networks.push_back(name);
    if (const auto aliases = engine::given_aliases(value, one.container); !aliases.empty())
      run.left_out.push_back(
          fmt::format("{} on the network {}, by which others reach {}: a slot has its container's name alone",
                      fmt::join(aliases, ", "), name, run.name));
  }
}

// "no", "always", "on-failure:3"
std::string restart_of(const Json& host) {
  const Json& policy = member(host, "RestartPolicy");
  std::string name = text_of(policy, "Name");
  if (name.empty()) name = "no";
  const auto most = core::integer(member(policy, "MaximumRetryCount")).value_or(0);
  return name == "on-failure" && most > 0 ? fmt::format("{}:{}", name, most) : name;
}

// What is not docker's default, and so what was asked for.
void read_defaults(const Json& own, const Json& host, const Json& image, Run& run) {
  run.settings["restart"] = restart_of(host);
  run.settings["stop_grace_period"] =
      fmt::format("{}s", core::integer(member(own, "StopTimeout")).value_or(10));
  if (const auto text = text_of(own, "StopSignal"); !text.empty() && text != text_of(image, "StopSignal"))
    run.settings["stop_signal"] = text;
  if (const auto bytes = core::integer(member(host, "ShmSize")); bytes && *bytes > 0 && *bytes != 64 << 20)
    run.settings["shm_size"] = core::format_size(*bytes);
  const Json &log = member(host, "LogConfig"), &options = member(log, "Config");
  if (const auto driver = text_of(log, "Type");
      !driver.empty() && (driver != "json-file" || !options.empty())) {
    run.settings["logging"] = {{"driver", driver}};
    if (!options.empty()) run.settings["logging"]["options"] = options;
  }
  if (const Json& limits = member(host, "Ulimits"); limits.is_array())
    for (const Json& limit : limits)
      run.settings["ulimits"][text_of(limit, "Name")] = {{"soft", member(limit, "Soft")},
                                                         {"hard", member(limit, "Hard")}};
  for (const auto& [target, options_of_it] : core::strings_of(host, "Tmpfs"))
    run.settings["tmpfs"].push_back(options_of_it.empty() ? target : target + ":" + options_of_it);
  const auto labels = core::strings_of(own, "Labels"), inherited = core::strings_of(image, "Labels");
  for (const auto& [name, value] : labels) {
    const auto same = inherited.find(name);
    const bool known = (same != inherited.end() && same->second == value) ||
                       name.starts_with("com.docker.compose.") || name.starts_with("bgdeploy.");
    if (known) continue;
    if (is_secret(name, value))
      run.left_out.push_back(fmt::format("the label {} of {}, which looks like a secret", name, run.name));
    else
      run.settings["labels"][name] = spec::without_substitutions(value);
  }
}

// Version 1 of compose names the targets of binds among the anonymous volumes too.
void read_mounts(const Json& own, const Json& host, const Json& image, Run& run) {
  std::set<std::string, std::less<>> targets;
  for (const auto& [target, options] : core::strings_of(host, "Tmpfs")) targets.insert(target);
  const auto add = [&](const std::string& volume, std::string_view target) {
    while (target.size() > 1 && target.ends_with('/')) target.remove_suffix(1);
    if (targets.emplace(target).second) run.volumes.push_back(spec::without_substitutions(volume));
  };
  for (const std::string& bind : texts_of(host, "Binds")) add(bind, spec::volume_target(bind));
  const Json& inherited = member(image, "Volumes");
  if (const Json& anonymous = member(own, "Volumes"); anonymous.is_object())
    for (const auto& [target, value] : anonymous.items())
      if (!inherited.is_object() || !inherited.contains(target)) add(target, target);
}

// What differs from the image's own.
void read_settings(const RunningContainer& one, Run& run) {
  const Json container = engine::with_short_mounts(one.container);
  const Json &own = member(container, "Config"), &host = member(container, "HostConfig"),
             &image = member(one.image, "Config");
  const auto from_image = texts_of(image, "Env");
  for (const std::string& text : texts_of(own, "Env")) {
    if (std::ranges::find(from_image, text) != from_image.end()) continue;
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) continue;
    run.environment.push_back({text.substr(0, equals), spec::without_substitutions(text.substr(equals + 1))});
  }
  if (texts_of(own, "Entrypoint") != texts_of(image, "Entrypoint"))
    run.settings["entrypoint"] = literals(texts_of(own, "Entrypoint"));
  if (texts_of(own, "Cmd") != texts_of(image, "Cmd"))
    run.settings["command"] = literals(texts_of(own, "Cmd"));
  for (const auto& [theirs, ours] : {std::pair("User", "user"), std::pair("WorkingDir", "working_dir")})
    if (const auto text = text_of(own, theirs); !text.empty() && text != text_of(image, theirs))
      run.settings[ours] = spec::without_substitutions(text);
  if (const auto bytes = core::integer(member(host, "Memory")); bytes && *bytes > 0)
    run.settings["mem_limit"] = core::format_size(*bytes);
  if (const auto nano = core::integer(member(host, "NanoCpus")); nano && *nano > 0)
    run.settings["cpus"] = static_cast<double>(*nano) / 1e9;
  for (const auto& [theirs, ours] : {std::pair("ExtraHosts", "extra_hosts"), std::pair("CapAdd", "cap_add"),
                                     std::pair("CapDrop", "cap_drop")})
    if (const auto texts = texts_of(host, theirs); !texts.empty()) run.settings[ours] = literals(texts);
  if (core::flag_of(host, "ReadonlyRootfs")) run.settings["read_only"] = true;
  if (core::flag_of(host, "Init")) run.settings["init"] = true;
  read_mounts(own, host, image, run);
  read_defaults(own, host, image, run);
}

// `docker tag` may have given it a name that no registry knows.
std::string image_of(const RunningContainer& one) {
  std::string image = text_of(config_of(one), "Image");
  const auto digests = texts_of(one.image, "RepoDigests");
  const std::string own = repository_of(image) + "@";
  const bool known = std::ranges::any_of(digests, [&](const auto& text) { return text.starts_with(own); });
  return known || digests.size() != 1 ? image : digests[0].substr(0, digests[0].find('@'));
}

}  // namespace

std::vector<Binding> bindings_of(const RunningContainer& one) {
  return is_on_host_network(one) ? host_ports(one) : published(one);
}

std::vector<std::string> addresses_of(const RunningContainer& one) {
  std::vector<std::string> all{name_of(one)};
  if (const Json& networks = networks_of(one); networks.is_object())
    for (const auto& [name, network] : networks.items()) {
      for (const std::string& alias : texts_of(network, "Aliases")) all.push_back(alias);
      all.push_back(text_of(network, "IPAddress"));
    }
  std::erase(all, "");
  return all;
}

bool sends_to(const Sending& sending, const RunningContainer& one) {
  const auto addresses = addresses_of(one);
  if (std::ranges::find(addresses, sending.address) != addresses.end()) return true;
  return std::ranges::any_of(bindings_of(one),
                             [&](const Binding& binding) { return leads_to(sending, binding, addresses); });
}

Run run_of(const RunningContainer& one, Sendings sendings, const std::string& source) {
  Run run{source, name_of(one), image_of(one)};
  read_ports(one, sendings, run);
  read_settings(one, run);
  read_networks(one, run);
  run.slot = text_of(labels_of(one), "bgdeploy.slot");
  run.stopped = one.stopped;
  return run;
}

}  // namespace bgdeploy::init
