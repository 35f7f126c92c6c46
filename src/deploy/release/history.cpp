#include "bgdeploy/deploy/release/history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/host/account.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "parallel.hpp"
#include "release/history_files.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::text_of;
using json = core::Json;
using nlohmann::ordered_json;

// What stands before the scripts below: arguments DIR SERVICE. Sets f, the file, and d, its folder.
constexpr std::string_view k_history_file = R"sh(
case $1 in
  '~' | '~/'*) find_home; d=${home%/}${1#'~'} ;;
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
for one in "$d"/*.jsonl; do
  [ -f "$one" ] && [ -r "$one" ] || continue
  printf '\nhistory %s\n' "${one##*/}"
  tail -c 1000000 "$one"
done
)sh";
constexpr std::size_t k_newest = 200;  // entries of each

// Two more arguments: "all" or nothing, and a folder or nothing. The first two lines are the rooms in DIR and
// in that folder, as runtime::k_find_rooms tells them, and the last one of a whole answer is "end".
constexpr std::string_view k_look_script = R"sh(
# The login may not see it, where docker may.
other=
[ ! -e "$4" ] || other=$4
find_rooms "$1" ${other:+"$other"} || { other= && find_rooms "$1"; }
printf '%s\n' "$rooms"
[ -n "$rooms" ] && [ -n "$other" ] || echo
if [ -e "$f" ]; then
  tail -c 12000000 "$f" || exit 1
else
  way=$d
  while [ -n "$way" ] && [ ! -e "$way" ]; do case $way in */*) way=${way%/*} ;; *) way= ;; esac; done
  [ -z "$way" ] || [ -x "$way" ] || { printf '%s cannot be read\n' "$way" >&2; exit 1; }
fi
[ -n "$3" ] || exit 0
for one in "$d"/*.jsonl; do
  [ "$one" != "$f" ] && [ -f "$one" ] && [ -r "$one" ] || continue
  printf '\nhistory %s\n' "${one##*/}"
  tail -c 1000000 "$one"
done
printf '\nend\n'
)sh";

// One more argument: OLD, the number of lines to keep beside the new one, and of these no more than 8 MB.
// One more, or none: a word that has to come as the first line, or nothing happens. Stdin: the new lines. awk
// ends a last line that was cut off by a full disk, so that it does not swallow the new one.
constexpr std::string_view k_append_script = R"sh(
[ -z "${4-}" ] || { read -r word && [ "$word" = "$4" ]; } || exit 0
umask 077
[ -d "$d" ] || mkdir -p "$d" || exit 1
regular "$f.lock"
exec 9>>"$f.lock"
flock -n 9 || timeout 20 flock 9 || { printf '%s.lock is held by another process\n' "$f" >&2; exit 1; }
old=$f
[ -e "$f" ] || old=/dev/null
[ ! -e "$f.new" ] && [ ! -L "$f.new" ] || rm -f "$f.new"
LC_ALL=C awk -v keep="$3" '
  { line[NR] = $0 }
  END {
    for (first = NR; first > 1 && NR - first < keep; first--) {
      size += length(line[first - 1]) + 1
      if (size > 8000000) break
    }
    for (; first <= NR; first++) print line[first]
  }' "$old" - >"$f.new" && mv -f "$f.new" "$f"
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

