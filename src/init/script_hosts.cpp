#include "script_hosts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"
#include "script_words.hpp"

namespace bgdeploy::init {
namespace {

// What names a host, its user and its port.
struct Names {
  std::string_view host, user, port;
};
constexpr std::array<Names, 4> k_names = {{{"remote.host", "remote.user", "remote.port"},  // Jenkins
                                           {"host", "username", "port"},  // appleboy/ssh-action
                                           {"REMOTE_HOST", "REMOTE_USER", "REMOTE_PORT"},  // ssh-deploy
                                           {"remote_host", "remote_user", "remote_port"}}};

// The step of a workflow that `at` stands in: from one `uses` to the next.
std::pair<std::size_t, std::size_t> step_of(std::span<const Assignment> all, std::size_t at) {
  std::size_t begin = at, end = at + 1;
  while (begin > 0 && all[begin].name != "uses") --begin;
  while (end < all.size() && all[end].name != "uses") ++end;
  return {begin, end};
}

// The value that stands nearest; of two that are as near, the one behind.
std::string nearest(std::span<const Assignment> all, std::size_t at, std::string_view name) {
  const auto [begin, end] = step_of(all, at);
  for (std::size_t far = 1; at >= begin + far || at + far < end; ++far) {
    if (at + far < end && all[at + far].name == name) return all[at + far].value;
    if (at >= begin + far && all[at - far].name == name) return all[at - far].value;
  }
  return {};
}

// "a, b" of an action that logs in to both; an expression stays whole.
std::vector<std::string> split(const std::string& hosts) {
  if (hosts.contains('{')) return {hosts};
  std::vector<std::string> all;
  for (std::size_t at = 0; at <= hosts.size();) {
    const std::size_t end = std::min(hosts.find(',', at), hosts.size());
    if (const auto one = core::trim(std::string_view(hosts).substr(at, end - at)); !one.empty())
      all.emplace_back(one);
    at = end + 1;
  }
  return all;
}

// Whoever logs in is no host.
std::string filled_in(const std::string& target, std::string_view host, bool& filled) {
  const std::size_t at = target.rfind('@');
  if (at == std::string::npos) return with_stand_ins(target, host, filled);
  return with_stand_ins(target.substr(0, at), "deploy", filled) + "@" +
         with_stand_ins(target.substr(at + 1), host, filled);
}

}  // namespace

void ScriptHosts::take(std::span<const Assignment> assignments, const std::string& source) {
  for (const Names& names : k_names)
    for (std::size_t i = 0; i < assignments.size(); ++i) {
      const Assignment& one = assignments[i];
      if (one.name != names.host || one.value.empty() || is_secret(one.name, one.value)) continue;
      const std::string user = nearest(assignments, i, names.user);
      if (user.empty() || is_secret(names.user, user)) continue;
      if (m_logins.empty()) m_from = source;
      m_logins.push_back({one.value, user, nearest(assignments, i, names.port)});
    }
}

void ScriptHosts::ssh(std::span<const std::string> words, const std::string& source,
                      const ScriptVariables& variables) {
  constexpr std::string_view k_takes_value = "bcDEeFIiJLlmOopQRSWw";
  while (!words.empty() && words[0].starts_with('-')) {
    const bool value = words[0].size() == 2 && k_takes_value.contains(words[0].substr(1));
    words = words.subspan(std::min<std::size_t>(value ? 2 : 1, words.size()));
  }
  if (words.empty() || words[0].find(' ') != std::string::npos) return;
  std::string all;
  for (const std::string& word : words.subspan(1)) (all += ' ') += word;
  const std::string target = variables.resolve(words[0], 0);
  m_from = source;
  if (all.contains("docker") || all.contains(".sh"))
    add_once(m_apps, target);
  else if (all.contains("nginx"))
    add_once(m_proxies, target);
}

void ScriptHosts::app(std::string target, const std::string& source) {
  while (target.ends_with('/')) target.pop_back();
  m_from = source;
  add_once(m_apps, std::move(target));
}

std::vector<std::string> ScriptHosts::app_hosts(const ScriptVariables& variables) const {
  if (!m_apps.empty() || m_logins.empty()) return m_apps;
  const Login& login = m_logins.front();
  const auto port = core::parse_port(login.port);
  std::vector<std::string> hosts;
  for (const std::string& host : split(variables.resolve(login.hosts, 0)))
    hosts.push_back(variables.resolve(login.user, 0) + "@" + host +
                    (port && *port != 22 ? fmt::format(":{}", *port) : ""));
  return hosts;
}

std::string ScriptHosts::user(const ScriptVariables& variables) const {
  const auto hosts = app_hosts(variables);
  const std::size_t at = hosts.empty() ? std::string::npos : hosts[0].find('@');
  return at == std::string::npos ? std::string() : hosts[0].substr(0, at);
}

void ScriptHosts::say(Draft& draft, const Path& path, const std::vector<std::string>& targets,
                      std::string_view stand_in) const {
  if (targets.empty()) return;
  Json hosts = Json::array();
  bool filled = false;
  for (const std::string& target : targets)
    hosts.push_back(filled_in(target, fmt::format("{}-{}.example.com", stand_in, hosts.size() + 1), filled));
  if (filled)
    draft.fill_in(path, hosts, "or set the variables where bgdeploy runs; from " + m_from);
  else
    draft.say(path, hosts, "from " + m_from);
}

void ScriptHosts::tell(Draft& draft, const ScriptVariables& variables) const {
  const auto apps = app_hosts(variables);
  say(draft, {"hosts", "app"}, apps, "app");
  std::vector<std::string> proxies = m_proxies;
  std::erase_if(proxies, [&](const auto& one) { return std::ranges::find(apps, one) != apps.end(); });
  say(draft, {"hosts", "proxy"}, proxies, "nginx");
}

}  // namespace bgdeploy::init
