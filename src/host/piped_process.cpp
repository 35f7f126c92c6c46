#include "piped_process.hpp"

namespace bgdeploy::host {

Output to_output(ssh::Captured captured) {
  return {captured.exit_code, std::move(captured.signal), std::move(captured.out), std::move(captured.err)};
}

Result<Output> PipedProcess::finish(const Wait& wait) {
  auto captured = m_pipes->finish(wait);
  if (!captured) return std::unexpected(std::move(captured).error());
  return to_output(std::move(*captured));
}

}  // namespace bgdeploy::host
