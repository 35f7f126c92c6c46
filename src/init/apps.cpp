#include "apps.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::init {
namespace {

using core::text_of;
using proxy::Sending;

std::string repository_in(const RunningContainer& one) {
  return repository_of(text_of(config_of(one), "Image"));
}

// "set" of "set2"; empty where it is no number behind a word, or a number alone.
std::string without_number(std::string_view word) {
  const std::size_t end = word.find_last_not_of("0123456789");
  return std::string(word.substr(0, end == std::string_view::npos ? 0 : end + 1));
}

bool has_number(std::string_view word) {
  return !word.empty() && core::is_digit(word.back());
}

bool is_slot_word(std::string_view word) {
  constexpr std::string_view k_words[] = {
      "blue", "green", "red",   "black",  "a",       "b",         "old",    "new",  "one",    "two",
      "left", "right", "first", "second", "primary", "secondary", "active", "idle", "standby"};
  return std::ranges::find(k_words, word) != std::end(k_words);
}

bool is_place_word(std::string_view word) {
  constexpr std::string_view k_words[] = {
      "prod", "production", "stage", "staging", "stg",         "dev",  "develop", "test",    "testing",
      "qa",   "uat",        "demo",  "beta",    "development", "live", "preprod", "preview", "sandbox"};
  return std::ranges::find(k_words, word) != std::end(k_words);
}

enum class Likeness { slots, unknown, places };

// "shop-blue" and "shop-green" are slots; "shop-prod" and "shop-staging" are services of their own.
Likeness likeness(const std::string& one, const std::string& other) {
  auto words = words_that_differ(one, other);
  for (std::string& word : words) word = core::to_lower(word);
  // "shop" and "shop-green", "shop2"
  for (const auto& [whole, more] : {std::pair(0, 1), std::pair(1, 0)})
    if (words[more].size() > words[whole].size() && words[more].starts_with(words[whole])) {
      std::string rest = words[more].substr(words[whole].size());
      rest.erase(0, rest.find_first_not_of("-_."));
      words[more] = rest;
      words[whole] = has_number(rest) ? "1" : is_slot_word(rest) ? "blue" : "";
    }
  if (is_place_word(words[0]) || is_place_word(words[1])) return Likeness::places;
  const bool numbered =
      has_number(words[0]) && has_number(words[1]) && without_number(words[0]) == without_number(words[1]);
  return numbered || (is_slot_word(words[0]) && is_slot_word(words[1])) ? Likeness::slots : Likeness::unknown;
}

// Whether one proxy_pass leads to both.
bool share_a_pass(const RunningContainer& one, const RunningContainer& other, Sendings sendings) {
  return std::ranges::any_of(sendings, [&](const Sending& first) {
    return sends_to(first, one) && std::ranges::any_of(sendings, [&](const Sending& second) {
             return first.pass == second.pass && sends_to(second, other);
           });
  });
}

bool same_label(const RunningContainer& one, const RunningContainer& other, const char* name) {
  return text_of(labels_of(one), name) == text_of(labels_of(other), name);
}

bool is_other_slot(const RunningContainer& one, const RunningContainer& other, Sendings sendings) {
  if (repository_in(one) != repository_in(other)) return false;
  if (!same_label(one, other, "bgdeploy.service")) return false;
  if (!text_of(labels_of(one), "bgdeploy.service").empty()) return true;
  const bool of_compose = !text_of(labels_of(one), "com.docker.compose.service").empty();
  if (of_compose && same_label(one, other, "com.docker.compose.project") &&
      same_label(one, other, "com.docker.compose.service"))
    return false;  // as `--scale` makes them
  const Likeness like = likeness(name_of(one), name_of(other));
  if (rank_of(other, sendings) < 3 || rank_of(one, sendings) < 3) return like == Likeness::slots;
  return like != Likeness::places && share_a_pass(one, other, sendings);
}

// The first that nginx sends to, else the first that docker lists.
const RunningContainer* app_in(const HostState& host, Sendings sendings) {
  const RunningContainer* best = nullptr;
  int most = 0;
  for (const RunningContainer& one : host.containers)
    if (const int rank = one.stopped || name_of(one) == host.nginx ? 0 : rank_of(one, sendings);
        rank > most) {
      best = &one;
      most = rank;
    }
  if (most < 3) return best;
  for (const Sending& sending : sendings)
    for (const RunningContainer& one : host.containers)
      if (!one.stopped && name_of(one) != host.nginx && rank_of(one, sendings) == most &&
          sends_to(sending, one))
        return &one;
  return best;
}

// By its image, or by what was started in it: an image of one's own may be called anything.
bool names_nginx(const RunningContainer& one) {
  std::string words = text_of(config_of(one), "Image");
  for (const char* key : {"Entrypoint", "Cmd"})
    for (const std::string& word : core::texts_of(config_of(one), key)) words += " " + word;
  return words.contains("nginx") || words.contains("openresty");
}

bool is_one_off(const RunningContainer& one) {
  return core::to_lower(text_of(labels_of(one), "com.docker.compose.oneoff")) == "true";
}

bool has_exposed(const RunningContainer& one) {
  const Json& exposed = core::member(config_of(one), "ExposedPorts");
  return exposed.is_object() && !exposed.empty();
}

bool is_web_port(int port) {
  return port == 80 || port == 443;
}

bool takes(const RunningContainer& one, const std::function<bool(const Binding&)>& port) {
  return std::ranges::any_of(
      bindings_of(one), [&](const Binding& binding) { return binding.protocol == "tcp" && port(binding); });
}

bool sends_to_any(const HostState& host, Sendings sendings, const RunningContainer* but) {
  return std::ranges::any_of(host.containers, [&](const RunningContainer& one) {
    return &one != but && !one.stopped &&
           std::ranges::any_of(sendings, [&](const Sending& sending) { return sends_to(sending, one); });
  });
}

}  // namespace

