#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/io/fd.hpp"
#include "bgdeploy/io/wakeup.hpp"
#include "bgdeploy/ssh/signer.hpp"
#include "bgdeploy/ssh/wire.hpp"

// The agent's protocol: draft-miller-ssh-agent.
namespace bgdeploy::ssh {
namespace {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Wait;

enum : std::uint8_t { k_list_request = 11, k_list_answer = 12, k_sign_request = 13, k_sign_answer = 14 };
constexpr std::uint32_t k_rsa_sha2_512 = 4;          // a flag of the sign request
constexpr std::size_t k_longest_answer = 256 << 10;  // bytes; as ssh-agent limits its own
// A key on a token, or one that asks before each use, answers when its owner did.
constexpr auto k_sign_patience = std::chrono::seconds(30);

class Agent {
public:
  static Result<std::shared_ptr<Agent>> connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
      return fail(ErrorKind::io, fmt::format("no agent can be at {}", path));
    std::memcpy(address.sun_path, path.data(), path.size());
    io::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return fail(ErrorKind::io, fmt::format("no agent answers at {}: {}", path, std::strerror(errno)));
    return std::shared_ptr<Agent>(new Agent(std::move(fd)));
  }

  // The answer's payload after its type, which must be `expected`.
  Result<std::string> ask(std::string request, std::uint8_t expected, const Wait& wait) {
    auto message = WireWriter().string(request).take();
    while (!message.empty()) {
      const auto count = ::send(m_fd.get(), message.data(), message.size(), MSG_NOSIGNAL);
      if (count < 0 && errno != EAGAIN && errno != EINTR) return broken();
      if (count < 0) {
        BGDEPLOY_TRY(io::wait_for(m_fd.get(), POLLOUT, wait, "the SSH agent"));
        continue;
      }
      message.erase(0, static_cast<std::size_t>(count));
    }
    BGDEPLOY_ASSIGN(const auto header, receive(4, wait));
    const auto length = WireReader(header).u32().value_or(0);
    if (length == 0 || length > k_longest_answer) return broken();
    BGDEPLOY_ASSIGN(auto answer, receive(length, wait));
    if (static_cast<std::uint8_t>(answer.front()) != expected)
      return fail(ErrorKind::denied, "the SSH agent refused");
    answer.erase(0, 1);
    return answer;
  }

private:
  explicit Agent(io::Fd fd) : m_fd(std::move(fd)) {}

  static std::unexpected<core::Error> broken() {
    return fail(ErrorKind::io, "the SSH agent does not answer as one");
  }

  Result<std::string> receive(std::size_t size, const Wait& wait) {
    std::string bytes(size, '\0');
    for (std::size_t got = 0; got < size;) {
      const auto count = ::recv(m_fd.get(), bytes.data() + got, size - got, 0);
      if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return broken();
      if (count > 0)
        got += static_cast<std::size_t>(count);
      else
        BGDEPLOY_TRY(io::wait_for(m_fd.get(), POLLIN, wait, "the SSH agent"));
    }
    return bytes;
  }

  io::Fd m_fd;
};

class AgentSigner : public Signer {
public:
  AgentSigner(std::shared_ptr<Agent> agent, std::string blob, std::string_view comment, std::stop_token stop)
      : m_agent(std::move(agent)),
        m_agent_blob(std::move(blob)),
        m_name(fmt::format("agent key {}", core::printable(comment))),
        m_rsa(key_type(m_agent_blob) == "ssh-rsa"),
        m_stop(std::move(stop)) {
    m_blob = m_agent_blob;
    if (!m_rsa) return;
    WireReader reader(m_agent_blob);
    reader.string();
    m_blob = WireWriter().string("rsa-sha2-512").take().append(reader.rest());
  }

  const std::string& name() const override { return m_name; }
  const std::string& public_blob() const override { return m_blob; }

  Result<std::string> sign(std::string_view data) override {
    auto request = WireWriter().byte(k_sign_request).string(m_agent_blob).string(data);
    request.u32(m_rsa ? k_rsa_sha2_512 : 0);
    auto answer = m_agent->ask(request.take(), k_sign_answer, Wait::for_at_most(k_sign_patience, m_stop));
    if (!answer) return std::unexpected(std::move(answer).error().within(m_name));
    const auto signature = WireReader(*answer).string();
    WireReader parts(signature.value_or(""));
    const auto algorithm = parts.string(), bytes = parts.string();
    if (!algorithm || !bytes || *algorithm != key_type(m_blob))
      return fail(ErrorKind::denied, fmt::format("{}: the agent signs with {} only", m_name,
                                                 core::printable(algorithm.value_or("nothing known"))));
    return std::string(*bytes);
  }

private:
  std::shared_ptr<Agent> m_agent;
  std::string m_agent_blob, m_name, m_blob;
  bool m_rsa;
  std::stop_token m_stop;
};

// Certificates and keys on tokens (sk-…) need more than a plain signature.
bool usable(const std::string& type) {
  return type == "ssh-ed25519" || type == "ssh-rsa" || type == "ecdsa-sha2-nistp256" ||
         type == "ecdsa-sha2-nistp384" || type == "ecdsa-sha2-nistp521";
}

}  // namespace

Result<std::vector<std::unique_ptr<Signer>>> agent_keys(const std::string& socket, const Wait& wait,
                                                        std::vector<std::string>* certificates) {
  BGDEPLOY_ASSIGN(const auto agent, Agent::connect(socket));
  BGDEPLOY_ASSIGN(const auto answer,
                  agent->ask(WireWriter().byte(k_list_request).take(), k_list_answer, wait));
  WireReader reader(answer);
  std::vector<std::unique_ptr<Signer>> keys;
  for (auto left = reader.u32().value_or(0); left > 0; --left) {
    const auto blob = reader.string(), comment = reader.string();
    if (!blob || !comment) break;
    if (usable(key_type(*blob)))
      keys.push_back(std::make_unique<AgentSigner>(agent, std::string(*blob), *comment, wait.stop));
    else if (certificates != nullptr && key_type(*blob).ends_with("-cert-v01@openssh.com"))
      certificates->push_back(fmt::format("agent key {}", core::printable(*comment)));
  }
  return keys;
}

}  // namespace bgdeploy::ssh
