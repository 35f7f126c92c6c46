// The thread that owns a connection: after the login it alone calls libssh2.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "bgdeploy/ssh/session.hpp"
#include "channel.hpp"

namespace bgdeploy::ssh {

class Loop : private ChannelContext {
public:
  Loop(std::unique_ptr<Transport> transport, std::string name, core::Duration keepalive);
  ~Loop() override;

  // Starts the thread. Kind io.
  core::Result<void> start();
  std::shared_ptr<const io::Wakeup> wakeup() const { return m_wakeup; }
  // From any thread. A channel of a lost connection fails at once.
  void submit(std::unique_ptr<Channel> channel);
  // From any thread. The error says why the connection was lost.
  core::Result<void> alive() const;
  // From any thread. Every connection that `listener` accepts becomes a channel to the target.
  void serve(io::Fd listener, Target target);
  // From any thread. As Session says.
  bool has_forwarded() const { return m_forwarding == Forwarding::allowed; }
  bool crowded() const { return m_crowded; }
  void when_crowded(std::function<void()> give_up);

private:
  using Clock = std::chrono::steady_clock;
  struct Listener {
    io::Fd fd;
    Target target;
  };

  // ChannelContext
  Transport& transport() override { return *m_transport; }
  bool begin_opening(const void* who) override;
  void done_opening(const void* who) override;
  Forwarding forwarding() const override { return m_forwarding; }
  void settle_forwarding(Forwarding answer) override { m_forwarding = answer; }
  std::shared_ptr<Opening> try_by_command(const TcpTarget& target) override;
  std::size_t commands_running() const override;
  std::size_t commands_ended() const override { return m_commands_ended; }
  void crowd() override;
  const std::string& name() const override { return m_name; }

  void run();
  bool turn();  // false when the thread must end
  void fail_with(const core::Error& error) noexcept;
  bool wait_for_work();
  bool take_requests();  // false when the thread must end
  void accept_connections();
  void read_transport();
  void open_pump();
  bool move_channels();
  core::SteadyTime next_keepalive() const;
  void check_alive();
  void lose(std::string why);
  void say_goodbye();

  std::unique_ptr<Transport> m_transport;
  const std::string m_name;
  const core::Duration m_keepalive, m_grace;
  const std::shared_ptr<const io::Wakeup> m_wakeup = std::make_shared<io::Wakeup>();

  mutable std::mutex m_mutex;  // guards what other threads hand over
  std::vector<std::unique_ptr<Channel>> m_new_channels;
  std::vector<Listener> m_new_listeners;
  bool m_stop = false;
  std::vector<std::function<void()>> m_give_up;
  std::atomic<bool> m_crowded = false;
  std::optional<core::Error> m_lost;

  std::list<std::unique_ptr<Channel>> m_channels;
  std::list<Listener> m_listeners;
  std::vector<std::pair<Listener*, short>> m_ready_listeners;
  const void* m_opener = nullptr;
  std::atomic<Forwarding> m_forwarding = Forwarding::unknown;
  std::size_t m_commands_ended = 0;
  bool m_more = false;  // channels can move on without an event

  // libssh2 reads the connection only while it reads a channel. This one stays, closed on the host's side, so
  // that there always is one.
  LIBSSH2_CHANNEL* m_pump = nullptr;
  enum class PumpPhase { opening, closing, ready, missing } m_pump_phase = PumpPhase::opening;
  std::optional<core::SteadyTime> m_asked_alive;
  core::SteadyTime m_not_asked;  // when a due keep-alive could not be sent

  std::thread m_thread;
};

}  // namespace bgdeploy::ssh
