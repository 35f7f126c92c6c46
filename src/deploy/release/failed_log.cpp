#include "bgdeploy/deploy/release/failed_log.hpp"

#include <algorithm>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "release/history_files.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::text_of;
using nlohmann::ordered_json;

namespace {

// All hosts together, before JSON writes them.
constexpr std::size_t k_most_kept = std::size_t{1} << 20;

// One more argument: which environment, since several may share a host. Nothing else ends in ".failed" there.
constexpr std::string_view k_write_failed_log = R"sh(
umask 077
mkdir -p "$d" || exit 1
f=$d/$2.$3.failed
regular "$f"
rm -f "$f.new"
cat >"$f.new" && mv -f "$f.new" "$f"
)sh";
constexpr std::string_view k_read_failed_log = R"sh(
f=$d/$2.$3.failed
regular "$f"
[ -e "$f" ] || exit 0
exec head -c 16000000 "$f"
)sh";

std::vector<std::string> failed_place(const spec::Spec& spec) {
  return {spec.history.dir, spec.service, std::to_string(spec.slots.front().port)};
}

// The last lines, as far as there is room for them.
std::vector<std::string> shortened(const std::vector<std::string>& lines, std::size_t room) {
  auto first = lines.end();
  while (first != lines.begin() && std::prev(first)->size() < room) room -= (--first)->size() + 1;
  return {first, lines.end()};
}

}  // namespace

std::string to_json(const FailedLog& failed) {
  ordered_json hosts = ordered_json::array();
  for (const LogOfHost& host : failed.log.hosts)
    hosts.push_back({{"host", host.host},
                     {"container", host.container},
                     {"lines", shortened(host.lines, k_most_kept / failed.log.hosts.size())}});
  const ordered_json object = {{"time", core::format_time(failed.time, true)},
                               {"release", failed.log.release},
                               {"slot", failed.log.slot},
                               {"message", failed.log.why},
                               {"hosts", std::move(hosts)}};
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Result<FailedLog> parse_failed_log(std::string_view text) {
  const auto object = core::Json::parse(text, nullptr, false);
  const auto time = object.is_object() ? core::parse_time(text_of(object, "time")) : std::nullopt;
  if (!time) return core::fail(ErrorKind::refused, "the kept log cannot be read");
  FailedLog failed{.time = *time,
                   .log = {.release = text_of(object, "release"),
                           .slot = text_of(object, "slot"),
                           .why = text_of(object, "message"),
                           .hosts = {}}};
  if (const auto& hosts = core::member(object, "hosts"); hosts.is_array())
    for (const auto& host : hosts)
      failed.log.hosts.push_back(
          {text_of(host, "host"), text_of(host, "container"), core::texts_of(host, "lines")});
  return failed;
}

Result<void> write_failed_log(host::Host& host, const spec::Spec& spec, const FailedLog& failed,
                              const core::Wait& wait) {
  BGDEPLOY_TRY(run_beside_history(host, k_write_failed_log, failed_place(spec), to_json(failed), wait));
  return {};
}

Result<void> keep_failed_log(const Context& context, host::Host& host, KeptLog log) {
  log.why = context.sink.redacted(std::move(log.why));
  for (LogOfHost& own : log.hosts)
    for (std::string& line : own.lines) line = context.sink.redacted(std::move(line));
  return write_failed_log(host, context.spec, {context.clock.wall(), std::move(log)},
                          deadlines::within(context.clock, deadlines::k_log));
}

Result<std::optional<FailedLog>> read_failed_log(host::Host& host, const spec::Spec& spec,
                                                 const core::Wait& wait) {
  BGDEPLOY_ASSIGN(const auto output,
                  run_beside_history(host, k_read_failed_log, failed_place(spec), "", wait));
  if (output.out.empty()) return std::nullopt;
  BGDEPLOY_ASSIGN(auto failed, parse_failed_log(output.out));
  return failed;
}

}  // namespace bgdeploy::deploy
