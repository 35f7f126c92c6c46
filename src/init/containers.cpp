// What runs on hosts: containers as the engine describes them, and where nginx sends.
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerInspect
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "apps.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/engine/options.hpp"
#include "bgdeploy/proxy/inventory.hpp"
#include "bgdeploy/spec/document.hpp"
#include "bgdeploy/spec/load.hpp"
#include "bgdeploy/spec/reference.hpp"
#include "proxy.hpp"
#include "running.hpp"

namespace bgdeploy::init {
namespace {

using core::member;
using core::text_of;
using core::texts_of;
using proxy::Sending;

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

// What the newest deploy that served recorded; null where none did.
Json recorded_of(const HostState& host, const RunningContainer& app) {
  const auto history = host.history.find(text_of(labels_of(app), "bgdeploy.service"));
  Json newest;
  if (history == host.history.end()) return newest;
  const auto bindings = bindings_of(app);
  for (const std::string& line : core::split_lines(history->second)) {
    const Json entry = Json::parse(line, nullptr, false);
    const Json& ports = member(entry, "ports");
    const bool of_app = ports.is_array() && std::ranges::any_of(bindings, [&](const Binding& binding) {
                          return std::ranges::find(ports, Json(binding.host_port)) != ports.end();
                        });
    // What publishes nothing has no port by which it could be another environment's.
    if ((of_app || bindings.empty()) && core::flag_of(entry, "served")) newest = entry;
  }
  return newest;
}

// What a deploy waited for; its headers are not recorded.
bool tell_recorded_health(Draft& draft, const Json& recorded, const std::string& source) {
  const std::string text = text_of(recorded, "health");
  const Json health = Json::parse(text, nullptr, false);
  if (draft.has({"health"}) || !health.is_object() || !spec::load_health(text)) return false;
  for (const auto& [key, value] : health.items()) {
    if (key == "exec") {
      tell_masked(draft, {"health", key}, value, source);
    } else if (key != "http") {
      draft.say({"health", key}, value);
    } else {
      tell_health_path(draft, text_of(value, "path"), source);
      for (const auto& [option, of_it] : value.items()) draft.say({"health", key, option}, of_it);
    }
  }
  return true;
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
  if (run.host_ip == "none")
    draft.say({"docker", "host_ip"}, run.host_ip, "nothing is published: nginx is on the same network");
  else if (!run.host_ip.empty())
    draft.say({"docker", "host_ip"}, run.host_ip,
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

// A port that a file's reader made up, and that somebody has there.
void move_guesses(Draft& draft, const std::set<int>& taken) {
  std::set<int> others = taken;
  for (const KnownSlot& slot : slots_of(draft)) others.insert(slot.port);
  for (const KnownSlot& slot : slots_of(draft)) {
    const Finding& known = *draft.find({"slots", slot.name});
    if (!taken.contains(slot.port) || !known.comment.starts_with("guessed")) continue;
    Json value = known.value;
    const auto [port, because] = free_port(slot.port, others);
    (value.is_object() ? value["port"] : value) = port;
    draft.change({"slots", slot.name}, std::move(value), "guessed: " + because);
  }
}

// As whoever runs it calls it, where the image's name would say less, or be another service's too.
void tell_name(Draft& draft, const HostState& host, const std::vector<const RunningContainer*>& apps,
               bool worker) {
  const auto is_free = [](const std::string& word) {
    constexpr std::string_view k_words[] = {"app",      "web",     "server", "api",   "backend",
                                            "frontend", "service", "site",   "main",  "worker",
                                            "image",    "node",    "java",   "python"};
    return std::ranges::find(k_words, word) == std::end(k_words);
  };
  const auto image_in = [](const RunningContainer& one) { return repository_of(run_of(one, {}, "").image); };
  const std::string image = image_in(*apps[0]);
  const bool shared = std::ranges::any_of(host.containers, [&](const RunningContainer& one) {
    return !one.stopped && image_in(one) == image && std::ranges::find(apps, &one) == apps.end();
  });
  const std::string name = core::to_lower(without_slot(name_of(*apps[0])));
  const bool better = worker || shared || (!is_free(image.substr(image.rfind('/') + 1)) && is_free(name));
  const bool is_name = core::is_digit(name[0]) || (name[0] >= 'a' && name[0] <= 'z');
  if (better && is_name) draft.guess({"service"}, name, "the container's name");
}

// Nothing is sent to it, so its slots have no ports, and containers of their own names.
void tell_worker(Draft& draft, const HostState& host, const std::vector<const RunningContainer*>& apps) {
  Json names = Json::array();
  for (const KnownSlot& slot : slots_of(draft)) names.push_back(slot.name);
  for (const Path& path : {Path{"slots"}, Path{"docker", "container_port"}, Path{"docker", "host_ip"}})
    draft.drop(path);
  if (!text_of(labels_of(*apps[0]), "bgdeploy.service").empty())
    draft.say({"slots"}, names, "as bgdeploy deployed it");
  else
    draft.guess({"slots"}, names, "a worker's, without ports: nothing says that it listens");
  draft.drop({"proxy"});
  draft.say({"proxy"}, "none", "nothing is sent to it");
  const std::string service = draft.text({"service"});
  for (const auto* app : apps) {
    const std::string own = slot_in(name_of(*app));
    if (names.size() == 2 && name_of(*app) != service + "-" + own)
      draft.note(fmt::format(
          "{0} ({1}) on {2} is no slot by its name, so a first deploy would start another one beside it: "
          "`docker rename {0} {3}-{4}` lets that deploy take over from it",
          name_of(*app), text_of(config_of(*app), "Image"), host.target, service,
          names[0].get_ref<const std::string&>()));
  }
}

// The files of the folder describe what runs, or what runs is told as it is.
void tell_apps(Draft& draft, const HostState& host, const std::vector<const RunningContainer*>& apps,
               Sendings sendings, const std::set<int>& taken, bool worker) {
  std::vector<Run> runs;
  const Json recorded = recorded_of(host, *apps[0]);
  tell_recorded_health(draft, recorded, "the deploys on " + host.target);
  for (const auto* app : apps) {
    runs.push_back(run_of(*app, sendings, host.target));
    for (const Json& port : member(recorded, "ports"))
      if (const auto number = core::integer(port)) runs.back().ports.push_back(static_cast<int>(*number));
    if (worker && runs.back().slot.empty()) runs.back().slot = slot_in(name_of(*app));
  }
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
    if (const auto service = text_of(labels_of(*apps[0]), "bgdeploy.service"); !service.empty())
      draft.say({"service"}, service, "as bgdeploy deployed it");
    else
      tell_name(draft, host, apps, worker);
    tell_runs(draft, runs, true, taken);
    if (worker) tell_worker(draft, host, apps);
    tell_as_it_runs(draft, runs[0]);
    for (const std::string& option : engine::options_without_key(apps[0]->container, apps[0]->image))
      if (option != "--network-alias")  // told with its names
        draft.note(fmt::format("`docker run {}` of {}", option, runs[0].name));
    if (built) tell_build(draft, *apps[0], host);
    return;
  }
  if (built) tell_build(draft, *apps[0], host);
  move_guesses(draft, taken);
  take_over(draft, slot->name, slot->port, runs[0].name);
  tell_as_it_runs(draft, runs[0]);
  tell_project(draft, *apps[0], slot->name, host);
}

// Everything else that runs is somebody's too.
void note_others(Draft& draft, const HostState& host, const std::vector<const RunningContainer*>& apps,
                 Sendings sendings) {
  for (const RunningContainer& one : host.containers) {
    if (one.stopped || std::ranges::find(apps, &one) != apps.end() || name_of(one) == host.nginx) continue;
    const bool like = !apps.empty() && rank_of(one, sendings) == rank_of(*apps[0], sendings);
    draft.note(fmt::format("{} ({}) runs on {} too{}", name_of(one), text_of(config_of(one), "Image"),
                           host.target,
                           like ? ", and may be the service as well as " + name_of(*apps[0]) : ""));
  }
}

// What of one host is the service.
struct OnHost {
  const HostState* host = nullptr;
  std::vector<const RunningContainer*> apps{};
  std::vector<Sending> sendings{};
};

// By the spec's names; of a variable the name alone.
std::vector<std::string> differences(const Run& one, const Run& other) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name, bool differs) {
    if (differs && std::ranges::find(names, name) == names.end()) names.push_back(name);
  };
  add("image " + other.image, one.image != other.image);
  add("container " + other.name, one.name != other.name);
  add("port", one.host_port != other.host_port);
  add("container_port", one.container_port != other.container_port);
  add("host_ip", one.host_ip != other.host_ip);
  for (const auto& [some, rest] : {std::pair(&one, &other), std::pair(&other, &one)}) {
    for (const Setting& setting : some->environment)
      add("environment " + setting.name, std::ranges::none_of(rest->environment, [&](const Setting& same) {
            return same.name == setting.name && same.value == setting.value;
          }));
    for (const auto& [key, value] : some->settings.items()) add(key, member(rest->settings, key) != value);
  }
  add("volumes", one.volumes != other.volumes);
  add("networks", one.networks != other.networks);
  return names;
}

// Of what bgdeploy deployed, a deploy tells them.
void note_differences(Draft& draft, const OnHost& first, const OnHost& second) {
  for (const auto* app : second.apps) {
    if (!text_of(labels_of(*app), "bgdeploy.service").empty()) continue;
    const auto same = std::ranges::find_if(
        first.apps, [&](const RunningContainer* one) { return name_of(*one) == name_of(*app); });
    const RunningContainer& one = same == first.apps.end() ? *first.apps[0] : **same;
    const auto names = differences(run_of(one, first.sendings, ""), run_of(*app, second.sendings, ""));
    if (!names.empty())
      draft.note(fmt::format("{} on {} is not as {} on {}, and a spec has one word for both: {}",
                             name_of(*app), second.host->target, name_of(one), first.host->target,
                             fmt::join(names, ", ")));
  }
}

// Of the host's own nginx, or of those that stand before it.
std::vector<Sending> sendings_to(const HostState& host, std::span<const HostState> hosts) {
  auto all = proxy::sendings(host.dump);
  if (host.dump.empty())
    for (const HostState& proxy : hosts)
      std::ranges::move(proxy::sendings(proxy.dump), std::back_inserter(all));
  return all;
}

// What names no container has `SERVICE-SLOT`, as a deploy will.
std::vector<KnownSlot> slots_with_addresses(const Draft& draft, std::span<const HostState> hosts) {
  auto slots = slots_of(draft);
  const bool of_compose = draft.has({"compose"});
  for (KnownSlot& slot : slots) {
    if (slot.container.empty() && !of_compose) slot.container = draft.text({"service"}) + "-" + slot.name;
    for (const HostState& host : hosts)
      for (const RunningContainer& one : host.containers)
        if (!slot.container.empty() && name_of(one) == slot.container)
          std::ranges::move(addresses_of(one), std::back_inserter(slot.addresses));
  }
  return slots;
}

}  // namespace

