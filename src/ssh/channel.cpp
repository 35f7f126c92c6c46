#include "channel.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <utility>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/ssh/tcp_command.hpp"
#include "bgdeploy/ssh/wire.hpp"

namespace bgdeploy::ssh {
namespace {

using core::ErrorKind;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t k_chunk = std::size_t{128} << 10;  // bytes moved at once, and held between the two ends
constexpr auto k_ask_again = 100ms;                      // for a place
constexpr std::size_t k_shown_lines = 5;
constexpr unsigned k_window = 2U << 20, k_packet = 32768;

LIBSSH2_CHANNEL* open_channel(LIBSSH2_SESSION* session, const TcpTarget& target) {
  return libssh2_channel_direct_tcpip_ex(session, target.address.c_str(), target.port, "127.0.0.1", 22);
}

// PROTOCOL of OpenSSH, section 2.4: the path, and two fields that are reserved.
LIBSSH2_CHANNEL* open_channel(LIBSSH2_SESSION* session, const UnixTarget& target) {
  constexpr std::string_view k_type = "direct-streamlocal@openssh.com";
  const auto message = WireWriter().string(target.path).string("").u32(0).take();
  return libssh2_channel_open_ex(session, k_type.data(), k_type.size(), k_window, k_packet, message.data(),
                                 static_cast<unsigned>(message.size()));
}

LIBSSH2_CHANNEL* open_channel(LIBSSH2_SESSION* session, const ExecTarget&) {
  return libssh2_channel_open_session(session);
}

// As OpenSSH names them on the wire (RFC 4254 section 6.10), with the numbers they have on Linux.
constexpr std::array<std::pair<std::string_view, int>, 13> k_signals{{{"HUP", 1},
                                                                      {"INT", 2},
                                                                      {"QUIT", 3},
                                                                      {"ILL", 4},
                                                                      {"ABRT", 6},
                                                                      {"FPE", 8},
                                                                      {"KILL", 9},
                                                                      {"USR1", 10},
                                                                      {"SEGV", 11},
                                                                      {"USR2", 12},
                                                                      {"PIPE", 13},
                                                                      {"ALRM", 14},
                                                                      {"TERM", 15}}};

int signal_exit_code(std::string_view name) {
  for (const auto& [known, number] : k_signals)
    if (known == name) return 128 + number;
  return 255;
}

std::string describe_target(const Target& target) {
  if (const auto* tcp = std::get_if<TcpTarget>(&target))
    return fmt::format("{} port {}", tcp->address, tcp->port);
  if (const auto* socket = std::get_if<UnixTarget>(&target)) return socket->path;
  return "a command";
}

}  // namespace

Channel::Channel(Target target, std::unique_ptr<ChannelEnd> end, std::shared_ptr<Opening> opening,
                 Purpose purpose)
    : m_target(std::move(target)),
      m_end(std::move(end)),
      m_opening(std::move(opening)),
      m_purpose(purpose),
      m_mark(make_mark()),
      m_preface(m_mark),
      m_err_preface(m_mark) {
  if (m_purpose == Purpose::by_command) use_command();
}

void Channel::use_command() {
  const auto tcp = std::get<TcpTarget>(m_target);
  m_target = ExecTarget{m_purpose == Purpose::stream ? tcp_command(tcp) : tcp_probe_command(tcp)};
  m_success = k_tcp_reached;
  m_relays = m_purpose == Purpose::stream;
}

void Channel::settle(Result<void> result) {
  if (m_opening) m_opening->settle(std::move(result));
  m_opening.reset();
}

void Channel::fail(const core::Error& error) {
  settle(std::unexpected(error));
  m_end->failed(error);
  m_running_command = false;
  m_phase = m_raw != nullptr ? Phase::closing : Phase::finished;
}

// The shell that starts a command may read all that comes before the mark as its own script.
bool Channel::takes_input() const {
  return !m_end->input_ended() && (!std::holds_alternative<ExecTarget>(m_target) || m_preface.over());
}

bool Channel::owes_input() const {
  return (m_phase == Phase::starting || m_phase == Phase::moving) && m_end->gone() && !m_end->input_ended() &&
         !takes_input();
}

short Channel::events(const Transport& transport) const {
  if (m_phase != Phase::moving) return 0;
  short events = 0;
  if (m_up.empty() && takes_input() && !transport.full()) events |= POLLIN;
  if (!m_down.empty()) events |= POLLOUT;
  return events;
}

bool Channel::step(ChannelContext& context) {
  switch (m_phase) {
    case Phase::opening:
      return open(context);
    case Phase::starting:
      return start(context);
    case Phase::moving:
      return move(context);
    case Phase::held:
      return hold();
    case Phase::closing:
      return close(context);
    case Phase::finished:
      break;
  }
  return false;
}

bool Channel::open(ChannelContext& context) {
  if ((m_end->gone() || m_end->left()) && !m_opening_now) {
    fail({ErrorKind::cancelled, "given up before it was open", {}});
    return true;
  }
  if (m_answer) {
    const auto answer = m_answer->peek();
    if (!answer) return false;
    m_answer.reset();
    m_reached = answer->has_value();
    if (!m_reached && context.forwarding() != ChannelContext::Forwarding::forbidden) return refuse(context);
  }
  if (std::holds_alternative<TcpTarget>(m_target) &&
      context.forwarding() == ChannelContext::Forwarding::forbidden)
    use_command();
  if (m_refused_since && m_refused_at == context.commands_ended() && Clock::now() < m_ask_again) return false;
  if (!context.begin_opening(this)) return false;
  m_opening_now = true;
  auto* session = context.transport().raw();
  m_raw = std::visit([&](const auto& one) { return open_channel(session, one); }, m_target);
  if (m_raw == nullptr && libssh2_session_last_errno(session) == LIBSSH2_ERROR_EAGAIN) return false;
  context.done_opening(this);
  m_opening_now = false;
  return m_raw != nullptr ? opened(context) : open_failed(context);
}

bool Channel::opened(ChannelContext& context) {
  if (std::holds_alternative<ExecTarget>(m_target)) {
    m_running_command = true;
    m_phase = m_purpose == Purpose::place ? Phase::held : Phase::starting;
    if (m_phase == Phase::held) settle({});
    m_up = login_script(std::get<ExecTarget>(m_target).argv, m_mark);
    return true;
  }
  if (std::holds_alternative<TcpTarget>(m_target))
    context.settle_forwarding(ChannelContext::Forwarding::allowed);
  settle({});
  m_phase = m_purpose != Purpose::stream ? Phase::closing : Phase::moving;
  return true;
}

// sshd forbids forwarding, or nobody listens there: libssh2 does not say which. Forwarding is forbidden when
// it fails once more after a command reached the target; before that, somebody may just have begun to listen.
bool Channel::open_failed(ChannelContext& context) {
  using Forwarding = ChannelContext::Forwarding;
  if (const auto* tcp = std::get_if<TcpTarget>(&m_target);
      tcp != nullptr && context.forwarding() == Forwarding::unknown) {
    if (m_reached)
      context.settle_forwarding(Forwarding::forbidden);
    else
      m_answer = context.try_by_command(*tcp);
    return true;
  }
  if (std::holds_alternative<TcpTarget>(m_target) && context.forwarding() == Forwarding::forbidden)
    return true;
  return std::holds_alternative<ExecTarget>(m_target) ? await_place(context) : refuse(context);
}

// How long a command waits for a place. Whether there is one at all shows sooner; a place that was given back
// stays taken until sshd sees it.
core::Duration Channel::patience() const {
  if (m_purpose == Purpose::place) return 1s;
  return m_purpose == Purpose::by_command ? 5s : 30s;
}

bool Channel::await_place(ChannelContext& context) {
  const auto now = Clock::now();
  if (!m_refused_since) {
    m_refused_since = now;
    context.crowd();
    if (m_opening)
      m_opening->excuse(
          fmt::format("sshd lets one connection have {} sessions at once (MaxSessions), and all are taken",
                      context.commands_running()));
  }
  if (now - *m_refused_since >= patience() ||
      (context.commands_running() == 0 && context.commands_ended() == 0))
    return no_place(context);
  m_refused_at = context.commands_ended();
  m_ask_again = now + k_ask_again;
  return false;
}

bool Channel::no_place(ChannelContext& context) {
  const auto running = context.commands_running();
  fail({ErrorKind::denied,
        fmt::format("{}: sshd opens no {}session", context.name(), running > 0 ? "further " : ""),
        {fmt::format(
            "{} {} open; MaxSessions in the host's sshd_config must allow more (OpenSSH's default is 10)",
            running, running == 1 ? "is" : "are")}});
  return true;
}

bool Channel::refuse(ChannelContext& context) {
  fail({ErrorKind::unreachable,
        fmt::format("{}: sshd did not open a channel to {}", context.name(), describe_target(m_target)),
        {}});
  return true;
}

bool Channel::start(ChannelContext& context) {
  const int code = libssh2_channel_process_startup(m_raw, "exec", 4, k_login_command.data(),
                                                   static_cast<unsigned>(k_login_command.size()));
  // The words do not wait for sshd's answer, which would cost each command one more round trip.
  if (code == LIBSSH2_ERROR_EAGAIN) return send(context);
  if (code != 0) {
    fail({ErrorKind::denied, fmt::format("{}: sshd refused to run a command", context.name()), {}});
    return true;
  }
  if (m_purpose == Purpose::stream) settle({});
  m_phase = Phase::moving;
  return true;
}

bool Channel::move(ChannelContext& context) {
  bool moved = receive(context);
  if (m_phase != Phase::moving) return true;
  moved = send(context) || moved;
  if (m_phase != Phase::moving) return true;
  const bool all_sent = m_up.empty() && m_end->input_ended();
  if ((m_end->gone() && m_end->fd() >= 0) || ((m_end->gone() || m_end->left()) && all_sent))
    m_phase = Phase::closing;
  if (m_phase == Phase::moving && m_out_ended) return finish(context) || moved;
  return moved || m_phase == Phase::closing;
}

bool Channel::hold() {
  if (!m_end->gone()) return false;
  m_phase = Phase::closing;
  return true;
}

bool Channel::receive(ChannelContext& context) {
  const bool command = std::holds_alternative<ExecTarget>(m_target);
  bool moved = false;
  std::array<char, std::size_t{32} << 10> buffer;
  while (!m_eof_received && m_down.size() < k_chunk) {
    const auto count = libssh2_channel_read_ex(m_raw, 0, buffer.data(), buffer.size());
    if (count > 0) {
      const std::string_view data(buffer.data(), static_cast<std::size_t>(count));
      m_down += command ? m_preface.take(data) : data;
      moved = true;
      continue;
    }
    if (count < 0 && count != LIBSSH2_ERROR_EAGAIN) {
      fail({ErrorKind::lost, fmt::format("{}: the channel broke", context.name()), {}});
      return true;
    }
    break;
  }
  for (;;) {
    const auto count = libssh2_channel_read_ex(m_raw, SSH_EXTENDED_DATA_STDERR, buffer.data(), buffer.size());
    if (count <= 0) break;
    const std::string_view data(buffer.data(), static_cast<std::size_t>(count));
    m_end->take_err(command ? m_err_preface.take(data) : std::string(data));
    moved = true;
  }
  if (!m_eof_received && libssh2_channel_eof(m_raw) == 1) m_eof_received = moved = true;
  while (!m_down.empty() && m_end->take_out(m_down)) moved = true;
  if (m_eof_received && m_down.empty() && !m_out_ended) {
    // What the login shell printed is no output of the command. Failing tells why the command did not run.
    if (!command || m_preface.over()) m_end->out_ended();
    m_out_ended = moved = true;
  }
  return moved;
}

bool Channel::send(ChannelContext& context) {
  bool moved = false;
  while (!m_eof_sent && !context.transport().full()) {
    if (m_up.empty()) {
      if (takes_input()) m_up = m_end->input(k_chunk);
      m_up_sent = 0;
    }
    if (m_up.empty()) break;
    const auto count = libssh2_channel_write_ex(m_raw, 0, m_up.data() + m_up_sent, m_up.size() - m_up_sent);
    if (count == LIBSSH2_ERROR_EAGAIN || count == 0) break;
    if (count < 0) {
      // The host closed its side and takes no more; what it sent before is still to be read.
      m_up.clear();
      m_eof_sent = true;
      return true;
    }
    moved = true;
    m_up_sent += static_cast<std::size_t>(count);
    if (m_up_sent == m_up.size()) m_up.clear();
  }
  // A relaying command ends with its input, but a client that has sent everything may still wait for the
  // answer.
  if (m_up.empty() && m_end->input_ended() && !m_eof_sent && !m_relays &&
      libssh2_channel_send_eof(m_raw) != LIBSSH2_ERROR_EAGAIN)
    m_eof_sent = moved = true;
  return moved;
}

// The host has sent everything. A command's exit code comes between that and the channel's close.
bool Channel::finish(ChannelContext& context) {
  const bool closed = libssh2_channel_wait_closed(m_raw) == 0;
  const bool command = std::holds_alternative<ExecTarget>(m_target);
  if (!closed && (command || !m_eof_sent)) return false;
  int exit_code = libssh2_channel_get_exit_status(m_raw);
  std::string signal;
  char* name = nullptr;
  std::size_t length = 0;
  libssh2_channel_get_exit_signal(m_raw, &name, &length, nullptr, nullptr, nullptr, nullptr);
  if (name != nullptr) {
    signal.assign(name, length);
    libssh2_free(context.transport().raw(), name);
    exit_code = signal_exit_code(signal);
  }
  if (command && !m_preface.over()) {
    fail(not_run(context, exit_code));
    return true;
  }
  if (command && m_purpose != Purpose::stream)
    settle(exit_code == m_success ? Result<void>{}
                                  : core::fail(ErrorKind::unreachable, "the command that tries it failed"));
  m_end->ended(exit_code, core::printable(signal));
  m_phase = Phase::closing;
  return true;
}

// /usr/sbin/nologin, /bin/false, a ForceCommand, or a start-up file that exits.
core::Error Channel::not_run(ChannelContext& context, int exit_code) const {
  core::Error error{ErrorKind::denied,
                    fmt::format("{}: the login shell runs no command: it ended with exit code {}",
                                context.name(), exit_code),
                    {}};
  for (const auto* noise : {&m_preface.noise(), &m_err_preface.noise()})
    for (const auto& line : core::split_lines(core::printable(core::trim(*noise), true)))
      if (error.details.size() < k_shown_lines) error.details.push_back("it says: " + line);
  error.details.emplace_back(
      "the account needs a shell (sh, bash, zsh, fish …) in /etc/passwd, and no ForceCommand or command= "
      "that runs something else");
  return error;
}

bool Channel::close(ChannelContext&) {
  // Waits until the host closes its side too: only then has it passed on what was sent last.
  if (m_raw != nullptr && libssh2_channel_close(m_raw) == LIBSSH2_ERROR_EAGAIN) return false;
  if (m_raw != nullptr && libssh2_channel_free(m_raw) == LIBSSH2_ERROR_EAGAIN) return false;
  m_raw = nullptr;
  m_running_command = false;
  m_phase = Phase::finished;
  return true;
}

}  // namespace bgdeploy::ssh
