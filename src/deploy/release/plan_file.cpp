#include "bgdeploy/deploy/release/plan_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/sha256.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "bgdeploy/spec/flatten.hpp"
#include "bgdeploy/spec/reference.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using core::Json;
using core::member;
using core::Result;
using core::text_of;
using nlohmann::ordered_json;

constexpr const char* k_format = "bgdeploy_plan";
constexpr int k_version = 1;
constexpr const char* k_checksum = "checksum";

std::string dumped(const ordered_json& document) {
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// Against a file that was cut off or edited by hand. Who writes a new one could as well deploy.
std::string checksum_of(const ordered_json& body) {
  core::Sha256 sha;
  sha.add(dumped(body));
  return "sha256:" + sha.hex();
}

// --- what a plan stands on --------------------------------------------------------------------------------

// Headers may hold secrets that nobody declared.
spec::Spec without_headers(spec::Spec spec) {
  const auto drop = [](std::map<std::string, std::string>& headers) {
    for (auto& [name, value] : headers) value.clear();
  };
  if (auto* http = std::get_if<spec::HealthHttp>(&spec.health.probe)) drop(http->headers);
  if (spec.watch)
    for (spec::WatchUrl& url : spec.watch->urls) drop(url.headers);
  return spec;
}

// Only the image knows it, and it may come onto a host between plan and deploy.
plan::Launch as_written(const spec::Spec& spec, plan::Launch launch) {
  if (auto* docker = std::get_if<spec::Docker>(&launch.with))
    docker->container_port = spec.docker.container_port;
  return launch;
}

ordered_json by_key(const std::map<std::string, std::string>& flat, report::Redactor& redactor) {
  ordered_json object = ordered_json::object();
  for (const auto& [key, value] : flat) object[key] = redactor.redacted(value);
  return object;
}

ordered_json container_json(const std::optional<plan::Container>& container) {
  if (!container) return nullptr;
  return {{"id", container->id}, {"name", container->name}, {"runs", container->active()}};
}

ordered_json hosts_json(const spec::Spec& spec, const plan::State& state) {
  ordered_json hosts = ordered_json::array();
  for (const plan::AppHost& host : state.app_hosts) {
    ordered_json slots = ordered_json::array();
    for (std::size_t i = 0; i < host.slots.size(); ++i) {
      const plan::SlotState& seen = host.slots[i];
      ordered_json others = ordered_json::array();
      for (const plan::Container& other : seen.others) others.push_back(container_json(other));
      for (const plan::Stranger& other : seen.strangers) others.push_back(container_json(other.container));
      slots.push_back({{"slot", spec.slots[i].name},
                       {"container", container_json(seen.container)},
                       {"aside", container_json(seen.aside)},
                       {"others", std::move(others)}});
    }
    hosts.push_back({{"host", host.host}, {"slots", std::move(slots)}});
  }
  return hosts;
}

// A whole site of the user's own is not copied: whether it is what the spec would write is enough.
ordered_json proxies_json(const spec::Spec& spec, const plan::State& state, report::Redactor& redactor) {
  ordered_json proxies = ordered_json::array();
  for (const plan::ProxyHost& proxy : state.proxies) {
    ordered_json traffic = nullptr;
    if (proxy.traffic)
      for (std::size_t i = 0; i < spec.slots.size(); ++i)
        traffic[spec.slots[i].name] = fmt::format("{:.4f}", proxy.traffic->share[i]);
    proxies.push_back({{"host", proxy.host},
                       {"file", proxy.include},
                       {"traffic", std::move(traffic)},
                       {"text", spec.nginx.sites ? "" : redactor.redacted(proxy.text)},
                       {"outdated", proxy.outdated},
                       {"unfinished", proxy.unfinished}});
  }
  return proxies;
}

std::string live_name(const spec::Spec& spec, const plan::State& state) {
  const auto live = plan::live_slot(spec, state);
  return live && *live ? spec.slots[**live].name : "";
}

ordered_json footing_json(const Context& context, const Footing& footing, const std::string& sources) {
  const spec::Spec& spec = context.spec;
  const auto no_flat = std::map<std::string, std::string>{};
  const plan::Launch launch = as_written(spec, footing.wanted);
  auto with = runtime::flat_record(runtime::record_of(launch));
  // In the same words on every machine.
  with.erase("docker.env_file");
  const auto recorded = Json::parse(sources, nullptr, false);
  if (const Json& files = member(recorded, "env_file"); !files.empty())
    with["docker.env_file"] = core::dump_json(files);
  for (const auto& [name, source] : member(recorded, "secrets").items())
    with["secrets." + name] = core::dump_json(source);
  auto rendered = spec::flat_json(spec::render(without_headers(spec), true)).value_or(no_flat);
  // Told by `with`, without the folder that the spec happens to be in.
  std::erase_if(rendered, [](const auto& one) {
    return one.first.starts_with("docker.") || one.first.starts_with("compose.") ||
           one.first.starts_with("secrets.");
  });
  return {{"service", spec.service},
          {"environment", spec.environment},
          {"image", launch.release.image},
          {"digest", launch.release.digest},
          {"live", live_name(spec, footing.state)},
          {"hosts", hosts_json(spec, footing.state)},
          {"proxies", proxies_json(spec, footing.state, context.sink)},
          {"with", by_key(with, context.sink)},
          {"spec", by_key(rendered, context.sink)}};
}

ordered_json steps_json(const Context& context, const plan::Plan& plan) {
  ordered_json steps = ordered_json::array();
  for (const plan::Step& step : plan.steps) {
    // Whether an image is there already changes nothing of what follows.
    if (plan::fetches(step)) continue;
    steps.push_back(context.sink.redacted(
        fmt::format("{} {} {}: {}", plan::step_name(step), plan::step_host(context.spec, step),
                    plan::step_slot(context.spec, step), plan::describe(context.spec, step))));
  }
  return steps;
}

// --- what no longer holds ---------------------------------------------------------------------------------

std::string words_of(const Json& container) {
  if (!container.is_object()) return "nothing";
  return fmt::format("{} ({}, {})", text_of(container, "name"), text_of(container, "id").substr(0, 12),
                     core::flag_of(container, "runs") ? "runs" : "stopped");
}

void add_change(const std::string& what, const std::string& then, const std::string& now,
                std::vector<std::string>& words) {
  if (then == now) return;
  const auto shown = [](const std::string& text) { return text.empty() ? "none" : text; };
  words.push_back(fmt::format("{}: was {}, is {} now", what, shown(then), shown(now)));
}

void compare_keys(const std::string& what, const Json& then, const Json& now,
                  std::vector<std::string>& words) {
  std::set<std::string> keys;
  for (const Json* each : {&then, &now})
    for (const auto& [key, value] : each->items()) keys.insert(key);
  for (const auto& key : keys) {
    if (member(then, key) == member(now, key)) continue;
    const Change change{key, text_of(then, key), text_of(now, key)};
    // The source is the user's own; of a secret no more is said than that.
    words.push_back(what + (key.starts_with("secrets.") ? key + ": changed source" : describe(change)));
  }
}

void compare_hosts(const Json& then, const Json& now, std::vector<std::string>& words) {
  if (then.size() != now.size()) return;  // the spec names others, which is said
  for (std::size_t i = 0; i < now.size(); ++i) {
    const auto &slots = member(then[i], "slots"), &slots_now = member(now[i], "slots");
    for (std::size_t slot = 0; slot < slots_now.size() && slot < slots.size(); ++slot) {
      const auto where =
          fmt::format("{}: slot {}", text_of(now[i], "host"), text_of(slots_now[slot], "slot"));
      add_change(where, words_of(member(slots[slot], "container")),
                 words_of(member(slots_now[slot], "container")), words);
      add_change(where + ", set aside", words_of(member(slots[slot], "aside")),
                 words_of(member(slots_now[slot], "aside")), words);
      if (member(slots[slot], "others") != member(slots_now[slot], "others"))
        words.push_back(where + ": other containers are in its place now");
    }
  }
}

void compare_proxies(const Json& then, const Json& now, std::vector<std::string>& words) {
  if (then.size() != now.size()) return;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const auto where = fmt::format("{}: {}", text_of(now[i], "host"), text_of(now[i], "file"));
    if (core::flag_of(now[i], "unfinished"))
      words.push_back(fmt::format("{}: a switch was cut short", text_of(now[i], "host")));
    else if (then[i] != now[i])
      words.push_back(where + " has changed");
  }
}

