// A Process over io::Pipes: a child of ours, or a command over SSH.
#pragma once

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/host/sudo.hpp"
#include "bgdeploy/io/child.hpp"
#include "bgdeploy/io/pipes.hpp"

namespace bgdeploy::host {

// The output of a command, unless sudo did not run it: kind denied.
Result<Output> unless_refused(Output output, const Login& at, const std::vector<std::string>& argv);

class PipedProcess : public Process {
public:
  // `at` and `argv` are for saying that sudo refused.
  PipedProcess(std::shared_ptr<io::Pipes> pipes, Login at, std::vector<std::string> argv)
      : m_pipes(std::move(pipes)), m_at(std::move(at)), m_argv(std::move(argv)) {}
  PipedProcess(std::unique_ptr<io::Child> child, Login at, std::vector<std::string> argv)
      : PipedProcess(child->pipes(), std::move(at), std::move(argv)) {
    m_child = std::move(child);
  }
  ~PipedProcess() override { m_pipes->abandon(false); }
  PipedProcess(const PipedProcess&) = delete;
  PipedProcess& operator=(const PipedProcess&) = delete;

  Result<void> write(std::string_view data) override { return m_pipes->write(data); }
  Result<void> write_slowly(std::string_view data, const Wait& wait) override {
    return m_pipes->write_slowly(data, wait);
  }
  Result<void> close_input() override { return m_pipes->close_input(); }
  Result<std::optional<std::string>> read_line(const Wait& wait) override { return m_pipes->read_line(wait); }
  Result<std::optional<std::string>> read_piece(const Wait& wait) override {
    return m_pipes->read_piece(wait);
  }
  Result<Output> finish(const Wait& wait) override;

private:
  std::unique_ptr<io::Child> m_child;  // null: the bytes are moved elsewhere
  std::shared_ptr<io::Pipes> m_pipes;
  const Login m_at;
  const std::vector<std::string> m_argv;
};

}  // namespace bgdeploy::host
