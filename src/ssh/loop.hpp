// The thread that a session belongs to: it alone calls libssh2 once the login is done.
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
#include "flow.hpp"

namespace bgdeploy::ssh {

class Loop : private FlowContext {
public:
  Loop(std::unique_ptr<Transport> transport, std::string name, core::Duration keepalive);
  ~Loop() override;

  std::shared_ptr<const Waker> waker() const { return m_waker; }
  // From any thread. A flow of a lost connection fails at once.
  void submit(std::unique_ptr<Flow> flow);
  // From any thread. Why the connection was lost, when it was.
  core::Result<void> alive() const;
  // From any thread. Every connection that `listener` accepts becomes a flow to the target.
  void serve(Fd listener, Target target);
  // From any thread. As Session says.
  bool has_forwarded() const { return m_forwarding == Forwarding::allowed; }
  bool crowded() const { return m_crowded; }
  void when_crowded(std::function<void()> give_up);

private:
  using Clock = std::chrono::steady_clock;
  struct Listener {
    Fd fd;
    Target target;
  };

  // FlowContext
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
  bool wait_for_work();
  bool take_requests();  // false when the thread is to end
  void accept_connections();
  void read_transport();
  void open_pump();
  bool move_flows();
  core::SteadyTime next_keepalive() const;
  void check_alive();
  void lose(std::string why);
  void say_goodbye();

  std::unique_ptr<Transport> m_transport;
  const std::string m_name;
  const core::Duration m_keepalive, m_grace;
  const std::shared_ptr<const Waker> m_waker = std::make_shared<Waker>();

  mutable std::mutex m_mutex;  // of what other threads hand over
  std::vector<std::unique_ptr<Flow>> m_new_flows;
  std::vector<Listener> m_new_listeners;
  bool m_stop = false;
  std::vector<std::function<void()>> m_give_up;
  std::atomic<bool> m_crowded = false;
  std::optional<core::Error> m_lost;

  std::list<std::unique_ptr<Flow>> m_flows;
  std::list<Listener> m_listeners;
  std::vector<std::pair<Listener*, short>> m_ready_listeners;
  const void* m_opener = nullptr;
  std::atomic<Forwarding> m_forwarding = Forwarding::unknown;
  std::size_t m_commands_ended = 0;
  bool m_more = false;  // flows could move on without anything from outside

  // libssh2 reads the connection only while it reads some channel. This one is closed on the host's side and
  // kept here, so that there always is one.
  LIBSSH2_CHANNEL* m_pump = nullptr;
  enum class PumpPhase { opening, closing, ready, missing } m_pump_phase = PumpPhase::opening;
  std::optional<core::SteadyTime> m_asked_alive;
  core::SteadyTime m_not_asked;  // when a keep-alive was due and could not be sent

  std::thread m_thread;
};

}  // namespace bgdeploy::ssh