std::vector<std::string> stale(const Json& then, const Json& now, const std::string& tag) {
  std::vector<std::string> words;
  add_change("service", text_of(then, "service"), text_of(now, "service"), words);
  add_change("environment", text_of(then, "environment"), text_of(now, "environment"), words);
  if (!words.empty()) return words;
  add_change("image", text_of(then, "image"), text_of(now, "image"), words);
  add_change(tag.empty() ? "digest" : "tag " + tag, text_of(then, "digest"), text_of(now, "digest"), words);
  add_change("live slot", text_of(then, "live"), text_of(now, "live"), words);
  compare_hosts(member(then, "hosts"), member(now, "hosts"), words);
  compare_proxies(member(then, "proxies"), member(now, "proxies"), words);
  compare_keys("", member(then, "with"), member(now, "with"), words);
  compare_keys("spec: ", member(then, "spec"), member(now, "spec"), words);
  if (words.empty() && then != now) words.emplace_back("what it stands on");
  return words;
}

std::unexpected<core::Error> no_longer(std::vector<std::string> words) {
  for (auto& each : words) each = core::printable(each);
  words.emplace_back("nothing was changed: look at what would be done now, with `bgdeploy plan --out FILE`");
  return core::fail(ErrorKind::usage, "the plan does not hold any more", std::move(words));
}