namespace {

std::vector<std::string> beside_history(std::string_view script, const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {
      "sh", "-c", std::string(host::k_as_login_user), "bgdeploy",
      std::string(host::k_account) + std::string(k_history_file) + std::string(script)};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

Result<void> of_history(const host::Host& host, const std::string& folder, const host::Output& output) {
  if (output.ok()) return {};
  return fail(ErrorKind::refused, fmt::format("{}: the history in {} failed", host.name(), folder),
              core::split_lines(core::printable(output.err, true)));
}

}  // namespace

Result<host::Output> run_beside_history(host::Host& host, std::string_view script,
                                        const std::vector<std::string>& arguments, std::string input,
                                        const core::Wait& wait) {
  BGDEPLOY_ASSIGN(auto output,
                  host.run({beside_history(script, arguments), host::Tool::other, std::move(input)}, wait));
  BGDEPLOY_TRY(of_history(host, arguments.front(), output));
  return output;
}

std::vector<report::PastRun> past_runs(std::span<const HistoryEntry> entries) {
  const auto name_of = [](const plan::Release& release) -> report::ReleaseName {
    if (release.tag.empty()) return {release.digest};
    return {release.tag, release.digest.empty() ? std::nullopt : std::optional(release.digest)};
  };
  std::vector<report::PastRun> runs;
  for (const HistoryEntry& entry : entries)
    if (entry.hook.empty())
      runs.push_back({entry.time, entry.took, entry.command, entry.result, name_of(entry.from),
                      name_of(entry.to), entry.slot, entry.served, entry.message, entry.who, entry.steps});
  return runs;
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
                         {"same_as", entry.same_as},
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
  for (const auto& [step, took] : entry.steps) object["steps_ms"][step] = took.count();
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
                     .same_as = text_of(object, "same_as"),
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
  if (const auto& steps = core::member(object, "steps_ms"); steps.is_object())
    for (const auto& [step, took] : steps.items())
      if (const auto number = core::integer(took); number && *number >= 0)
        entry.steps.emplace(step, core::Duration(*number));
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

namespace {

void keep_newest(std::vector<HistoryEntry>& entries) {
  if (entries.size() > k_newest) entries.erase(entries.begin(), entries.end() - k_newest);
}

std::vector<HistoryEntry> entries_in(std::string_view text) {
  std::vector<HistoryEntry> entries;
  for (const auto& line : core::split_lines(text)) {
    if (auto entry = parse_history_line(line)) entries.push_back(std::move(*entry));
  }
  return entries;
}

// The newest entries in `out`, where a line with the name of its file stands before those of each service.
Histories by_service(std::string_view out) {
  constexpr std::string_view k_begin = "history ", k_end = ".jsonl";
  Histories histories;
  std::string service;
  for (const auto& line : core::split_lines(out)) {
    if (line.starts_with(k_begin) && line.ends_with(k_end))
      service = line.substr(k_begin.size(), line.size() - k_begin.size() - k_end.size());
    else if (auto entry = parse_history_line(line); entry && !service.empty())
      histories[service].push_back(std::move(*entry));
  }
  for (auto& [name, entries] : histories) keep_newest(entries);
  return histories;
}

}  // namespace

Result<std::vector<HistoryEntry>> read_history(host::Host& host, const spec::History& history,
                                               const std::string& service, const core::Wait& wait) {
  BGDEPLOY_ASSIGN(const auto output,
                  run_beside_history(host, k_read_script, {history.dir, service}, "", wait));
  return entries_in(output.out);
}

Result<Histories> read_histories(host::Host& host, const spec::History& history, const core::Wait& wait) {
  BGDEPLOY_ASSIGN(const auto output,
                  run_beside_history(host, k_read_all_script, {history.dir, "x"}, "", wait));
  return by_service(output.out);
}

namespace {

std::string look_script() {
  return std::string(runtime::k_find_rooms) + std::string(k_look_script);
}

std::vector<std::string> look_arguments(const spec::History& history, const std::string& service, bool all) {
  return {history.dir, service, all ? "all" : ""};
}

}  // namespace

std::vector<std::string> look_at_history_command(const spec::History& history, const std::string& service,
                                                 bool all) {
  return beside_history(look_script(), look_arguments(history, service, all));
}

Result<HistoryFolder> look_at_history(host::Host& host, const spec::History& history,
                                      const std::string& service, bool all, const core::Wait& wait) {
  auto arguments = look_arguments(history, service, all);
  arguments.emplace_back();
  BGDEPLOY_ASSIGN(const auto output, run_beside_history(host, look_script(), arguments, "", wait));
  return parse_history_folder(host, history, service, "", output.out);
}

HistoryFolder parse_history_folder(const host::Host& host, const spec::History& history,
                                   const std::string& service, const std::string& beside,
                                   std::string_view out) {
  const auto first = std::min(out.find('\n'), out.size());
  const auto second = std::min(out.find('\n', std::min(first + 1, out.size())), out.size());
  const auto others = std::min(out.find("\nhistory "), out.size());
  HistoryFolder folder{.own = entries_in(out.substr(second, std::max(second, others) - second)),
                       .all = by_service(out.substr(others)),
                       .room = runtime::read_room(host.name(), history.dir, out.substr(0, first)),
                       .beside = runtime::read_room(host.name(), beside, out.substr(first, second - first))};
  folder.all.erase(service);
  // Without knowing all of them nobody can say what else is in use.
  if (!out.ends_with("\nend\n"))
    folder.all.clear();
  else if (!folder.own.empty())
    keep_newest(folder.all[service] = folder.own);
  return folder;
}

namespace {

constexpr std::string_view k_write = "write";

std::vector<std::string> append_arguments(const spec::History& history, const std::string& service) {
  return {history.dir, service, std::to_string(std::max(history.keep, 1) - 1)};
}

}  // namespace

Result<void> append_history(host::Host& host, const spec::History& history, const std::string& service,
                            std::span<const HistoryEntry> entries, const core::Wait& wait) {
  std::string lines;
  for (const HistoryEntry& entry : entries) lines += to_json_line(entry) + "\n";
  BGDEPLOY_TRY(
      run_beside_history(host, k_append_script, append_arguments(history, service), std::move(lines), wait));
  return {};
}

Result<void> append_history(host::Host& host, const spec::History& history, const std::string& service,
                            const HistoryEntry& entry, const core::Wait& wait) {
  return append_history(host, history, service, std::span(&entry, 1), wait);
}

void HistoryWriter::begin(host::Host& host, const core::Wait& wait) {
  (void)guarded([&]() -> Result<void> {
    std::call_once(m_once, [&] {
      m_starting = std::jthread([this, &host, wait] {
        auto arguments = append_arguments(m_history, m_service);
        arguments.emplace_back(k_write);
        auto process = guarded([&] {
          return host.start({beside_history(k_append_script, arguments), host::Tool::other, {}}, wait);
        });
        if (process) m_process = std::move(*process);
      });
    });
    return {};
  });
}

Result<void> HistoryWriter::append(host::Host& host, const HistoryEntry& entry, const core::Wait& wait) {
  if (m_starting.joinable()) m_starting.join();
  if (const auto process = std::exchange(m_process, nullptr)) {
    const bool told =
        process->write(fmt::format("{}\n{}\n", k_write, to_json_line(entry))) && process->close_input();
    if (told) {
      BGDEPLOY_ASSIGN(const auto output, process->finish(wait));
      return of_history(host, m_history.dir, output);
    }
  }
  return append_history(host, m_history, m_service, entry, wait);
}

}  // namespace bgdeploy::deploy
