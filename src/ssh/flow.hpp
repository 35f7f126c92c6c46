// One channel and what it is connected to on our side: a descriptor or a Pipes. Lives on the I/O thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bgdeploy/ssh/login_shell.hpp"
#include "bgdeploy/ssh/session.hpp"
#include "transport.hpp"

namespace bgdeploy::ssh {

// Our end of a channel.
class End {
public:
  virtual ~End() = default;
  // Takes what it can of the host's output and removes it from `data`; whether it took anything.
  virtual bool take_out(std::string& data) = 0;
  virtual void take_err(std::string_view data) = 0;
  virtual void out_ended() = 0;
  virtual void ended(int exit_code, std::string signal) = 0;
  virtual void failed(const core::Error& error) = 0;
  // What is to be sent to the host, at most `limit` bytes; empty when there is nothing now.
  virtual std::string input(std::size_t limit) = 0;
  virtual bool input_ended() const = 0;
  // Nobody is there any more: what is pending is sent, then the channel is closed.
  virtual bool gone() const = 0;
  // Nobody reads any more, but what was written before may still be unread.
  virtual bool left() const { return false; }
  // What to poll for; -1 when its owner wakes the thread itself.
  virtual int fd() const { return -1; }
};

std::unique_ptr<End> make_end(Fd fd);
std::unique_ptr<End> make_end(std::shared_ptr<Pipes> pipes);

// What a flow asks of its session before it opens or when it failed to.
class FlowContext {
public:
  virtual ~FlowContext() = default;
  virtual Transport& transport() = 0;
  // libssh2 opens one channel at a time.
  virtual bool begin_opening(const void* who) = 0;
  virtual void done_opening(const void* who) = 0;
  enum class Forwarding { unknown, allowed, forbidden };
  virtual Forwarding forwarding() const = 0;
  virtual void settle_forwarding(Forwarding answer) = 0;
  // Tries by a command whether the host reaches the target.
  virtual std::shared_ptr<Opening> try_by_command(const TcpTarget& target) = 0;
  // sshd limits the commands of a connection (MaxSessions); the end of one makes room for another, though not
  // at once: sshd keeps its place until the command's process has ended too.
  virtual std::size_t commands_running() const = 0;
  virtual std::size_t commands_ended() const = 0;
  // A command begins to wait for a place.
  virtual void crowd() = 0;
  virtual const std::string& name() const = 0;
};

class Flow {
public:
  enum class Purpose {
    stream,
    probe,       // only finds out whether the target can be reached, and settles `opening` with that
    by_command,  // likewise, and by a command at once
    place,       // takes the place of a command and starts none, until its end is gone
  };
  Flow(Target target, std::unique_ptr<End> end, std::shared_ptr<Opening> opening, Purpose purpose);

  // Moves what can be moved; whether anything did.
  bool step(FlowContext& context);
  bool finished() const { return m_phase == Phase::finished; }
  bool closing() const { return m_phase == Phase::closing; }
  bool runs_command() const { return m_running_command; }
  // Is a command that waits for a place.
  bool waits() const { return m_refused_since.has_value() && m_phase == Phase::opening; }
  void fail(const core::Error& error);

  int fd() const { return m_phase == Phase::flowing ? m_end->fd() : -1; }
  short events(const Transport& transport) const;

private:
  enum class Phase { opening, starting, flowing, held, closing, finished };
  using Time = core::SteadyTime;

  bool open(FlowContext& context);
  bool opened(FlowContext& context);
  bool open_failed(FlowContext& context);
  bool refuse(FlowContext& context);
  bool no_place(FlowContext& context);
  bool await_place(FlowContext& context);
  core::Duration patience() const;
  void use_command();
  bool start(FlowContext& context);
  bool flow(FlowContext& context);
  bool hold();
  bool receive(FlowContext& context);
  core::Error not_run(FlowContext& context, int exit_code) const;
  bool send(FlowContext& context);
  bool finish_channel(FlowContext& context);
  bool close(FlowContext& context);
  void settle(Result<void> result);

  Target m_target;
  std::unique_ptr<End> m_end;
  std::shared_ptr<Opening> m_opening;
  const Purpose m_purpose;
  const std::string m_mark;
  std::shared_ptr<Opening> m_answer;    // of try_by_command, while that is awaited
  bool m_reached = false;               // that was: yes
  bool m_relays = false;                // a command that stands for a forwarded connection
  int m_success = 0;                    // the exit code of a probing command that has reached its target
  bool m_opening_now = false;           // libssh2 is in the middle of it
  std::optional<Time> m_refused_since;  // sshd has no place for this command
  Time m_ask_again{};
  std::size_t m_refused_at = 0;  // how many commands had ended when sshd last refused
  bool m_running_command = false;
  Phase m_phase = Phase::opening;
  LIBSSH2_CHANNEL* m_channel = nullptr;
  std::string m_up, m_down;
  Preface m_preface, m_err_preface;
  std::size_t m_up_sent = 0;
  bool m_eof_received = false, m_out_ended = false, m_eof_sent = false;
};

}  // namespace bgdeploy::ssh
