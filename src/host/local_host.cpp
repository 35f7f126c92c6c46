#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <list>
#include <mutex>

#include "bgdeploy/io/child.hpp"
#include "commands.hpp"
#include "piped_process.hpp"
#include "relay.hpp"
#include "ssh_host.hpp"

namespace bgdeploy::host {
namespace {

// Our own machine. Runs the same scripts as over SSH, so that both behave alike.
class LocalHost : public Host {
public:
  explicit LocalHost(const spec::Host& host) : m_name(host.name), m_sudo(host.ssh.sudo) {}

  const std::string& name() const override { return m_name; }
  const std::string& address() const override { return m_address; }
  std::vector<std::string> prefix(Tool tool) const override { return sudo_prefix(m_sudo, tool); }

  Result<Output> run(const Command& command, const Wait& wait) override {
    BGDEPLOY_ASSIGN(const auto argv, with_sudo(m_sudo, command));
    auto output = io::run_child(argv, command.input, wait);
    if (output) return unless_refused(std::move(*output), {m_name}, argv);
    if (output.error().kind != core::ErrorKind::not_found) return output;
    // A shell over SSH reports it as the command's failure, not the host's.
    return unless_refused({127, {}, {}, output.error().message + ": not found\n"}, {m_name}, argv);
  }

  Result<std::unique_ptr<Process>> start(const Command& command, const Wait& wait) override {
    if (wait.stop.stop_requested()) return std::unexpected(io::wait_error(wait, m_name));
    BGDEPLOY_ASSIGN(const auto argv, with_sudo(m_sudo, command));
    BGDEPLOY_ASSIGN(auto child, io::Child::start(argv, command.input, false));
    return std::make_unique<PipedProcess>(std::move(child), Login{m_name}, argv);
  }

  Result<void> write_file(const std::string& path, std::string_view content, const FileAttributes& attributes,
                          const Wait& wait) override {
    return write_by_script(*this, path, content, attributes, wait);
  }

  Result<std::filesystem::path> socket_to(const Endpoint& endpoint) override {
    if (const auto* socket = std::get_if<UnixEndpoint>(&endpoint)) return std::filesystem::path(socket->path);
    const std::lock_guard lock(m_mutex);
    BGDEPLOY_ASSIGN(const auto target, target_of(endpoint));
    if (!m_relay) {
      BGDEPLOY_ASSIGN(m_relay, Relay::make());
    }
    return m_relay->listen(target);
  }

  bool reachable(const Endpoint& endpoint, const Wait& wait) override {
    if (const auto* command = std::get_if<CommandEndpoint>(&endpoint)) {
      const auto output = run({command->argv, command->tool, {}}, wait);
      return output && output->ok();
    }
    const auto target = target_of(endpoint);
    return target && Relay::reachable(*target, wait);
  }

private:
  Result<RelayTarget> target_of(const Endpoint& endpoint) const {
    if (const auto* tcp = std::get_if<TcpEndpoint>(&endpoint)) return RelayTarget{*tcp};
    if (const auto* socket = std::get_if<UnixEndpoint>(&endpoint)) return RelayTarget{*socket};
    const auto& command = std::get<CommandEndpoint>(endpoint);
    BGDEPLOY_ASSIGN(auto argv, with_sudo(m_sudo, {command.argv, command.tool, {}}));
    return RelayTarget{std::move(argv)};
  }

  const std::string m_name, m_address = "127.0.0.1";
  const spec::Sudo m_sudo;
  std::mutex m_mutex;
  std::unique_ptr<Relay> m_relay;
};

}  // namespace

std::unique_ptr<Host> make_local_host(const spec::Host& host) {
  return std::make_unique<LocalHost>(host);
}

}  // namespace bgdeploy::host
