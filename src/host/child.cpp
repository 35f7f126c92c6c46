#include "bgdeploy/host/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

#include "bgdeploy/ssh/fd.hpp"
#include "bgdeploy/ssh/wake.hpp"
#include "piped_process.hpp"

extern char** environ;

namespace bgdeploy::host {
namespace {

using core::ErrorKind;
using core::fail;
using ssh::Fd;
using namespace std::chrono_literals;

constexpr auto k_patience = 1s;  // from SIGTERM to SIGKILL

struct Pipe {
  Fd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorKind::io, "no pipe can be made");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

void unblock(const Fd& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

// Reaps children whose owner did not wait for them.
class Orphans {
public:
  void adopt(pid_t pid) {
    const std::lock_guard lock(m_mutex);
    m_pids.push_back(pid);
    reap();
  }
  void sweep() {
    const std::lock_guard lock(m_mutex);
    reap();
  }

private:
  void reap() {
    std::erase_if(m_pids, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
  }
  std::mutex m_mutex;
  std::vector<pid_t> m_pids;
};

Orphans& orphans() {
  static Orphans orphans;
  return orphans;
}

// Our signal mask and handlers are ours alone.
void use_default_signals(posix_spawnattr_t& attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

// Starts the program with these as its standard streams.
Result<pid_t> spawn(const std::vector<std::string>& argv, int in, int out, int err) {
  if (argv.empty() || argv.front().empty()) return fail(ErrorKind::not_found, "no command was given");
  orphans().sweep();
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  if (err >= 0)
    posix_spawn_file_actions_adddup2(&actions, err, 2);
  else
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  use_default_signals(attributes);
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) return pid;
  return fail(error == ENOENT ? ErrorKind::not_found : ErrorKind::io,
              fmt::format("{} cannot be started: {}", argv.front(), std::strerror(error)));
}

struct Spawned {
  pid_t pid = 0;
  Fd input, out, err;  // our ends, non-blocking
};

Result<Spawned> spawn_piped(const std::vector<std::string>& argv) {
  BGDEPLOY_ASSIGN(auto input, make_pipe());
  BGDEPLOY_ASSIGN(auto out, make_pipe());
  BGDEPLOY_ASSIGN(auto err, make_pipe());
  BGDEPLOY_ASSIGN(const auto pid, spawn(argv, input.read.get(), out.write.get(), err.write.get()));
  Spawned spawned{pid, std::move(input.write), std::move(out.read), std::move(err.read)};
  for (const auto* fd : {&spawned.input, &spawned.out, &spawned.err}) unblock(*fd);
  return spawned;
}

// Appends what can be read now; false at the stream's end.
template <class Take>
bool drain(const Fd& fd, Take take) {
  std::array<char, std::size_t{64} << 10> buffer;
  const auto count = ::read(fd.get(), buffer.data(), buffer.size());
  if (count > 0) take(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

// Moves a child's bytes on a thread of its own, and reaps it.
class Mover {
public:
  Mover(Spawned spawned, std::string input, bool input_closed)
      : m_child(std::move(spawned)),
        m_exit(static_cast<int>(::syscall(SYS_pidfd_open, m_child.pid, 0))),
        m_pipes(std::make_shared<ssh::Pipes>(m_waker, std::move(input), input_closed)),
        m_thread([this] { run(); }) {}

  ~Mover() {
    m_stop = true;
    m_waker->wake();
    m_thread.join();
    if (!m_reaped) orphans().adopt(m_child.pid);
  }
  Mover(const Mover&) = delete;
  Mover& operator=(const Mover&) = delete;

  const std::shared_ptr<ssh::Pipes>& pipes() const { return m_pipes; }

  // Ends the child with everything it started.
  void terminate() {
    signal_group(SIGTERM);
    if (!m_pipes->finish(Wait::for_at_most(k_patience))) signal_group(SIGKILL);
  }

private:
  void signal_group(int signal) {
    const std::lock_guard lock(m_reaping);
    if (!m_reaped) ::kill(-m_child.pid, signal);
  }

  void run() {
    // A child that stops reading must end in EPIPE here, not end us.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    for (bool exited = false;;) {
      move_input();
      if (m_stop) return;
      const bool room = m_pipes->room() > 0;
      pollfd polled[] = {{m_waker->fd(), POLLIN, 0},
                         {exited ? -1 : m_exit.get(), POLLIN, 0},
                         {m_pending.empty() ? -1 : m_child.input.get(), POLLOUT, 0},
                         {room ? m_child.out.get() : -1, POLLIN, 0},
                         {m_child.err.get(), POLLIN, 0}};
      // What a child that has ended left in its pipes is there at once; what its own children may still say
      // is not waited for.
      const int ready = ::poll(polled, 5, exited && room ? 0 : -1);
      m_waker->clear();
      if (polled[3].revents != 0 && !drain(m_child.out, [&](auto data) { m_pipes->put_out(data); })) {
        m_child.out.reset();
        m_pipes->out_ended();
      }
      if (polled[4].revents != 0 && !drain(m_child.err, [&](auto data) { m_pipes->put_err(data); }))
        m_child.err.reset();
      if (exited && room && ready == 0) return reap();
      exited = exited || polled[1].revents != 0;
    }
  }

  void move_input() {
    for (;;) {
      if (m_pending.empty()) m_pending = m_pipes->take_input(std::size_t{64} << 10);
      if (m_pending.empty()) break;
      const auto count =
          m_child.input ? ::write(m_child.input.get(), m_pending.data(), m_pending.size()) : -1;
      if (count < 0 && m_child.input && (errno == EAGAIN || errno == EINTR)) return;
      if (count < 0) m_child.input.reset();  // it reads no more; the rest goes nowhere
      m_pending.erase(0, count < 0 ? std::string::npos : static_cast<std::size_t>(count));
    }
    if (m_pipes->input_ended()) m_child.input.reset();
  }

  void reap() {
    int status = 0;
    {
      const std::lock_guard lock(m_reaping);
      while (::waitpid(m_child.pid, &status, 0) < 0 && errno == EINTR) {
      }
      m_reaped = true;
    }
    if (!WIFSIGNALED(status)) return m_pipes->ended(WEXITSTATUS(status), "");
    const char* name = ::sigabbrev_np(WTERMSIG(status));
    m_pipes->ended(128 + WTERMSIG(status), name != nullptr ? name : std::to_string(WTERMSIG(status)));
  }

  const std::shared_ptr<ssh::Waker> m_waker = std::make_shared<ssh::Waker>();
  Spawned m_child;
  Fd m_exit;
  std::shared_ptr<ssh::Pipes> m_pipes;
  std::string m_pending;
  std::atomic<bool> m_stop = false;
  std::mutex m_reaping;
  bool m_reaped = false;
  std::thread m_thread;
};

class Child : public PipedProcess {
public:
  Child(std::unique_ptr<Mover> mover, const std::vector<std::string>& argv)
      : PipedProcess(mover->pipes(), "local", argv), m_mover(std::move(mover)) {}
  ~Child() override { m_mover->pipes()->abandon(false); }

private:
  std::unique_ptr<Mover> m_mover;
};

}  // namespace

Result<std::unique_ptr<Process>> start_child(const std::vector<std::string>& argv, std::string input,
                                             bool input_closed) {
  BGDEPLOY_ASSIGN(auto spawned, spawn_piped(argv));
  return std::make_unique<Child>(std::make_unique<Mover>(std::move(spawned), std::move(input), input_closed),
                                 argv);
}

Result<Output> run_child(const std::vector<std::string>& argv, std::string input, const Wait& wait) {
  if (wait.stop.stop_requested()) return std::unexpected(ssh::wait_error(wait, argv.front()));
  BGDEPLOY_ASSIGN(auto spawned, spawn_piped(argv));
  Mover mover(std::move(spawned), std::move(input), true);
  auto captured = mover.pipes()->finish(wait);
  if (captured) return to_output(std::move(*captured));
  mover.terminate();
  return std::unexpected(std::move(captured).error().within(argv.front()));
}

Result<void> start_on(const std::vector<std::string>& argv, ssh::Fd stream) {
  BGDEPLOY_ASSIGN(const auto pid, spawn(argv, stream.get(), stream.get(), -1));
  orphans().adopt(pid);
  return {};
}

}  // namespace bgdeploy::host
