// What runs on hosts: containers as the engine describes them, and where nginx sends.
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerInspect
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/size.hpp"
#include "bgdeploy/engine/options.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/proxy/inventory.hpp"
#include "bgdeploy/spec/document.hpp"
#include "bgdeploy/spec/reference.hpp"
#include "bgdeploy/spec/short_syntax.hpp"
#include "proxy.hpp"

namespace bgdeploy::init {
namespace {

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

void read_ports(const RunningContainer& one, Run& run) {
  const Json& bindings = member(host_config_of(one), "PortBindings");
  if (!bindings.is_object()) return;
  for (const auto& [port, hosts] : bindings.items()) {
    if (!port.ends_with("/tcp") || !hosts.is_array() || hosts.empty()) continue;
    run.container_port = core::parse_port(std::string_view(port).substr(0, port.find('/'))).value_or(0);
    run.host_port = core::parse_port(text_of(hosts[0], "HostPort")).value_or(0);
    run.host_ip = text_of(hosts[0], "HostIp");
    if (run.host_port != 0) return;
  }
}

Json literals(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(spec::without_substitutions(text));
  return list;
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
    if (!known && !is_secret(name, value)) run.settings["labels"][name] = spec::without_substitutions(value);
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
  if (const Json& mounts = member(host, "Mounts"); mounts.is_array())
    for (const Json& mount : mounts) {
      const std::string from = text_of(mount, "Source"), target = text_of(mount, "Target");
      if (target.empty() || text_of(mount, "Type") == "tmpfs") continue;
      add(from.empty() ? target : from + ":" + target + (core::flag_of(mount, "ReadOnly") ? ":ro" : ""),
          target);
    }
  const Json& inherited = member(image, "Volumes");
  if (const Json& anonymous = member(own, "Volumes"); anonymous.is_object())
    for (const auto& [target, value] : anonymous.items())
      if (!inherited.is_object() || !inherited.contains(target)) add(target, target);
}

// What differs from the image's own.
void read_settings(const RunningContainer& one, Run& run) {
  const Json &own = config_of(one), &host = host_config_of(one), &image = member(one.image, "Config");
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
  const Json& networks = member(member(one.container, "NetworkSettings"), "Networks");
  if (networks.is_object())
    for (const auto& [name, value] : networks.items())
      if (name != "bridge" && name != "host" && name != "none") run.networks.push_back(name);
}

// `docker tag` may have given it a name that no registry knows.
std::string image_of(const RunningContainer& one) {
  std::string image = text_of(config_of(one), "Image");
  const auto digests = texts_of(one.image, "RepoDigests");
  const std::string own = repository_of(image) + "@";
  const bool known = std::ranges::any_of(digests, [&](const auto& text) { return text.starts_with(own); });
  return known || digests.size() != 1 ? image : digests[0].substr(0, digests[0].find('@'));
}

Run run_of(const RunningContainer& one, const std::string& source) {
  Run run{source, name_of(one), image_of(one)};
  read_ports(one, run);
  read_settings(one, run);
  return run;
}

bool sends_to(const Sending& sending, const RunningContainer& one) {
  Run run;
  read_ports(one, run);
  return (run.host_port != 0 && sending.port == run.host_port) || sending.address == name_of(one);
}

// 2: nginx sends to it; 1: it has a port of the host; 0: neither, or it is no app.
int rank(const RunningContainer& one, const std::vector<Sending>& sendings) {
  if (is_beside(text_of(config_of(one), "Image"))) return 0;
  if (std::ranges::any_of(sendings, [&](const Sending& sending) { return sends_to(sending, one); })) return 2;
  Run run;
  read_ports(one, run);
  return run.host_port != 0 ? 1 : 0;
}

// The app's containers, and what else runs there.
std::vector<const RunningContainer*> apps_of(const HostState& host, const std::vector<Sending>& sendings) {
  std::vector<const RunningContainer*> apps;
  int best = 1;
  for (const RunningContainer& one : host.containers) best = std::max(best, rank(one, sendings));
  for (const RunningContainer& one : host.containers)
    if (rank(one, sendings) == best) apps.push_back(&one);
  // Both slots of one image, or the first one alone.
  if (apps.empty()) return apps;
  const std::string repository = repository_of(text_of(config_of(*apps[0]), "Image"));
  std::erase_if(
      apps, [&](const auto* one) { return repository_of(text_of(config_of(*one), "Image")) != repository; });
  return apps;
}

// The slots as the draft has them, by the container that runs.
std::vector<KnownSlot> slots_of(const Draft& draft) {
  std::vector<KnownSlot> slots;
  for (const Finding& one : draft.findings()) {
    if (one.path.size() != 2 || one.path[0] != "slots") continue;
    const Json& port = one.value.is_object() ? member(one.value, "port") : one.value;
    slots.push_back(
        {one.path[1], text_of(one.value, "container"), static_cast<int>(core::integer(port).value_or(0))});
  }
  return slots;
}

void take_over(Draft& draft, const std::string& name, int port, const std::string& container) {
  const Finding* known = draft.find({"slots", name});
  if (known == nullptr || draft.has({"compose"}) || known->value.is_object()) return;
  draft.change({"slots", name}, Json{{"port", port}, {"container", container}}, "what runs now");
}

void tell_project(Draft& draft, const RunningContainer& app, const std::string& slot, const HostState& host) {
  const std::string project = text_of(labels_of(app), "com.docker.compose.project");
  if (!draft.has({"compose"}) || project.empty()) return;
  draft.drop({"compose", "project"});
  std::string text = project;
  for (const char* between : {"-", "_", "."})
    if (text.ends_with(between + slot)) text = text.substr(0, text.size() - slot.size()) + "{slot}";
  if (text == slot) text = "{slot}";
  draft.say({"compose", "project"}, text, "as it runs on " + host.target);
  // Either version takes the other one's container for a changed one.
  if (text_of(labels_of(app), "com.docker.compose.version").starts_with("1."))
    draft.say({"compose", "command"}, Json::array({"docker-compose"}), "version 1 started what runs");
}

// The image's own goes with every container of it; what `docker run` added goes with this one alone.
void tell_health(Draft& draft, const RunningContainer& app, const HostState& host) {
  auto test = texts_of(member(config_of(app), "Healthcheck"), "Test");
  if (draft.has({"health"}) || test.size() < 2) return;
  const std::string source = "the healthcheck on " + host.target;
  if (tell_health_url(draft, fmt::format("{}", fmt::join(test, " ")), source)) return;
  if (app.image.is_null())
    return draft.guess({"health", "docker"}, true, source + ", if it is the image's own");
  if (texts_of(member(member(app.image, "Config"), "Healthcheck"), "Test") == test)
    return draft.say({"health", "docker"}, true, "the image's own healthcheck");
  const bool shell = test[0] == "CMD-SHELL";
  test.erase(test.begin());
  if (shell) test.insert(test.begin(), {"sh", "-c"});
  tell_masked(draft, {"health", "exec"}, literals(test), source + ", which the image does not have");
}

void tell_hosts(Draft& draft, const Path& path, const std::vector<std::string>& targets) {
  if (targets.empty()) return;
  draft.drop(path);
  draft.say(path, targets);
}

// Where a spec's default is another one than docker's.
void tell_as_it_runs(Draft& draft, const Run& run) {
  if (draft.has({"compose"})) return;
  if (run.host_port != 0)
    draft.say({"docker", "host_ip"}, run.host_ip.empty() ? "0.0.0.0" : run.host_ip,
              "as it is published now; 127.0.0.1 is enough for an nginx on the same machine");
  for (const char* key : {"restart", "stop_grace_period"})
    if (run.settings.contains(key)) {
      draft.drop({"docker", key});
      draft.say({"docker", key}, run.settings[key], "as it runs now");
    }
}

// Nothing says from which files.
void tell_build(Draft& draft, const RunningContainer& app, const HostState& host) {
  draft.guess({"build", "context"}, ".", "no registry has the image that runs: it was built there");
  if (const auto id = text_of(app.container, "Image"); spec::check_digest(id))
    draft.note(
        fmt::format("`bgdeploy plan --digest {}` compares what runs on {} with this spec: only docker there "
                    "knows the image",
                    id, host.target));
}

// The files of the folder describe what runs, or what runs is told as it is.
void tell_apps(Draft& draft, const HostState& host, const std::vector<const RunningContainer*>& apps) {
  std::vector<Run> runs;
  for (const auto* app : apps) runs.push_back(run_of(*app, host.target));
  const bool built = texts_of(apps[0]->image, "RepoDigests").empty();
  const auto slots = slots_of(draft);
  const auto described = [&](const KnownSlot& slot) {
    return std::ranges::any_of(runs, [&](const Run& run) {
      return (run.host_port != 0 && run.host_port == slot.port) || run.name == slot.container;
    });
  };
  const auto slot = std::ranges::find_if(slots, described);
  if (slot == slots.end()) {
    for (const char* key : {"slots", "docker", "compose", "image", "service", "secrets"}) draft.drop({key});
    if (!built) draft.drop({"build"});
    tell_runs(draft, runs);
    tell_as_it_runs(draft, runs[0]);
    for (const std::string& option : engine::options_without_key(apps[0]->container, apps[0]->image))
      draft.note(fmt::format("`docker run {}` of {}", option, runs[0].name));
    if (built) tell_build(draft, *apps[0], host);
    return;
  }
  if (built) tell_build(draft, *apps[0], host);
  take_over(draft, slot->name, slot->port, runs[0].name);
  tell_as_it_runs(draft, runs[0]);
  tell_project(draft, *apps[0], slot->name, host);
}

}  // namespace

std::optional<ComposeOrigin> compose_origin(const HostState& host) {
  const auto apps = apps_of(host, proxy::sendings(host.dump));
  if (apps.empty()) return std::nullopt;
  const Json& labels = labels_of(*apps[0]);
  ComposeOrigin origin{{},
                       text_of(labels, "com.docker.compose.project"),
                       text_of(labels, "com.docker.compose.project.working_dir")};
  std::string files = text_of(labels, "com.docker.compose.project.config_files");
  for (std::size_t at = 0; at < files.size();) {
    const std::size_t end = std::min(files.find(',', at), files.size());
    std::string file = files.substr(at, end - at);
    if (!file.starts_with('/')) file = origin.folder + "/" + file;
    origin.files.push_back(std::move(file));
    at = end + 1;
  }
  if (origin.project.empty() || origin.files.empty()) return std::nullopt;
  return origin;
}

void read_hosts(Draft& draft, std::span<const HostState> hosts) {
  std::vector<std::string> app_hosts, proxy_hosts;
  bool told = false, sudo = false;
  const bool any_app = std::ranges::any_of(
      hosts, [](const HostState& host) { return !apps_of(host, proxy::sendings(host.dump)).empty(); });
  const bool any_docker = std::ranges::any_of(hosts, &std::string::empty, &HostState::without_docker);
  // Where nothing runs yet, the hosts with docker are to run it.
  const auto is_proxy = [&](const HostState& host) {
    const bool bare = !host.without_docker.empty();
    const bool has_nginx = !host.dump.empty() || (bare && !host.refused.empty());
    return has_nginx && (any_app || (any_docker && bare));
  };
  for (const HostState& host : hosts) {
    draft.read_from(host.target);
    const auto sendings = proxy::sendings(host.dump);
    const auto apps = apps_of(host, sendings);
    sudo = sudo || host.sudo;
    (apps.empty() && is_proxy(host) ? proxy_hosts : app_hosts).push_back(host.target);
    if (apps.empty() || told) continue;
    told = true;
    tell_apps(draft, host, apps);
    tell_health(draft, *apps[0], host);
    for (const RunningContainer& one : host.containers)
      if (std::ranges::find(apps, &one) == apps.end() && name_of(one) != host.nginx)
        draft.note(fmt::format("{} ({}) runs on {} too{}", name_of(one), text_of(config_of(one), "Image"),
                               host.target,
                               rank(one, sendings) == rank(*apps[0], sendings)
                                   ? ", and may be the service as well as " + name_of(*apps[0])
                                   : ""));
  }
  for (const std::string& target : app_hosts)
    if (const auto host = std::ranges::find(hosts, target, &HostState::target); !host->without_docker.empty())
      draft.note(host->without_docker + ": `bgdeploy setup` shows what a deploy needs there");
  for (const HostState& host : hosts)
    if (!host.refused.empty())
      draft.note(fmt::format("nginx on {}: its configuration could not be read ({}){}", host.target,
                             host.refused,
                             host.refused.contains("Permission denied")
                                 ? ". With root's rights, as by sudo, init sees where it sends"
                                 : ""));
  tell_hosts(draft, {"hosts", "app"}, app_hosts);
  tell_hosts(draft, {"hosts", "proxy"}, proxy_hosts);
  if (sudo) draft.say({"ssh", "sudo"}, true, "sudo asks for no password there");
  const auto slots = slots_of(draft);
  for (const HostState& host : hosts)
    if (!host.dump.empty()) tell_proxy(draft, host, slots);
}

}  // namespace bgdeploy::init
