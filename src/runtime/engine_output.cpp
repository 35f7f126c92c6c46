#include <array>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/engine/streams.hpp"
#include "bgdeploy/runtime/docker_words.hpp"
#include "engine_containers.hpp"

namespace bgdeploy::runtime {
namespace {

constexpr int k_diagnosed_lines = 50;
constexpr std::size_t k_longest_line = 16UL << 10;

}  // namespace

Result<Diagnosis> EngineContainers::glance(const std::string& id, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto container, m_on.client->inspect_container(id, wait));
  Diagnosis diagnosis;
  diagnosis.status = status_of(container);
  diagnosis.exit_code = container.exit_code;
  diagnosis.oom_killed = container.oom_killed;
  diagnosis.restarts = container.restarts;
  diagnosis.started = container.started;
  if (container.running && container.status != "restarting")
    diagnosis.running_for = std::chrono::duration_cast<core::Duration>(container.asked - container.started);
  diagnosis.error = without_layers(core::printable(core::trim(container.error)));
  diagnosis.health = container.health;
  diagnosis.health_log = without_layers(core::printable(core::trim(container.health_output), true));
  return diagnosis;
}

Result<Diagnosis> EngineContainers::diagnose(const std::string& id, const Wait& wait) {
  BGDEPLOY_ASSIGN(Diagnosis diagnosis, glance(id, wait));
  const auto read = logs(
      id, {.tail = k_diagnosed_lines}, [&](const LogLine& line) { diagnosis.output.push_back(line.text); },
      wait);
  // Some logging drivers cannot be read; the rest is still worth knowing.
  if (!read && read.error().kind != core::ErrorKind::refused) return std::unexpected(read.error());
  if (!read) diagnosis.output = {read.error().message};
  return diagnosis;
}

Result<void> EngineContainers::logs(const std::string& id, const LogRange& wanted,
                                    const std::function<void(const LogLine&)>& line, const Wait& wait) {
  LogRange range = wanted;
  if (!range.since) {
    const std::scoped_lock lock(m_mutex);
    if (const auto ended = m_ended.find(id); ended != m_ended.end()) range.since = ended->second;
  }
  BGDEPLOY_ASSIGN(const auto container, m_on.client->inspect_container(id, wait));
  std::array<core::SystemTime, 2> times{};
  const auto splitter = [&](bool is_stderr) {
    return engine::LineSplitter(k_longest_line, [&, is_stderr](std::string_view text) {
      if (text.ends_with('\r')) text.remove_suffix(1);  // from a terminal
      line({is_stderr, core::printable(text), times[is_stderr ? 1 : 0]});
    });
  };
  std::array<engine::LineSplitter, 2> lines{splitter(false), splitter(true)};
  const auto read = m_on.client->logs(
      container, range,
      [&](bool is_stderr, std::string_view time) {
        if (const auto parsed = core::parse_time(time)) times[is_stderr ? 1 : 0] = *parsed;
      },
      [&](bool is_stderr, std::string_view piece) { lines[is_stderr ? 1 : 0].feed(piece); }, wait);
  for (auto& rest : lines) rest.finish();
  if (read || !range.follow) return read;
  const auto kind = read.error().kind;
  if (kind == core::ErrorKind::timeout || kind == core::ErrorKind::cancelled) return {};
  return read;
}

Result<int> EngineContainers::exec(const std::string& id, const std::vector<std::string>& argv,
                                   engine::Console* console, const Output& output, const Wait& wait) {
  return m_on.client->exec(id, argv, console, output, wait);
}

}  // namespace bgdeploy::runtime
