#include "bgdeploy/deploy/history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using core::fail;
using core::Result;
using nlohmann::json;
using nlohmann::ordered_json;

// ~ is the home of whoever logs in, also where commands run through sudo: then what belongs there is done as
// that user, so that no folder of root's appears in it. It is the home that the account has, since $HOME is
// not set by systemd and cron. Arguments: SCRIPT DIR …
constexpr std::string_view k_as_login_user = R"sh(
script=$1; shift
case $1 in '~' | '~/'*)
  if [ "$(id -u)" = 0 ] && [ "${SUDO_USER:-root}" != root ]; then
    exec sudo -n -H -u "$SUDO_USER" -- sh -c "$script" bgdeploy "$@"
  fi ;;
esac
exec sh -c "$script" bgdeploy "$@"
)sh";

// What stands before the scripts below: arguments DIR SERVICE. Sets f, the file, and d, its folder.
constexpr std::string_view k_history_file = R"sh(
home() {
  me=$(id -un 2>/dev/null) || me=
  [ -z "$me" ] || { getent passwd "$me" || grep "^$me:" /etc/passwd; } 2>/dev/null | head -n 1 | cut -d: -f6
}
case $1 in
  '~' | '~/'*)
    h=$(home)
    [ -n "$h" ] || h=$HOME
    d=${h%/}${1#'~'} ;;
  *) d=$1 ;;
esac
f=$d/$2.jsonl
regular() { [ ! -e "$1" ] || [ -f "$1" ] || { printf '%s is not a regular file\n' "$1" >&2; exit 1; }; }
regular "$f"
)sh";

