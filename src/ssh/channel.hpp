// One channel of a connection, joined to its end on our side. Lives on the I/O thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bgdeploy/ssh/login_shell.hpp"
#include "bgdeploy/ssh/session.hpp"
#include "channel_end.hpp"
#include "opening.hpp"
#include "transport.hpp"

namespace bgdeploy::ssh {

// What a channel asks of its connection.
class ChannelContext {
public:
  virtual ~ChannelContext() = default;
  virtual Transport& transport() = 0;
  // libssh2 opens one channel at a time.
  virtual bool begin_opening(const void* who) = 0;
  virtual void done_opening(const void* who) = 0;
  enum class Forwarding { unknown, allowed, forbidden };
  virtual Forwarding forwarding() const = 0;
  virtual void settle_forwarding(Forwarding answer) = 0;
  // Tries by a command whether the host reaches the target.
  virtual std::shared_ptr<Opening> try_by_command(const TcpTarget& target) = 0;
  // sshd limits the commands of a connection (MaxSessions). The end of one makes room for another, but not at
  // once: sshd keeps the place until the command's process has ended too.
  virtual std::size_t commands_running() const = 0;
  virtual std::size_t commands_ended() const = 0;
  // A command begins to wait for a place.
  virtual void crowd() = 0;
  virtual const std::string& name() const = 0;
};

class Channel {
public:
  enum class Purpose {
    stream,
    probe,       // settles `opening` with whether the target can be reached, and closes
    by_command,  // a probe that runs a command instead of asking sshd to forward
    place,       // takes the place of a command without starting one, until its end is gone
  };
  Channel(Target target, std::unique_ptr<ChannelEnd> end, std::shared_ptr<Opening> opening, Purpose purpose);

  // Moves what can be moved now. Returns whether anything moved.
  bool step(ChannelContext& context);
  bool finished() const { return m_phase == Phase::finished; }
  bool closing() const { return m_phase == Phase::closing; }
  // The caller has left, and what it wrote waits for the command's mark.
  bool owes_input() const;
  bool runs_command() const { return m_running_command; }
  // A command that waits for a place.
  bool waits() const { return m_refused_since.has_value() && m_phase == Phase::opening; }
  void fail(const core::Error& error);

  int fd() const { return m_phase == Phase::moving ? m_end->fd() : -1; }
  short events(const Transport& transport) const;

private:
  enum class Phase { opening, starting, moving, held, closing, finished };
  using Time = core::SteadyTime;

  bool open(ChannelContext& context);
  bool opened(ChannelContext& context);
  bool open_failed(ChannelContext& context);
  bool refuse(ChannelContext& context);
  bool no_place(ChannelContext& context);
  bool await_place(ChannelContext& context);
  core::Duration patience() const;
  void use_command();
  bool start(ChannelContext& context);
  bool move(ChannelContext& context);
  bool hold();
  bool receive(ChannelContext& context);
  core::Error not_run(ChannelContext& context, int exit_code) const;
  bool takes_input() const;
  bool send(ChannelContext& context);
  bool finish(ChannelContext& context);
  bool close(ChannelContext& context);
  void settle(Result<void> result);

  Target m_target;
  std::unique_ptr<ChannelEnd> m_end;
  std::shared_ptr<Opening> m_opening;
  const Purpose m_purpose;
  const std::string m_mark;
  std::shared_ptr<Opening> m_answer;    // of try_by_command, until it comes
  bool m_reached = false;               // a command reached the target
  bool m_relays = false;                // a command stands in for a forwarded connection
  int m_success = 0;                    // the exit code of a probing command that reached its target
  bool m_opening_now = false;           // libssh2 is in the middle of opening this channel
  std::optional<Time> m_refused_since;  // since when sshd has had no place for this command
  Time m_ask_again{};
  std::size_t m_refused_at = 0;  // how many commands had ended when sshd last refused
  bool m_running_command = false;
  Phase m_phase = Phase::opening;
  LIBSSH2_CHANNEL* m_raw = nullptr;
  std::string m_up, m_down;
  Preface m_preface, m_err_preface;
  std::size_t m_up_sent = 0;
  bool m_eof_received = false, m_out_ended = false, m_eof_sent = false;
};

}  // namespace bgdeploy::ssh
