#include "ssh_host.hpp"

#include <fmt/format.h>

#include <sstream>

#include "commands.hpp"
#include "piped_process.hpp"

namespace bgdeploy::host {
namespace {

class SshHost : public Host {
public:
  SshHost(const spec::Host& host, std::shared_ptr<ssh::Session> session, bool behind_jump)
      : m_name(host.name),
        m_login(host.ssh.user.value_or("")),
        m_sudo(host.ssh.sudo),
        m_session(std::move(session)),
        m_behind_jump(behind_jump) {}

  const std::string& name() const override { return m_name; }
  std::string login() const override { return m_login; }
  const std::string& address() const override { return m_session->peer_address(); }
  bool behind_jump() const override { return m_behind_jump; }
  std::vector<std::string> prefix(Tool tool) const override { return sudo_prefix(m_sudo, tool); }

  Result<Output> run(const Command& command, const Wait& wait) override {
    BGDEPLOY_ASSIGN(const auto argv, with_sudo(m_sudo, command));
    BGDEPLOY_ASSIGN(const auto pipes, m_session->exec(argv, command.input, true, wait));
    auto output = pipes->finish(wait);
    pipes->abandon(true);
    if (!output) return std::unexpected(std::move(output).error().within(argv.front()));
    return unless_refused(std::move(*output), {m_name, m_login}, argv);
  }

  Result<std::unique_ptr<Process>> start(const Command& command, const Wait& wait) override {
    BGDEPLOY_ASSIGN(auto argv, with_sudo(m_sudo, command));
    BGDEPLOY_ASSIGN(auto pipes, m_session->exec(argv, command.input, false, wait));
    return std::make_unique<PipedProcess>(std::move(pipes), Login{m_name, m_login}, std::move(argv));
  }

  Result<void> write_file(const std::string& path, std::string_view content, const FileAttributes& attributes,
                          const Wait& wait) override {
    return write_by_script(*this, path, content, attributes, wait);
  }

  Result<std::filesystem::path> socket_to(const Endpoint& endpoint) override {
    BGDEPLOY_ASSIGN(const auto target, target_of(endpoint));
    return m_session->listen(target);
  }

  bool reachable(const Endpoint& endpoint, const Wait& wait) override {
    const auto target = target_of(endpoint);
    return target && m_session->reachable(*target, wait);
  }

  Result<int> places(int wanted, const Wait& wait) override { return m_session->places(wanted, wait); }
  // sshd tells a command the address and port at which it listens, whatever we connected to.
  Result<bool> forwards_tcp(const Wait& wait) override {
    if (m_session->has_forwarded()) return true;
    // Without sudo, which drops the variable.
    BGDEPLOY_ASSIGN(const auto pipes, m_session->exec({"printenv", "SSH_CONNECTION"}, {}, true, wait));
    auto told = pipes->finish(wait);
    pipes->abandon(true);
    if (!told) return std::unexpected(std::move(told).error());
    std::istringstream words(told->out);
    std::string client, client_port;
    ssh::TcpTarget own;
    words >> client >> client_port >> own.address >> own.port;
    return m_session->reachable(own, wait) && m_session->has_forwarded();
  }
  bool crowded() const override { return m_session->crowded(); }
  void when_crowded(std::function<void()> give_up) override { m_session->when_crowded(std::move(give_up)); }

private:
  Result<ssh::Target> target_of(const Endpoint& endpoint) const {
    if (const auto* tcp = std::get_if<TcpEndpoint>(&endpoint)) return ssh::TcpTarget{tcp->address, tcp->port};
    if (const auto* socket = std::get_if<UnixEndpoint>(&endpoint)) return ssh::UnixTarget{socket->path};
    const auto& command = std::get<CommandEndpoint>(endpoint);
    BGDEPLOY_ASSIGN(auto argv, with_sudo(m_sudo, {command.argv, command.tool, {}}));
    return ssh::ExecTarget{std::move(argv)};
  }

  const std::string m_name, m_login;
  const spec::Sudo m_sudo;
  const std::shared_ptr<ssh::Session> m_session;
  const bool m_behind_jump;
};

}  // namespace

std::unique_ptr<Host> make_ssh_host(const spec::Host& host, std::shared_ptr<ssh::Session> session,
                                    bool behind_jump) {
  return std::make_unique<SshHost>(host, std::move(session), behind_jump);
}

}  // namespace bgdeploy::host
