// A Process over ssh::Pipes, whoever moves the bytes.
#pragma once

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/ssh/pipes.hpp"

namespace bgdeploy::host {

Output to_output(ssh::Captured captured);

// The output of a command, unless sudo did not run it: kind denied.
Result<Output> unless_refused(Output output, const std::string& host, const std::vector<std::string>& argv);

class PipedProcess : public Process {
public:
  // `host` and `argv` are for saying that sudo refused.
  PipedProcess(std::shared_ptr<ssh::Pipes> pipes, std::string host, std::vector<std::string> argv)
      : m_pipes(std::move(pipes)), m_host(std::move(host)), m_argv(std::move(argv)) {}
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
  const std::string m_host;
  const std::vector<std::string> m_argv;
};

}  // namespace bgdeploy::host