std::vector<const RunningContainer*> may_be_nginx(const HostState& host) {
  const auto listens = proxy::listens(host.dump);
  // An nginx that is installed need not run, and then its configuration is there all the same.
  const bool serves = sends_to_any(host, proxy::sendings(host.dump), nullptr);
  std::vector<const RunningContainer*> all;
  for (const RunningContainer& one : host.containers) {
    const bool web = takes(one, [](const Binding& port) {
      return is_web_port(port.host_port) || is_web_port(port.container_port);
    });
    const bool in_its_place = takes(one, [&](const Binding& port) {
      return std::ranges::find(listens, port.host_port) != listens.end();
    });
    if (!one.stopped && (web || names_nginx(one)) && (!serves || in_its_place)) all.push_back(&one);
  }
  std::ranges::stable_partition(all, [](const RunningContainer* one) {
    return takes(*one, [](const Binding& port) { return is_web_port(port.host_port); });
  });
  return all;
}

Serves serves_there(const HostState& host, const RunningContainer& one, std::string_view dump) {
  const auto sendings = proxy::sendings(dump);
  if (sends_to_any(host, sendings, &one)) return Serves::yes;
  // What serves files alone is a service as others are.
  const bool proxies = !sendings.empty() || repository_in(one).ends_with("nginx");
  return host.dump.empty() && !dump.empty() && names_nginx(one) && proxies ? Serves::maybe : Serves::no;
}

int rank_of(const RunningContainer& one, Sendings sendings) {
  if (is_beside(text_of(config_of(one), "Image"))) return 0;
  if (is_one_off(one)) return 0;
  if (std::ranges::any_of(sendings, [&](const Sending& sending) { return sends_to(sending, one); })) return 3;
  const auto bindings = bindings_of(one);
  if (std::ranges::find(bindings, "tcp", &Binding::protocol) == bindings.end()) return 0;
  return is_on_host_network(one) ? 1 : 2;
}

std::vector<const RunningContainer*> apps_of(const HostState& host, Sendings sendings) {
  const RunningContainer* app = app_in(host, sendings);
  if (app == nullptr) return {};
  std::vector<const RunningContainer*> apps{app};
  for (const RunningContainer& one : host.containers)
    if (&one != app && name_of(one) != host.nginx && rank_of(one, sendings) > 1 &&
        is_other_slot(*app, one, sendings)) {
      apps.push_back(&one);
      break;
    }
  return apps;
}

std::vector<const RunningContainer*> workers_of(const HostState& host) {
  std::vector<const RunningContainer*> all;
  // Through another proxy than nginx anything may be asked.
  for (const RunningContainer& one : host.containers)
    if (!one.stopped && name_of(one) != host.nginx &&
        takes(one, [](const Binding& port) { return is_web_port(port.host_port); }))
      return all;
  for (const RunningContainer& one : host.containers) {
    const bool may_be = !one.stopped && name_of(one) != host.nginx &&
                        !is_beside(text_of(config_of(one), "Image")) && !is_one_off(one);
    if (may_be && bindings_of(one).empty() && !has_exposed(one)) all.push_back(&one);
  }
  if (all.size() == 2 && is_other_slot(*all[0], *all[1], {})) return all;
  if (all.size() != 1) all.clear();
  for (const RunningContainer& one : host.containers)
    if (all.size() == 1 && one.stopped && is_other_slot(*all[0], one, {})) all.push_back(&one);
  return all;
}

std::string without_slot(std::string_view name) {
  return std::string(name.substr(0, name.size() - (slot_in(name).empty() ? 0 : slot_in(name).size() + 1)));
}

std::string slot_in(std::string_view name) {
  const std::size_t at = name.find_last_of("-_.");
  if (at == std::string_view::npos || at == 0) return {};
  const std::string last = core::to_lower(name.substr(at + 1));
  const std::string word = without_number(last);
  const bool numbered = has_number(last) && (word.empty() || word == "set" || word == "slot");
  return numbered || is_slot_word(last) ? std::string(name.substr(at + 1)) : std::string();
}

std::set<int> taken_ports(std::span<const HostState> hosts, std::span<const RunningContainer* const> apps) {
  std::set<int> taken;
  for (const HostState& host : hosts) {
    taken.insert(host.listening.begin(), host.listening.end());
    if (host.nginx.empty())
      for (const int port : proxy::listens(host.dump)) taken.insert(port);
  }
  for (const RunningContainer* app : apps)
    for (const Binding& binding : bindings_of(*app)) taken.erase(binding.host_port);
  for (const HostState& host : hosts)
    for (const RunningContainer& one : host.containers)
      if (std::ranges::find(apps, &one) == apps.end())
        for (const Binding& binding : bindings_of(one)) taken.insert(binding.host_port);
  return taken;
}

}  // namespace bgdeploy::init
