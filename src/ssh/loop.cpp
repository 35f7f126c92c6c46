#include "loop.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "bgdeploy/core/current_error.hpp"
#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/io/thread.hpp"

namespace bgdeploy::ssh {
namespace {

using core::ErrorKind;
using namespace std::chrono_literals;

// How long a silent peer has for the answer to a keep-alive.
constexpr core::Duration k_longest_grace = 10s;
// libssh2 sends one every 2 s at most.
constexpr core::Duration k_shortest_keepalive = 2s;
constexpr core::Duration k_goodbye = 300ms;
constexpr int k_rounds = 64;  // of moving data before the connection is polled again

}  // namespace

Loop::Loop(std::unique_ptr<Transport> transport, std::string name, core::Duration keepalive)
    : m_transport(std::move(transport)),
      m_name(std::move(name)),
      m_keepalive(std::max(keepalive, k_shortest_keepalive)),
      m_grace(std::min(m_keepalive, k_longest_grace)) {}

core::Result<void> Loop::start() {
  BGDEPLOY_ASSIGN(m_thread, io::start_thread([this] { run(); }));
  return {};
}

Loop::~Loop() {
  {
    const std::lock_guard lock(m_mutex);
    m_stop = true;
  }
  m_wakeup->wake();
  if (m_thread.joinable()) m_thread.join();
}

void Loop::submit(std::unique_ptr<Channel> channel) {
  {
    const std::lock_guard lock(m_mutex);
    if (m_lost) {
      channel->fail(*m_lost);
      return;
    }
    m_new_channels.push_back(std::move(channel));
  }
  m_wakeup->wake();
}

core::Result<void> Loop::alive() const {
  const std::lock_guard lock(m_mutex);
  if (m_lost) return std::unexpected(*m_lost);
  return {};
}

void Loop::serve(io::Fd listener, Target target) {
  {
    const std::lock_guard lock(m_mutex);
    if (m_lost) return;  // closing the listener makes connections to it fail
    m_new_listeners.push_back({std::move(listener), std::move(target)});
  }
  m_wakeup->wake();
}

bool Loop::begin_opening(const void* who) {
  if (m_opener != nullptr && m_opener != who) return false;
  m_opener = who;
  return true;
}

void Loop::done_opening(const void* who) {
  if (m_opener == who) m_opener = nullptr;
}

std::shared_ptr<Opening> Loop::try_by_command(const TcpTarget& target) {
  auto answer = std::make_shared<Opening>();
  auto pipes = std::make_shared<io::Pipes>(m_wakeup, "", true);
  m_channels.push_back(std::make_unique<Channel>(target, make_channel_end(std::move(pipes)), answer,
                                                 Channel::Purpose::by_command));
  return answer;
}

std::size_t Loop::commands_running() const {
  const auto commands =
      std::ranges::count_if(m_channels, [](const auto& channel) { return channel->runs_command(); });
  return static_cast<std::size_t>(commands) + (m_pump_phase == PumpPhase::closing ? 1 : 0);
}

void Loop::when_crowded(std::function<void()> give_up) {
  const std::lock_guard lock(m_mutex);
  m_give_up.push_back(std::move(give_up));
}

// The callbacks ask crowded() after they gave something up, and so miss no command that begins to wait
// meanwhile.
void Loop::crowd() {
  m_crowded = true;
  std::vector<std::function<void()>> give_up;
  {
    const std::lock_guard lock(m_mutex);
    give_up = m_give_up;
  }
  for (const auto& one : give_up) one();
}

void Loop::run() {
  libssh2_keepalive_config(m_transport->raw(), 1, 1);
  for (bool more = true; more;) {
    try {
      more = turn();
    } catch (...) {
      fail_with(core::current_error());
    }
  }
}

bool Loop::turn() {
  if (!wait_for_work()) lose("poll failed");
  if (!take_requests()) {
    say_goodbye();
    return false;
  }
  if (m_lost) return true;
  m_transport->flush();
  accept_connections();
  read_transport();
  m_more = false;
  for (int round = 0; round < k_rounds && move_channels(); ++round) m_more = round + 1 == k_rounds;
  m_transport->flush();
  check_alive();
  return true;
}

// An exception loses the connection. Without memory to say so, waits end by their deadlines.
void Loop::fail_with(const core::Error& error) noexcept {
  try {
    lose(error.message);
  } catch (...) {
    m_transport->break_off();
  }
  m_wakeup->wake();  // a request to stop may have been taken already
}

bool Loop::wait_for_work() {
  std::vector<pollfd> polled;
  polled.push_back({m_wakeup->fd(), POLLIN, 0});
  if (!m_lost) {
    const bool readable_by_someone = m_pump_phase != PumpPhase::missing || !m_channels.empty();
    const short read_events = readable_by_someone ? POLLIN : POLLRDHUP;
    polled.push_back(
        {m_transport->fd(), static_cast<short>(read_events | (m_transport->backlog() > 0 ? POLLOUT : 0)), 0});
    for (const auto& listener : m_listeners) polled.push_back({listener.fd.get(), POLLIN, 0});
    for (const auto& channel : m_channels) {
      // Polled for no event, it would report a hang-up for ever.
      const short events = channel->events(*m_transport);
      polled.push_back({events != 0 ? channel->fd() : -1, events, 0});
    }
  }
  // libssh2 may hold what it has already read from the socket, which poll() cannot see.
  constexpr int k_look_again_ms = 20;
  int timeout = m_more ? 0 : m_lost ? -1 : io::poll_timeout(next_keepalive());
  if (!m_lost && !m_channels.empty()) timeout = std::min(timeout, k_look_again_ms);
  if (::poll(polled.data(), polled.size(), timeout) < 0 && errno != EINTR) return false;
  if (m_lost) return true;
  if (polled[1].revents != 0) m_transport->readable();
  m_ready_listeners.clear();
  std::size_t index = 2;
  for (auto& listener : m_listeners) m_ready_listeners.emplace_back(&listener, polled[index++].revents);
  return true;
}

bool Loop::take_requests() {
  m_wakeup->clear();
  const std::lock_guard lock(m_mutex);
  for (auto& channel : m_new_channels) m_channels.push_back(std::move(channel));
  m_new_channels.clear();
  for (auto& listener : m_new_listeners) m_listeners.push_back(std::move(listener));
  m_new_listeners.clear();
  return !m_stop;
}

void Loop::accept_connections() {
  for (const auto& [listener, ready] : m_ready_listeners) {
    if ((ready & POLLIN) == 0) continue;
    for (;;) {
      io::Fd fd(::accept4(listener->fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd) break;
      m_channels.push_back(std::make_unique<Channel>(listener->target, make_channel_end(std::move(fd)),
                                                     nullptr, Channel::Purpose::stream));
    }
  }
  m_ready_listeners.clear();
}

void Loop::open_pump() {
  if (m_pump_phase == PumpPhase::opening && begin_opening(this)) {
    m_pump = libssh2_channel_open_session(m_transport->raw());
    if (m_pump == nullptr && libssh2_session_last_errno(m_transport->raw()) == LIBSSH2_ERROR_EAGAIN) return;
    done_opening(this);
    m_pump_phase = m_pump != nullptr ? PumpPhase::closing : PumpPhase::missing;
  }
  if (m_pump_phase == PumpPhase::closing && libssh2_channel_close(m_pump) != LIBSSH2_ERROR_EAGAIN) {
    m_pump_phase = PumpPhase::ready;
    ++m_commands_ended;  // it held the place of one
  }
}

void Loop::read_transport() {
  open_pump();
  if (m_pump != nullptr) {
    char byte = 0;
    const auto code = libssh2_channel_read_ex(m_pump, 0, &byte, 1);
    if (code < 0 && code != LIBSSH2_ERROR_EAGAIN && m_pump_phase == PumpPhase::ready)
      lose(m_transport->last_error());
  } else if (m_channels.empty()) {
    char byte = 0;
    if (::recv(m_transport->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) lose("the server hung up");
  }
  if (m_transport->broken()) lose("the server hung up");
}

bool Loop::move_channels() {
  if (m_lost) return false;
  bool moved = false;
  for (auto it = m_channels.begin(); it != m_channels.end();) {
    const bool command = (*it)->runs_command();
    moved = (*it)->step(*this) || moved;
    if (command && !(*it)->runs_command()) ++m_commands_ended;
    it = (*it)->finished() ? m_channels.erase(it) : std::next(it);
  }
  if (m_crowded)
    m_crowded = std::ranges::any_of(m_channels, [](const auto& channel) { return channel->waits(); });
  if (m_transport->broken()) lose("the server hung up");
  return moved;
}

core::SteadyTime Loop::next_keepalive() const {
  if (m_asked_alive) return *m_asked_alive + m_grace;
  return std::max(m_transport->last_received(), m_not_asked) + m_keepalive;
}

void Loop::check_alive() {
  if (m_lost) return;
  if (m_asked_alive && m_transport->last_received() > *m_asked_alive) m_asked_alive.reset();
  const auto now = Clock::now();
  if (now < next_keepalive()) return;
  if (!m_asked_alive) {
    const auto before = m_transport->produced();
    const bool answer_can_be_read = m_pump != nullptr || !m_channels.empty();
    int seconds = 0;
    if (answer_can_be_read) libssh2_keepalive_send(m_transport->raw(), &seconds);
    m_transport->flush();
    // libssh2 goes by the wall clock, and sends nothing while that was set back.
    if (m_transport->produced() != before)
      m_asked_alive = now;
    else
      m_not_asked = now;
    return;
  }
  // The answer may lie in the socket while this process was the one that was asleep.
  pollfd polled{m_transport->fd(), POLLIN, 0};
  if (::poll(&polled, 1, 0) == 1 && (polled.revents & POLLIN) != 0) return;
  lose(fmt::format("no sign of life for {}", core::format_duration(std::chrono::duration_cast<core::Duration>(
                                                 now - m_transport->last_received()))));
}

void Loop::lose(std::string why) {
  if (m_lost) return;
  m_transport->break_off();
  const core::Error error{
      ErrorKind::lost, fmt::format("{}: the SSH connection broke", m_name), {core::printable(why)}};
  // Closed first, so that a caller who learns of the loss finds no socket that still takes connections.
  m_ready_listeners.clear();
  m_listeners.clear();
  std::vector<std::unique_ptr<Channel>> pending;
  {
    const std::lock_guard lock(m_mutex);
    m_lost = error;
    pending.swap(m_new_channels);
    m_new_listeners.clear();
  }
  for (auto& channel : pending) channel->fail(error);
  for (auto& channel : m_channels) channel->fail(error);
  // Not closed one by one: libssh2 might wait for an answer for ever. They are freed with the connection.
  m_channels.clear();
}

// Delivers what callers wrote before they left, if the peer takes it without delay.
void Loop::say_goodbye() {
  if (m_lost) return;
  const auto deadline = Clock::now() + k_goodbye;
  for (;;) {
    const bool moved = move_channels();
    if (m_lost) return;
    m_transport->flush();
    if (Clock::now() >= deadline) break;
    if (moved) continue;
    const bool unfinished = std::ranges::any_of(
        m_channels, [](const auto& channel) { return channel->closing() || channel->owes_input(); });
    if (m_transport->backlog() == 0 && !unfinished) break;
    pollfd polled{m_transport->fd(), static_cast<short>(POLLIN | (m_transport->backlog() > 0 ? POLLOUT : 0)),
                  0};
    if (::poll(&polled, 1, io::poll_timeout(deadline)) > 0) m_transport->readable();
  }
  libssh2_session_disconnect(m_transport->raw(), "done");
  m_transport->flush();
  lose("it was closed");
}

}  // namespace bgdeploy::ssh
