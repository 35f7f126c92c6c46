// A Process over ssh::Pipes, whoever moves the bytes.
#pragma once

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/ssh/pipes.hpp"

namespace bgdeploy::host {

Output to_output(ssh::Captured captured);

class PipedProcess : public Process {
public:
  explicit PipedProcess(std::shared_ptr<ssh::Pipes> pipes) : m_pipes(std::move(pipes)) {}
  ~PipedProcess() override { m_pipes->abandon(false); }
  PipedProcess(const PipedProcess&) = delete;
  PipedProcess& operator=(const PipedProcess&) = delete;

  Result<void> write(std::string_view data) override { return m_pipes->write(data); }
  Result<void> write_slowly(std::string_view data, const Wait& wait) override {
    return m_pipes->write_slowly(data, wait);
  }
  Result<void> close_input() override { return m_pipes->close_input(); }
  Result<std::optional<std::string>> read_line(const Wait& wait) override { return m_pipes->read_line(wait); }
  Result<Output> finish(const Wait& wait) override;

private:
  std::shared_ptr<ssh::Pipes> m_pipes;
};

}  // namespace bgdeploy::host