// --- the file ---------------------------------------------------------------------------------------------

ordered_json goal_json(const Goal& goal) {
  return {{"tag", goal.tag}, {"digest", goal.digest}, {"force", goal.force}, {"hold", goal.hold}};
}

Result<Goal> goal_of(const Json& object) {
  Goal goal{.tag = text_of(object, "tag"),
            .digest = text_of(object, "digest"),
            .force = core::flag_of(object, "force"),
            .hold = core::flag_of(object, "hold")};
  if (goal.tag.empty() == goal.digest.empty())
    return core::fail(ErrorKind::usage, "it does not say what to deploy");
  BGDEPLOY_TRY(goal.digest.empty() ? spec::check_tag(goal.tag) : spec::check_digest(goal.digest));
  return goal;
}

Result<Goal> parse(const std::string& text) {
  const auto no_plan = [](std::string why) { return core::fail(ErrorKind::usage, std::move(why)); };
  if (!core::is_modest(text)) return no_plan("it is not a plan of bgdeploy's");
  auto body = ordered_json::parse(text, nullptr, false);
  if (!body.is_object() || !body.contains(k_format)) return no_plan("it is not a plan of bgdeploy's");
  const Json read = Json::parse(text, nullptr, false);
  if (core::integer(member(read, k_format)) != k_version)
    return no_plan(fmt::format("another version of bgdeploy made it: this one reads format {}", k_version));
  const std::string checksum = text_of(read, k_checksum);
  body.erase(k_checksum);
  if (checksum != checksum_of(body)) return no_plan("it was changed or cut off since it was made");
  const Json& footing = member(read, "footing");
  for (const char* list : {"hosts", "proxies"})
    if (!member(footing, list).is_array()) return no_plan("it is not a plan of bgdeploy's");
  for (const char* map : {"with", "spec"})
    if (!member(footing, map).is_object()) return no_plan("it is not a plan of bgdeploy's");
  return goal_of(member(read, "goal"));
}

}  // namespace

std::string plan_file(const Context& context, const Footing& footing, const plan::Plan& plan,
                      const std::string& sources) {
  if (std::ranges::any_of(footing.state.proxies, &plan::ProxyHost::unfinished)) return {};
  ordered_json body = {{k_format, k_version},
                       {"made", core::format_time(context.clock.wall())},
                       {"by", context.who},
                       {"goal", goal_json(footing.goal)},
                       {"footing", footing_json(context, footing, sources)},
                       {"steps", steps_json(context, plan)}};
  // As it is read back: bytes that are no text are replaced by then.
  body = ordered_json::parse(dumped(body));
  body[k_checksum] = checksum_of(body);
  return body.dump(2) + "\n";
}

Result<Goal> read_plan_file(const std::string& path) {
  auto text = io::read_file(path);
  if (!text) return core::fail(ErrorKind::usage, text.error().message);
  auto goal = parse(*text);
  if (!goal) {
    goal.error().message = fmt::format("{}: {}", core::printable(path), goal.error().message);
    goal.error().details.emplace_back("make it again with `bgdeploy plan --tag T --out FILE`");
    return goal;
  }
  goal->plan = std::move(*text);
  return goal;
}

Result<void> still_holds(const Context& context, const std::string& file, const Footing& now,
                         const std::string& sources) {
  const Json then = member(Json::parse(file, nullptr, false), "footing");
  const Json seen = Json::parse(dumped(footing_json(context, now, sources)), nullptr, false);
  auto words = stale(then, seen, now.goal.tag);
  if (words.empty()) return {};
  return no_longer(std::move(words));
}

Result<void> same_steps(const Context& context, const std::string& file, const plan::Plan& plan) {
  const Json then = member(Json::parse(file, nullptr, false), "steps");
  const Json now = Json::parse(dumped(steps_json(context, plan)), nullptr, false);
  if (then == now) return {};
  std::vector<std::string> words;
  for (std::size_t i = 0; i < std::max(then.size(), now.size()); ++i) {
    const auto step = [i](const Json& steps) {
      return i < steps.size() && steps[i].is_string() ? steps[i].get<std::string>() : std::string();
    };
    add_change(fmt::format("step {}", i + 1), step(then), step(now), words);
  }
  return no_longer(std::move(words));
}

}  // namespace bgdeploy::deploy