std::optional<ComposeOrigin> compose_origin(const HostState& host) {
  const auto sendings = proxy::sendings(host.dump);
  const auto apps = apps_of(host, sendings);
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
  OnHost first;
  bool sudo = false;
  const bool any_app = std::ranges::any_of(
      hosts, [&](const HostState& host) { return !apps_of(host, sendings_to(host, hosts)).empty(); });
  const bool any_docker = std::ranges::any_of(hosts, &std::string::empty, &HostState::without_docker);
  // What the folder describes is no worker that happens to run there.
  const bool described = draft.has({"image"}) || draft.has({"build"}) || draft.has({"compose"});
  // Where nothing runs yet, the hosts with docker are to run it.
  const auto is_proxy = [&](const HostState& host) {
    const bool bare = !host.without_docker.empty();
    const bool has_nginx = !host.dump.empty() || (bare && !host.refused.empty());
    return has_nginx && (any_app || (any_docker && bare));
  };
  for (const HostState& host : hosts) {
    draft.read_from(host.target);
    const auto sendings = sendings_to(host, hosts);
    auto apps = apps_of(host, sendings);
    const bool worker = apps.empty() && !any_app && !described;
    if (worker) apps = workers_of(host);
    sudo = sudo || host.sudo;
    (apps.empty() && is_proxy(host) ? proxy_hosts : app_hosts).push_back(host.target);
    note_others(draft, host, apps, sendings);
    if (apps.empty()) continue;
    if (first.host != nullptr) {
      note_differences(draft, first, {&host, apps, sendings});
      continue;
    }
    tell_apps(draft, host, apps, sendings, taken_ports(hosts, apps), worker);
    tell_health(draft, *apps[0], host);
    first = {&host, apps, sendings};
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
  const auto slots = slots_with_addresses(draft, hosts);
  for (const HostState& host : hosts)
    if (!host.dump.empty()) tell_proxy(draft, host, slots);
}

}  // namespace bgdeploy::init
