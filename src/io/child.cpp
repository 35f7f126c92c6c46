#include "bgdeploy/io/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <ranges>
#include <thread>

#include "bgdeploy/core/current_error.hpp"
#include "bgdeploy/io/thread.hpp"
#include "bgdeploy/io/wakeup.hpp"

extern char** environ;

namespace bgdeploy::io {
namespace {

using core::ErrorKind;
using core::fail;
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

// Reaps children that outlived their owner.
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

// The child does not inherit our signal mask and handlers.
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

// Below an emulator posix_spawnp does not tell that there is no such program: the child ends with 127.
bool is_there(const std::string& program, const std::string& folder) {
  // What we may not look at posix_spawnp tells.
  const auto may_be = [&](const std::string& file) {
    const std::string seen = folder.empty() || file.starts_with('/') ? file : folder + "/" + file;
    return ::access(seen.c_str(), F_OK) == 0 || errno == EACCES;
  };
  if (program.contains('/')) return may_be(program);
  const char* variable = std::getenv("PATH");
  const std::string_view path = variable == nullptr ? "/bin:/usr/bin" : variable;
  if (path.empty()) return true;
  return std::ranges::any_of(std::views::split(path, ':'), [&](const auto& part) {
    const std::string named(part.begin(), part.end());
    return may_be((named.empty() ? "." : named) + "/" + program);
  });
}

// Starts the program in the folder (empty: ours), with these as its standard streams and nothing else open.
Result<pid_t> spawn(const std::vector<std::string>& argv, const std::string& folder, int in, int out,
                    int err) {
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
  // Not all that we have open closes by itself: libcurl's sockets do not.
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (!folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  use_default_signals(attributes);
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = 0;
  const int error = is_there(argv.front(), folder)
                        ? ::posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environ)
                        : ENOENT;
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) return pid;
  return fail(error == ENOENT ? ErrorKind::not_found : ErrorKind::io,
              fmt::format("{} cannot be started: {}", argv.front(), std::strerror(error)));
}

}  // namespace

// Not in the unnamed namespace: Child::Mover has external linkage and holds one.
struct Spawned {
  pid_t pid = 0;
  Fd input, out, err;  // our ends, non-blocking
};

namespace {

Result<Spawned> spawn_piped(const std::vector<std::string>& argv, const std::string& folder) {
  BGDEPLOY_ASSIGN(auto input, make_pipe());
  BGDEPLOY_ASSIGN(auto out, make_pipe());
  BGDEPLOY_ASSIGN(auto err, make_pipe());
  BGDEPLOY_ASSIGN(const auto pid, spawn(argv, folder, input.read.get(), out.write.get(), err.write.get()));
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

}  // namespace

// Moves a child's bytes on a thread of its own, and reaps it.
class Child::Mover {
public:
  Mover(Spawned spawned, std::string input, bool input_closed)
      : m_child(std::move(spawned)),
        m_exit(static_cast<int>(::syscall(SYS_pidfd_open, m_child.pid, 0))),
        m_pipes(std::make_shared<Pipes>(m_wakeup, std::move(input), input_closed)) {}

  ~Mover() {
    m_stop = true;
    m_wakeup->wake();
    if (m_thread.joinable()) m_thread.join();
    if (!m_reaped) orphans().adopt(m_child.pid);
  }
  Mover(const Mover&) = delete;
  Mover& operator=(const Mover&) = delete;

  const std::shared_ptr<Pipes>& pipes() const { return m_pipes; }

  Result<void> start() {
    if (!m_exit)
      return fail(ErrorKind::io, fmt::format("a child cannot be watched: {}", std::strerror(errno)));
    BGDEPLOY_ASSIGN(m_thread, start_thread([this] { run(); }));
    return {};
  }

  // Ends the child with everything it started.
  void terminate() {
    signal_group(SIGTERM);
    if (!m_pipes->finish(Wait::for_at_most(k_patience))) kill();
  }
  void kill() { signal_group(SIGKILL); }

private:
  void signal_group(int signal) {
    const std::lock_guard lock(m_reaping);
    if (!m_reaped) ::kill(-m_child.pid, signal);
  }

  void run() {
    try {
      move_until_ended();
    } catch (...) {
      m_pipes->failed(core::current_error());
    }
  }

  void move_until_ended() {
    // A child that stops reading must give us EPIPE, not SIGPIPE.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    for (bool exited = false;;) {
      move_input();
      if (m_stop) return;
      const bool room = m_pipes->room() > 0;
      pollfd polled[] = {{m_wakeup->fd(), POLLIN, 0},
                         {exited ? -1 : m_exit.get(), POLLIN, 0},
                         {m_pending.empty() ? -1 : m_child.input.get(), POLLOUT, 0},
                         {room ? m_child.out.get() : -1, POLLIN, 0},
                         {m_child.err.get(), POLLIN, 0}};
      // What an ended child left in its pipes is there at once. Its own children may still write: nobody
      // waits.
      const int ready = ::poll(polled, 5, exited && room ? 0 : -1);
      m_wakeup->clear();
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
      if (count < 0) m_child.input.reset();  // it reads no more, so the rest goes nowhere
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

  const std::shared_ptr<Wakeup> m_wakeup = std::make_shared<Wakeup>();
  Spawned m_child;
  Fd m_exit;
  std::shared_ptr<Pipes> m_pipes;
  std::string m_pending;
  std::atomic<bool> m_stop = false;
  std::mutex m_reaping;
  bool m_reaped = false;
  std::thread m_thread;
};

Child::Child(std::unique_ptr<Mover> mover) : m_mover(std::move(mover)) {}

Child::~Child() {
  pipes()->abandon(false);
}

const std::shared_ptr<Pipes>& Child::pipes() const {
  return m_mover->pipes();
}

Result<std::unique_ptr<Child::Mover>> Child::start_mover(const std::vector<std::string>& argv,
                                                         const std::string& folder, std::string input,
                                                         bool input_closed) {
  BGDEPLOY_ASSIGN(auto spawned, spawn_piped(argv, folder));
  auto mover = std::make_unique<Mover>(std::move(spawned), std::move(input), input_closed);
  if (auto started = mover->start(); !started) {
    mover->kill();
    return std::unexpected(std::move(started).error().within(argv.front()));
  }
  return mover;
}

Result<std::unique_ptr<Child>> Child::start(const std::vector<std::string>& argv, std::string input,
                                            bool input_closed) {
  BGDEPLOY_ASSIGN(auto mover, start_mover(argv, {}, std::move(input), input_closed));
  return std::unique_ptr<Child>(new Child(std::move(mover)));
}

Result<Output> run_child(const std::vector<std::string>& argv, std::string input, const Wait& wait,
                         const std::string& folder) {
  if (wait.stop.stop_requested()) return std::unexpected(wait_error(wait, argv.front()));
  BGDEPLOY_ASSIGN(const auto mover, Child::start_mover(argv, folder, std::move(input), true));
  auto output = mover->pipes()->finish(wait);
  if (output) return output;
  mover->terminate();
  return std::unexpected(std::move(output).error().within(argv.front()));
}

Result<void> start_on(const std::vector<std::string>& argv, Fd stream) {
  BGDEPLOY_ASSIGN(const auto pid, spawn(argv, {}, stream.get(), stream.get(), -1));
  orphans().adopt(pid);
  return {};
}

}  // namespace bgdeploy::io
