#include "piped_process.hpp"

#include "bgdeploy/host/sudo.hpp"

namespace bgdeploy::host {

Output to_output(ssh::Captured captured) {
  return {captured.exit_code, std::move(captured.signal), std::move(captured.out), std::move(captured.err)};
}

Result<Output> unless_refused(Output output, const std::string& host, const std::vector<std::string>& argv) {
  if (auto refusal = sudo_refusal(host, argv, output)) return std::unexpected(std::move(*refusal));
  return output;
}

Result<Output> PipedProcess::finish(const Wait& wait) {
  auto captured = m_pipes->finish(wait);
  if (!captured) return std::unexpected(std::move(captured).error());
  return unless_refused(to_output(std::move(*captured)), m_host, m_argv);
}

}  // namespace bgdeploy::host
