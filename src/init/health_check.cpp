// From what others ask of health to the spec's `health`.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/number.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/spec/document.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::init {
namespace {

// Of "localhost:8080" and "[::1]:8080".
std::optional<int> port_in(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = core::parse_port(authority.substr(colon + 1));
  return port ? std::optional<int>(*port) : std::nullopt;
}

}  // namespace

void tell_health_path(Draft& draft, std::string_view path, const std::string& comment) {
  const Path key{"health", "http", "path"};
  std::size_t end = path.size();
  if (const std::size_t query = path.find('?'); query < end && is_secret("", path.substr(query))) end = query;
  if (!secret_in(path).empty()) end = std::min(end, std::min(path.find('?'), path.find("${")));
  std::string_view why = "looks like a secret and was not copied";
  if (const std::size_t variable = path.find("${"); variable < end) {
    why = "is a variable of whoever asks there";
    end = variable;
    while (end > 0 && path[end - 1] == '$') --end;  // "$${NAME}" of compose
  }
  const std::string shown = spec::without_substitutions(std::string(path.substr(0, end)));
  if (end == path.size())
    draft.say(key, shown, comment);
  else
    draft.fill_in(
        key, shown,
        fmt::format("what stands behind it {}. Name a variable, as ${{VARIABLE}}, or ask another path; {}",
                    why, comment));
}

bool tell_health_url(Draft& draft, std::string_view command, const std::string& source, bool in_container) {
  for (const char* scheme : {"http://", "https://"}) {
    const std::size_t at = command.find(scheme);
    if (at == std::string_view::npos) continue;
    std::string_view url = command.substr(at + std::string_view(scheme).size());
    const std::size_t begin = url.starts_with('[') ? url.find(']') + 1 : 0;  // of "[::1]"
    url = url.substr(0, url.find_first_of(" \t\n\"'|;&)]`", begin));
    const std::size_t slash = url.find('/');
    const std::string_view path = slash == std::string_view::npos ? std::string_view("/") : url.substr(slash);
    if (url.find('$') != std::string_view::npos && slash == std::string_view::npos) return false;
    if (draft.has({"health"})) return true;
    const auto port = port_in(url.substr(0, url.find_first_of("/?#")));
    if (scheme == std::string_view("https://")) {
      tell_health_path(draft, path,
                       fmt::format("guessed: {} asks {} with TLS; a deploy asks the slot's port in clear",
                                   source, url.substr(0, slash)));
      return true;
    }
    tell_health_path(draft, path, "from " + source);
    if (in_container && port)
      draft.say({"health", "http", "port"}, *port, "in the container, from " + source);
    return true;
  }
  return false;
}

void tell_health_times(Draft& draft, const HealthTimes& times, bool asked) {
  using std::chrono_literals::operator""s;
  const auto timeout = core::parse_duration(times.timeout);
  if (asked && timeout && *timeout > 0s)
    draft.say({"health", "timeout"}, core::format_duration(*timeout), "as docker has it");
  const auto start = core::parse_duration(times.start_period),
             interval = core::parse_duration(times.interval);
  // By itself bgdeploy asks more often; docker's own verdict comes no sooner.
  const auto between = asked ? std::min<core::Duration>(interval.value_or(30s), 30s) : interval.value_or(30s);
  const auto whole = start.value_or(0s) +
                     core::parse_number<int>(times.retries).value_or(3) * (between + timeout.value_or(0s));
  const bool told = start || interval || core::parse_number<int>(times.retries);
  if (told && whole > spec::Health().deadline)
    draft.say({"health", "deadline"}, core::format_duration(whole),
              "docker's start period, and its tries after that");
}

}  // namespace bgdeploy::init