// What our end keeps of an output is bounded: the newest entries are those that count.
constexpr std::string_view k_read_script = R"sh(
[ -e "$f" ] || {
  while [ -n "$d" ] && [ ! -e "$d" ]; do case $d in */*) d=${d%/*} ;; *) d= ;; esac; done
  [ -z "$d" ] || [ -x "$d" ] || { printf '%s is not to be looked into\n' "$d" >&2; exit 1; }
  exit 0
}
exec tail -c 16000000 "$f"
)sh";

// One more argument: OLD, the number of lines to keep beside the new one, and of these no more than 8 MB.
// Stdin: the new line. awk ends a last line that was cut off by a full disk, so that it does not swallow the
// new one.
constexpr std::string_view k_append_script = R"sh(
umask 077
mkdir -p "$d" || exit 1
regular "$f.lock"
exec 9>>"$f.lock"
timeout 20 flock 9 || { printf '%s.lock is held by another process\n' "$f" >&2; exit 1; }
kept() {
  [ -e "$f" ] || return 0
  if [ "$(tail -n "$1" "$f" | wc -c)" -le 8000000 ]; then
    tail -n "$1" "$f"
  else
    tail -n "$1" "$f" | tail -c 8000000 | tail -n +2
  fi | awk 1
}
rm -f "$f.new"
{ kept "$3"; cat; } >"$f.new" && mv -f "$f.new" "$f"
)sh";

ordered_json to_json(const plan::Release& release) {
  return {{"id", release.id}, {"tag", release.tag}, {"image", release.image}, {"digest", release.digest}};
}

// Absent and mistyped fields stay empty: the log may be of a newer or older version of the program.
std::string text(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::vector<std::string> texts(const json& object, const char* name) {
  std::vector<std::string> values;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return values;
  for (const auto& value : *found)
    if (value.is_string()) values.push_back(value.get<std::string>());
  return values;
}

plan::Release release(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_object()) return {};
  return {text(*found, "id"), text(*found, "tag"), text(*found, "image"), text(*found, "digest")};
}

Result<host::Output> run(host::Host& host, std::string_view script, std::vector<std::string> arguments,
                         std::string input, const core::Wait& wait) {
  std::vector<std::string> argv = {"sh", "-c", std::string(k_as_login_user), "bgdeploy",
                                   std::string(k_history_file) + std::string(script)};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  BGDEPLOY_ASSIGN(auto output, host.run({argv, host::Tool::other, std::move(input)}, wait));
  if (!output.ok())
    return fail(ErrorKind::refused,
                fmt::format("{}: the history in {} failed", host.name(), arguments.front()),
                core::split_lines(core::printable(output.err, true)));
  return output;
}

}  // namespace

std::string to_json_line(const HistoryEntry& entry) {
  const ordered_json object = {{"time", core::format_time(entry.time, true)},
                               {"took_ms", entry.took.count()},
                               {"who", entry.who},
                               {"command", entry.command},
                               {"result", entry.result},
                               {"served", entry.served},
                               {"message", entry.message},
                               {"from", to_json(entry.from)},
                               {"to", to_json(entry.to)},
                               {"slot", entry.slot},
                               {"hosts", entry.hosts},
                               {"proxies", entry.proxies},
                               {"docker", entry.docker},
                               {"compose", entry.compose},
                               {"include", entry.include},
                               {"ports", entry.ports}};
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<HistoryEntry> parse_history_line(std::string_view line) {
  const auto object = json::parse(line, nullptr, false);
  if (!object.is_object()) return fail(ErrorKind::refused, "not a JSON object");
  const auto time = core::parse_time(text(object, "time"));
  if (!time) return fail(ErrorKind::refused, "no time in it");
  HistoryEntry entry{.time = *time,
                     .who = text(object, "who"),
                     .command = text(object, "command"),
                     .result = text(object, "result"),
                     .message = text(object, "message"),
                     .from = release(object, "from"),
                     .to = release(object, "to"),
                     .slot = text(object, "slot"),
                     .docker = text(object, "docker"),
                     .compose = text(object, "compose"),
                     .include = text(object, "include")};
  if (const auto took = object.find("took_ms"); took != object.end() && took->is_number_integer())
    entry.took = core::Duration(took->get<std::int64_t>());
  const auto served = object.find("served");
  entry.served = served != object.end() && served->is_boolean() && served->get<bool>();
  entry.hosts = texts(object, "hosts");
  entry.proxies = texts(object, "proxies");
  if (const auto ports = object.find("ports"); ports != object.end() && ports->is_array())
    for (const auto& port : *ports)
      if (port.is_number_integer()) entry.ports.push_back(port.get<int>());
  return entry;
}

std::string environment_include(const spec::Spec& spec) {
  return spec.proxied ? spec::routing_file(spec.nginx) : "none";
}

std::vector<int> environment_ports(const spec::Spec& spec) {
  std::vector<int> ports;
  for (const spec::Slot& slot : spec.slots) ports.push_back(slot.port);
  return ports;
}

std::vector<HistoryEntry> of_environment(std::vector<HistoryEntry> entries, const spec::Spec& spec) {
  const auto include = environment_include(spec);
  const auto ports = environment_ports(spec);
  const auto on_our_host = [&](const std::string& name) {
    return std::ranges::find(spec.app_hosts, name, &spec::Host::name) != spec.app_hosts.end();
  };
  std::erase_if(entries, [&](const HistoryEntry& entry) {
    if (entry.include.empty() || (spec.proxied && entry.include == include)) return false;
    return entry.ports != ports || std::ranges::none_of(entry.hosts, on_our_host);
  });
  return entries;
}

Result<std::vector<HistoryEntry>> read_history(host::Host& host, const spec::History& history,
                                               const std::string& service, const core::Wait& wait) {
  BGDEPLOY_ASSIGN(const auto output, run(host, k_read_script, {history.dir, service}, "", wait));
  std::vector<HistoryEntry> entries;
  for (const auto& line : core::split_lines(output.out)) {
    if (auto entry = parse_history_line(line)) entries.push_back(std::move(*entry));
  }
  return entries;
}

Result<void> append_history(host::Host& host, const spec::History& history, const std::string& service,
                            const HistoryEntry& entry, const core::Wait& wait) {
  const auto old = std::to_string(std::max(history.keep, 1) - 1);
  BGDEPLOY_TRY(run(host, k_append_script, {history.dir, service, old}, to_json_line(entry) + "\n", wait));
  return {};
}

}  // namespace bgdeploy::deploy
