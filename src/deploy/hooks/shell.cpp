#include "hooks/shell.hpp"

#include <random>
#include <utility>

#include <fmt/format.h>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

// From the end of the wait to the command's: SIGTERM, a second, SIGKILL, and the way there and back.
constexpr auto k_shell_end = std::chrono::seconds(5);

// Arguments: the command and its folder. Stdin: a word that nobody else knows, lines NAME=VALUE, an empty
// line; then it stays open as long as the command may run. Stdout: what the command writes, then a record
// separator, that word and the exit code: a background process of the command may keep stdout open for ever.
//
// The command gets a process group of its own, for all of which the signals are. Whoever waits for the end of
// stdin signals again until it is killed, since a signal between the test and `wait` would be slept through.
constexpr std::string_view k_shell_script = R"sh(
IFS= read -r word || exit 125
while IFS= read -r line && [ -n "$line" ]; do export "${line?}"; done
[ -z "$2" ] || cd -- "$2" || exit 125
exec 3<&0 </dev/null
ended=
trap 'ended=1' USR1
setsid sh -c "$1" 3<&- 2>&1 &
command=$!
{ read -r _ <&3; while kill -s USR1 $$; do sleep 1; done; } >/dev/null 2>&1 &
watch=$!
wait "$command"
code=$?
if [ -n "$ended" ]; then
  trap '' USR1
  kill -s TERM -- "-$command"
  tries=10
  while [ "$tries" -gt 0 ] && kill -s 0 -- "-$command"; do
    sleep 0.1 || sleep 1
    tries=$((tries - 1))
  done
  kill -s KILL -- "-$command"
fi 2>/dev/null
trap '' USR1
kill -s KILL "$watch" 2>/dev/null
printf '\036%s %s\n' "$word" "$code"
)sh";

std::string secret_word() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}", random(), random(), random());
}

std::string head_of(const std::string& word, const std::map<std::string, std::string>& environment) {
  std::string head = word + "\n";
  for (const auto& [name, value] : environment) head += fmt::format("{}={}\n", name, core::printable(value));
  return head + "\n";
}

constexpr char k_separator = '\x1e';

// Passes on what comes, at once, but for the record at the end.
class Ending {
public:
  Ending(const std::string& word, const std::function<void(std::string_view)>& output)
      : m_mark(fmt::format("{}{} ", k_separator, word)), m_output(output) {}

  // The exit code, as soon as that record is complete.
  std::optional<int> take(std::string_view piece) {
    m_held += piece;
    const std::size_t at = m_held.find(m_mark);
    if (at == std::string::npos) {
      const std::size_t begun = m_held.rfind(k_separator);
      const bool may_be_mark = begun != std::string::npos && m_mark.starts_with(m_held.substr(begun));
      pass(may_be_mark ? begun : m_held.size());
      return {};
    }
    pass(at);
    const std::string_view rest = std::string_view(m_held).substr(m_mark.size());
    if (rest.find('\n') == std::string_view::npos) return {};
    const int code = core::leading_number<int>(rest).value_or(125);
    m_held.clear();
    return code;
  }
  void flush() { pass(m_held.size()); }

private:
  void pass(std::size_t count) {
    if (count > 0) m_output(std::string_view(m_held).substr(0, count));
    m_held.erase(0, count);
  }

  const std::string m_mark;
  const std::function<void(std::string_view)>& m_output;
  std::string m_held;
};

// Until the command has ended, or its output has.
Result<std::optional<int>> listen(host::Process& process, Ending& ending, const Wait& wait) {
  for (;;) {
    BGDEPLOY_ASSIGN(const auto piece, process.read_piece(wait));
    if (!piece) return std::nullopt;
    if (const auto code = ending.take(*piece)) return code;
  }
}

}  // namespace

Result<int> run_in_shell(host::Host& host, const std::string& command, const std::string& folder,
                         const std::map<std::string, std::string>& environment,
                         const std::function<void(std::string_view)>& output, const Wait& wait) {
  const std::string word = secret_word();
  const std::vector<std::string> argv{"sh", "-c", std::string(k_shell_script), "bgdeploy", command, folder};
  BGDEPLOY_ASSIGN(const auto process, host.start({argv, host::Tool::other, {}}, wait));
  BGDEPLOY_TRY(process->write(head_of(word, environment)));
  Ending ending(word, output);
  auto code = listen(*process, ending, wait);
  if (!code && (code.error().kind == ErrorKind::timeout || code.error().kind == ErrorKind::cancelled)) {
    // Its last words are worth having.
    (void)process->close_input();
    (void)listen(*process, ending, Wait::for_at_most(k_shell_end));
  }
  ending.flush();
  if (!code) return std::unexpected(std::move(code.error()));
  if (*code) return **code;
  // The shell itself ended: its own error is in the output, or sudo's.
  BGDEPLOY_ASSIGN(const auto end, process->finish(wait));
  if (!end.err.empty()) output(end.err);
  return end.exit_code == 0 ? 125 : end.exit_code;
}

}  // namespace bgdeploy::deploy
