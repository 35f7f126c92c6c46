#include "bgdeploy/deploy/release/history.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "release/history_files.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::text_of;
using json = core::Json;
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
  [ -z "$d" ] || [ -x "$d" ] || { printf '%s cannot be read\n' "$d" >&2; exit 1; }
  exit 0
}
exec tail -c 16000000 "$f"
)sh";

// For each file its name on a line, then its newest lines. A file of somebody else's that cannot be read is
// passed over.
constexpr std::string_view k_read_all_script = R"sh(
for f in "$d"/*.jsonl; do
  [ -f "$f" ] && [ -r "$f" ] || continue
  printf '\nhistory %s\n' "${f##*/}"
  tail -n 200 "$f" | tail -c 1000000
done
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

// Absent and mistyped fields stay empty, as core/json reads them: a newer or older version of the program may
// have written the log.
plan::Release release(const json& object, const char* name) {
  const json& found = core::member(object, name);
  return {text_of(found, "id"), text_of(found, "tag"), text_of(found, "image"), text_of(found, "digest")};
}

}  // namespace

Result<host::Output> run_beside_history(host::Host& host, std::string_view script,
                                        const std::vector<std::string>& arguments, std::string input,
                                        const core::Wait& wait) {
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

std::string to_json_line(const HistoryEntry& entry) {
  ordered_json object = {{"time", core::format_time(entry.time, true)},
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
                         {"proxies", entry.proxies}};
  for (const auto& name : runtime::record_names()) object[name] = "";
  for (const auto& [name, record] : entry.ran_with) object[name] = record;
  object["health"] = entry.health;
  object["sources"] = entry.sources;
  object["include"] = entry.include;
  object["ports"] = entry.ports;
  if (!entry.hook.empty()) object["hook"] = entry.hook;
  if (entry.keep_images) object["keep_images"] = *entry.keep_images;
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<HistoryEntry> parse_history_line(std::string_view line) {
  const auto object = json::parse(line, nullptr, false);
  if (!object.is_object()) return fail(ErrorKind::refused, "not a JSON object");
  const auto time = core::parse_time(text_of(object, "time"));
  if (!time) return fail(ErrorKind::refused, "no time in it");
  HistoryEntry entry{.time = *time,
                     .who = text_of(object, "who"),
                     .command = text_of(object, "command"),
                     .result = text_of(object, "result"),
                     .message = text_of(object, "message"),
                     .from = release(object, "from"),
                     .to = release(object, "to"),
                     .slot = text_of(object, "slot"),
                     .health = text_of(object, "health"),
                     .sources = text_of(object, "sources"),
                     .include = text_of(object, "include"),
                     .hook = text_of(object, "hook")};
  for (const auto& name : runtime::record_names())
    if (auto record = text_of(object, name); !record.empty()) entry.ran_with.emplace(name, std::move(record));
  entry.took = core::Duration(core::number_of(object, "took_ms", std::int64_t{0}).value_or(0));
  entry.served = core::flag_of(object, "served");
  entry.hosts = core::texts_of(object, "hosts");
  entry.proxies = core::texts_of(object, "proxies");
  if (const auto images = core::integer(core::member(object, "keep_images")); images && *images >= 0)
    entry.keep_images = static_cast<int>(std::min<std::int64_t>(*images, 1000));
  if (const auto& ports = core::member(object, "ports"); ports.is_array())
    for (const auto& port : ports) {
      const auto number = core::integer(port);
      if (number && *number > 0 && *number <= 65535) entry.ports.push_back(static_cast<int>(*number));
    }
  return entry;
}

std::string environment_include(const spec::Spec& spec) {
  return plan::proxy_kind(spec).file_pattern(spec);
}

std::vector<int> environment_ports(const spec::Spec& spec) {
  std::vector<int> ports;
  for (const spec::Slot& slot : spec.slots)
    if (slot.port != 0) ports.push_back(slot.port);
  return ports;
}

std::vector<HistoryEntry> of_environment(std::vector<HistoryEntry> entries, const spec::Spec& spec) {
  const auto include = environment_include(spec);
  const bool switched = plan::proxy_kind(spec).can.be_switched;
  const auto ports = environment_ports(spec);
  const auto on_our_host = [&](const std::string& name) {
    return std::ranges::find(spec.app_hosts, name, &spec::Host::name) != spec.app_hosts.end();
  };
  std::erase_if(entries, [&](const HistoryEntry& entry) {
    if (entry.include.empty() || (switched && entry.include == include)) return false;
    return entry.ports != ports || std::ranges::none_of(entry.hosts, on_our_host);
  });
  return entries;
}

Result<std::vector<HistoryEntry>> read_history(host::Host& host, const spec::History& history,
                                               const std::string& service, const core::Wait& wait) {
  BGDEPLOY_ASSIGN(const auto output,
                  run_beside_history(host, k_read_script, {history.dir, service}, "", wait));
  std::vector<HistoryEntry> entries;
  for (const auto& line : core::split_lines(output.out)) {
    if (auto entry = parse_history_line(line)) entries.push_back(std::move(*entry));
  }
  return entries;
}

Result<Histories> read_histories(host::Host& host, const spec::History& history, const core::Wait& wait) {
  constexpr std::string_view k_begin = "history ", k_end = ".jsonl";
  BGDEPLOY_ASSIGN(const auto output, run_beside_history(host, k_read_all_script, {history.dir, "x"}, "", wait));
  Histories histories;
  std::string service;
  for (const auto& line : core::split_lines(output.out)) {
    if (line.starts_with(k_begin) && line.ends_with(k_end))
      service = line.substr(k_begin.size(), line.size() - k_begin.size() - k_end.size());
    else if (auto entry = parse_history_line(line); entry && !service.empty())
      histories[service].push_back(std::move(*entry));
  }
  return histories;
}

Result<void> append_history(host::Host& host, const spec::History& history, const std::string& service,
                            const HistoryEntry& entry, const core::Wait& wait) {
  const auto old = std::to_string(std::max(history.keep, 1) - 1);
  BGDEPLOY_TRY(run_beside_history(host, k_append_script, {history.dir, service, old},
                                  to_json_line(entry) + "\n", wait));
  return {};
}

}  // namespace bgdeploy::deploy
