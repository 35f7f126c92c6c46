#include "bgdeploy/deploy/lock/lease.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/host/account.hpp"
#include "lock/lease_script.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {
namespace {

using core::Duration;
using core::ErrorKind;
using core::fail;
using nlohmann::json;
using namespace std::chrono_literals;

using deadlines::k_beat;
using deadlines::k_lease;
using deadlines::k_margin;

// This clock runs while the machine sleeps, as the holder's does; steady_clock stands still.
Duration since_boot() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::duration_cast<Duration>(std::chrono::seconds(now.tv_sec) +
                                              std::chrono::nanoseconds(now.tv_nsec));
}

std::string first_word_of(const char* file) {
  std::string word;
  std::ifstream(file) >> word;
  return word;
}

// Field 22 of /proc/self/stat. The name in field 2 may hold blanks and parentheses.
std::string own_start() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(text.substr(std::min(text.rfind(')'), text.size() - 1) + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  return field;
}

std::string to_json(const LockOwner& owner) {
  const json object = {
      {"who", owner.who}, {"what", owner.what}, {"since", core::format_time(owner.since, true)}};
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Somebody else may have written the file: a field that cannot be read stays empty.
LockOwner parse_owner(std::string_view text) {
  const auto object = json::parse(text, nullptr, false);
  const auto field = [&](const char* name) -> std::string {
    if (!object.is_object() || !object.contains(name) || !object[name].is_string()) return "";
    return core::printable(object[name].get<std::string>());
  };
  return {field("who"), field("what"), core::parse_time(field("since")).value_or(core::SystemTime{})};
}

// "jenkins@ci-7 (pid 4242) on web-1 since 2026-11-21T05:07:10Z (2m13s ago): deploy 1.2.3"
std::string describe(const LockOwner& owner, const host::Host& host) {
  std::string text = fmt::format("{} on {}", owner.who.empty() ? "somebody" : owner.who, host.name());
  if (owner.since != core::SystemTime{}) {
    const auto age = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now() - owner.since);
    // Clocks of two machines differ.
    text += fmt::format(" since {} ({} ago)", core::format_time(owner.since),
                        core::format_duration(std::max<Duration>(age, 0s)));
  }
  if (owner.until) text += fmt::format(", until {}", core::format_time(*owner.until));
  return owner.what.empty() ? text : text + ": " + owner.what;
}

// Seconds since 1970; nothing for "-".
std::optional<core::SystemTime> parse_end(std::string_view text) {
  const auto seconds = core::parse_number<std::int64_t>(text);
  constexpr std::int64_t k_most = 99'999'999'999;  // as many digits as the scripts take
  if (!seconds || *seconds > k_most) return std::nullopt;
  return core::SystemTime(std::chrono::seconds(*seconds));
}

// Splits "locked JSON" into the word and the rest.
std::pair<std::string_view, std::string_view> split_answer(std::string_view line) {
  const auto blank = line.find(' ');
  if (blank == std::string_view::npos) return {line, {}};
  return {line.substr(0, blank), line.substr(blank + 1)};
}

// "END JSON"
LockOwner parse_freeze(std::string_view text) {
  const auto [end, rest] = split_answer(text);
  LockOwner owner = parse_owner(rest);
  owner.until = parse_end(end);
  return owner;
}

std::vector<std::string> script(std::string_view text, const LockPath& path,
                                std::vector<std::string> arguments = {}) {
  const char* settings = path.make_folder ? "proc=/proc\nmake_folder=1\n" : "proc=/proc\nmake_folder=\n";
  std::vector<std::string> argv = {
      "sh", "-c", settings + std::string(host::k_account) + std::string(k_lock_files) + std::string(text),
      "bgdeploy", path.base};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

// `words`: the script's own, and what to do about it behind a tab; empty when it gave none.
std::unexpected<core::Error> refusal(const host::Host& host, std::string_view words,
                                     const std::string& errors) {
  const auto tab = std::min(words.find('\t'), words.size());
  const auto text =
      words.empty() ? std::string("the lock's script failed") : core::printable(words.substr(0, tab));
  return fail(ErrorKind::refused, fmt::format("{}: cannot lock: {}", host.name(), text),
              core::split_lines(core::printable(errors, true)),
              core::printable(words.substr(std::min(tab + 1, words.size()))));
}

// Runs one of the short scripts and returns the lines of its stdout.
Result<std::vector<std::string>> ask(host::Host& host, std::string_view text, const LockPath& path,
                                     const Wait& wait, std::vector<std::string> arguments = {}) {
  BGDEPLOY_ASSIGN(const auto output,
                  host.run({script(text, path, std::move(arguments)), host::Tool::other, {}}, wait));
  auto lines = core::split_lines(output.out);
  for (const auto& line : lines)
    if (const auto [word, rest] = split_answer(line); word == "broken")
      return refusal(host, rest, output.err);
  if (!output.ok()) return refusal(host, {}, output.err);
  return lines;
}

class HeldLease final : public Lease {
public:
  HeldLease(std::unique_ptr<host::Process> holder, std::string host, std::string path, Duration acquired)
      : m_holder(std::move(holder)),
        m_host(std::move(host)),
        m_path(std::move(path)),
        m_pulse([this, acquired](std::stop_token stop) { beat(stop, acquired); }) {}

  std::stop_token lost() const override { return m_lost.get_token(); }
  const std::string& path() const override { return m_path; }

  Result<void> release(const Wait& wait) override {
    m_pulse.request_stop();
    if (m_pulse.joinable()) m_pulse.join();
    if (m_lost.stop_requested()) return fail(ErrorKind::lost, m_host + ": the lock was lost");
    BGDEPLOY_TRY(m_holder->write("bye\n"));
    BGDEPLOY_TRY(m_holder->close_input());
    BGDEPLOY_TRY(m_holder->finish(wait));
    return {};
  }

private:
  // `alive`: when the last beat was sent that the holder has acknowledged.
  void beat(const std::stop_token& stop, Duration alive) {
    // An exception ends the pulse, and so the lease.
    (void)guarded([&]() -> Result<void> {
      while (quiet_until(alive + k_beat, alive, stop)) {
        const auto sent = since_boot();
        if (!m_holder->write("beat\n") || !acknowledged(alive, stop)) break;
        alive = sent;
      }
      return {};
    });
    if (stop.stop_requested()) return;
    m_lost.request_stop();
    // Tells the holder that the deployer knows.
    static_cast<void>(m_holder->close_input());
  }

  // Waits in slices, since the deadline of a Wait stands still while the machine sleeps.
  static Wait slice(std::stop_token stop) { return Wait::for_at_most(500ms, std::move(stop)); }
  static bool expired(Duration alive) { return since_boot() - alive >= k_lease - k_margin; }

  bool acknowledged(Duration alive, const std::stop_token& stop) {
    while (!stop.stop_requested() && !expired(alive)) {
      const auto line = m_holder->read_line(slice(stop));
      if (line) return *line == "ack" && !expired(alive);
      if (line.error().kind != ErrorKind::timeout) return false;
    }
    return false;
  }

  // Waits until the next beat is due. The holder says nothing unasked: a line, or the end of its output,
  // means that it has ended.
  bool quiet_until(Duration due, Duration alive, const std::stop_token& stop) {
    while (since_boot() < due) {
      const auto line = m_holder->read_line(slice(stop));
      if (line || line.error().kind != ErrorKind::timeout || stop.stop_requested()) return false;
    }
    return !expired(alive);
  }

  std::unique_ptr<host::Process> m_holder;
  const std::string m_host, m_path;
  std::stop_source m_lost;
  std::jthread m_pulse;  // last: it uses all of the above
};

}  // namespace

namespace {

// The holder's first line that is not about waiting; nothing when it ended without one.
Result<std::optional<std::string>> await_turn(host::Process& holder, const host::Host& host, const Wait& wait,
                                              const Patience& patience) {
  std::optional<LockOwner> ahead;
  for (;;) {
    auto line = holder.read_line(wait);
    if (!line && line.error().kind == ErrorKind::timeout && ahead)
      return fail(ErrorKind::locked,
                  fmt::format("waited {}, and still locked by {}", core::format_duration(patience.most),
                              describe(*ahead, host)));
    if (!line || !*line) return line;
    const auto [word, rest] = split_answer(**line);
    if (word != "waiting") return line;
    const LockOwner owner = parse_owner(rest);
    // One has gone, and the next one has not told its name yet.
    if (ahead && (owner == *ahead || owner == LockOwner{})) continue;
    ahead = owner;
    if (patience.tell) patience.tell(describe(owner, host));
  }
}

}  // namespace

Result<std::unique_ptr<Lease>> acquire(host::Host& host, const LockPath& path, const LockOwner& owner,
                                       const Wait& wait, const Patience& patience) {
  const bool waits = patience.most > Duration{0};
  const auto argv =
      script(k_hold_script, path,
             {to_json(owner), std::to_string(k_lease / 1s), std::to_string(::getpid()), own_start(),
              first_word_of("/proc/sys/kernel/random/boot_id"), waits ? "line" : ""});
  BGDEPLOY_ASSIGN(auto holder, host.start({argv, host::Tool::other, {}}, wait));
  const auto asked = since_boot();
  BGDEPLOY_ASSIGN(const auto answer,
                  await_turn(*holder, host, waits ? wait.at_most(patience.most) : wait, patience));
  const auto [word, rest] = split_answer(answer ? std::string_view(*answer) : std::string_view{});
  if (word == "held") {
    // It counts from the moment at which it said so, which was after we asked.
    const auto sent = since_boot();
    if (sent - asked < k_beat)
      return std::make_unique<HeldLease>(std::move(holder), host.name(), std::string(rest), asked);
    // It may have waited for an earlier one to go.
    static_cast<void>(holder->write("beat\n"));
    BGDEPLOY_ASSIGN(const auto pulse, holder->read_line(wait.at_most(k_lease)));
    if (!pulse || *pulse != "ack") return fail(ErrorKind::lost, host.name() + ": the lock was lost at once");
    return std::make_unique<HeldLease>(std::move(holder), host.name(), std::string(rest), sent);
  }
  if (word == "locked")
    return fail(ErrorKind::locked, "locked by " + describe(parse_owner(rest), host), {},
                "wait in line for it: --lock-wait 15m");
  if (word == "frozen")
    return fail(ErrorKind::frozen, "frozen by " + describe(parse_freeze(rest), host), {},
                "when that is over: bgdeploy unlock");
  // A script that says anything else may never end.
  const auto output = holder->finish(wait.at_most(k_lease));
  if (!output && output.error().kind != ErrorKind::timeout) return std::unexpected(output.error());
  return refusal(host, word == "broken" ? rest : std::string_view{}, output ? output->err : "");
}

core::Error lock_lost() {
  return {
      ErrorKind::lost,
      "the lock was lost: the connection that holds it broke or was silent too long, or its file was removed",
      {}};
}

Result<LockStatus> lock_status(host::Host& host, const LockPath& path, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto lines, ask(host, k_status_script, path, wait));
  LockStatus status;
  for (const auto& line : lines) {
    const auto [word, rest] = split_answer(line);
    if (word == "locked") status.holder = parse_owner(rest);
    if (word == "frozen") status.freeze = parse_freeze(rest);
  }
  return status;
}

Result<std::optional<core::SystemTime>> freeze(host::Host& host, const LockPath& path, const LockOwner& owner,
                                               const Wait& wait, const FreezeEnd& end) {
  std::string argument;
  if (const auto* at = std::get_if<core::SystemTime>(&end))
    argument = std::to_string(std::chrono::floor<std::chrono::seconds>(at->time_since_epoch()).count());
  if (const auto* after = std::get_if<Duration>(&end))
    argument = fmt::format("+{}", std::chrono::ceil<std::chrono::seconds>(*after).count());
  BGDEPLOY_ASSIGN(const auto lines, ask(host, k_freeze_script, path, wait, {to_json(owner), argument}));
  return lines.empty() ? std::nullopt : parse_end(lines.front());
}

Result<bool> unfreeze(host::Host& host, const LockPath& path, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto lines, ask(host, k_unfreeze_script, path, wait));
  return lines == std::vector<std::string>{"yes"};
}

}  // namespace bgdeploy::deploy
