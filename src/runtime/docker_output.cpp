#include <array>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/engine/streams.hpp"
#include "docker_runtime.hpp"

namespace bgdeploy::runtime {
namespace {

constexpr int k_diagnosed_lines = 50;
constexpr std::size_t k_longest_line = 16UL << 10;

}  // namespace

Result<Diagnosis> DockerRuntime::diagnose(const std::string& id, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto container, m_client->inspect_container(id, wait));
  Diagnosis diagnosis;
  diagnosis.status = status_of(container);
  diagnosis.exit_code = container.exit_code;
  diagnosis.oom_killed = container.oom_killed;
  diagnosis.restarts = container.restarts;
  diagnosis.error = core::printable(container.error);
  diagnosis.health = container.health;
  diagnosis.health_log = core::printable(container.health_output, true);
  const auto read = logs(
      id, k_diagnosed_lines, false, [&](const LogLine& line) { diagnosis.output.push_back(line.text); },
      wait);
  // Some logging drivers cannot be read; the rest is still worth knowing.
  if (!read && read.error().kind != core::ErrorKind::refused) return std::unexpected(read.error());
  if (!read) diagnosis.output = {read.error().message};
  return diagnosis;
}

Result<void> DockerRuntime::logs(const std::string& id, int tail, bool follow,
                                 const std::function<void(const LogLine&)>& line, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto container, m_client->inspect_container(id, wait));
  const auto splitter = [&](bool is_stderr) {
    return engine::LineSplitter(k_longest_line, [&line, is_stderr](std::string_view text) {
      if (text.ends_with('\r')) text.remove_suffix(1);  // from a terminal
      line({is_stderr, core::printable(text)});
    });
  };
  std::array<engine::LineSplitter, 2> lines{splitter(false), splitter(true)};
  const auto read = m_client->logs(
      container, tail, follow,
      [&](bool is_stderr, std::string_view piece) { lines[is_stderr ? 1 : 0].feed(piece); }, wait);
  for (auto& rest : lines) rest.finish();
  if (read || !follow) return read;
  const auto kind = read.error().kind;
  if (kind == core::ErrorKind::timeout || kind == core::ErrorKind::cancelled) return {};
  return read;
}

Result<int> DockerRuntime::exec(const std::string& id, const std::vector<std::string>& argv,
                                const Output& output, const Wait& wait) {
  return m_client->exec(id, argv, output, wait);
}

}  // namespace bgdeploy::runtime
