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
std::vector<std::string> hosts_of_list(const std::string& hosts) {
  return hosts.contains('{') ? std::vector{hosts} : split(hosts, ", ");
}

// What `ssh` is told by its options. https://man.openbsd.org/ssh
struct SshOptions {
  std::string user, port, identity, jump;
};

void take_config(SshOptions& options, std::string_view setting) {
  const std::size_t end = std::min(setting.find_first_of("= "), setting.size());
  const std::string key = core::to_lower(setting.substr(0, end));
  const std::string value(setting.substr(std::min(end + 1, setting.size())));
  if (key == "user") options.user = value;
  if (key == "port") options.port = value;
  if (key == "identityfile") options.identity = value;
  if (key == "proxyjump") options.jump = value;
}

// Takes them from the front of `words`.
SshOptions take_options(std::span<const std::string>& words) {
  constexpr std::string_view k_takes_value = "bcDEeFIiJLlmOopQRSWw";
  SshOptions options;
  while (!words.empty() && words[0].starts_with('-')) {
    const std::string& word = words[0];
    const std::size_t letter = std::min(word.find_first_of(k_takes_value, 1), word.size());
    const bool attached = letter + 1 < word.size();  // "-p2222"
    words = words.subspan(1);
    if (letter == word.size() || (!attached && words.empty())) continue;
    const std::string value = attached ? word.substr(letter + 1) : words[0];
    if (!attached) words = words.subspan(1);
    if (word[letter] == 'l') options.user = value;
    if (word[letter] == 'p') options.port = value;
    if (word[letter] == 'i') options.identity = value;
    if (word[letter] == 'J') options.jump = value;
    if (word[letter] == 'o') take_config(options, value);
  }
  return options;
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

void ScriptHosts::ssh(std::span<const std::string> words, const std::string& source, const Resolve& resolve) {
  constexpr std::size_t k_most_hosts = 100;
  SshOptions options = take_options(words);
  // Options that nobody here tells, behind which the host stands.
  if (!words.empty() && words[0].ends_with('}') && core::to_lower(words[0]).contains("opt")) {
    words = words.subspan(1);
    options = take_options(words);
  }
  if (words.empty() || without_expressions(words[0]).contains(' ')) return;
  std::string all;
  for (const std::string& word : words.subspan(1)) (all += ' ') += word;
  const bool app = all.contains("docker") || all.contains(".sh");
  if (!app && !all.contains("nginx")) return;
  m_from = source;
  std::vector<std::string>& hosts = app ? m_apps : m_proxies;
  for (std::size_t round = 0; hosts.size() < k_most_hosts; ++round) {
    std::string target = resolve(words[0], round);
    if (has_argument(target)) return;  // which a function is called with
    const std::string user = resolve(options.user, round);
    if (!user.empty() && !target.contains('@')) target = user + "@" + target;
    const auto port = core::parse_port(resolve(options.port, round));
    if (port && *port != 22 && !target.starts_with("ssh://")) target += fmt::format(":{}", *port);
    if (std::ranges::find(hosts, target) != hosts.end() && round > 0) break;
    add_once(hosts, std::move(target));
  }
  if (!options.identity.empty()) add_once(m_identities, resolve(options.identity, 0));
  if (!options.jump.empty()) add_once(m_jumps, resolve(options.jump, 0));
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
  for (const std::string& host : hosts_of_list(variables.resolve(login.hosts, 0)))
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

// Where hosts have different ones, each has to be told which.
void ScriptHosts::tell_option(Draft& draft, const char* key, std::span<const std::string> values) const {
  if (values.size() == 1 && values[0].find_first_of("${(") == std::string::npos) {
    draft.say({"ssh", key}, values[0], "from " + m_from);
    return;
  }
  for (const std::string& value : values)
    draft.note(fmt::format("`ssh.{}`, for which {} has {}", key, m_from,
                           is_unknown(value) || is_secret("", value) ? "what cannot be told here" : value));
}

void ScriptHosts::tell(Draft& draft, const ScriptVariables& variables) const {
  const auto apps = app_hosts(variables);
  say(draft, {"hosts", "app"}, apps, "app");
  std::vector<std::string> proxies = m_proxies;
  std::erase_if(proxies, [&](const auto& one) { return std::ranges::find(apps, one) != apps.end(); });
  say(draft, {"hosts", "proxy"}, proxies, "nginx");
  tell_option(draft, "identity_file", m_identities);
  tell_option(draft, "proxy_jump", m_jumps);
}

}  // namespace bgdeploy::init
