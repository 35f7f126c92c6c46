#include "piped_process.hpp"

namespace bgdeploy::host {

Result<Output> unless_refused(Output output, const Login& at, const std::vector<std::string>& argv) {
  if (auto refusal = sudo_refusal(at, argv, output)) return std::unexpected(std::move(*refusal));
  return output;
}

Result<Output> PipedProcess::finish(const Wait& wait) {
  BGDEPLOY_ASSIGN(auto output, m_pipes->finish(wait));
  return unless_refused(std::move(output), m_at, m_argv);
}

}  // namespace bgdeploy::host
