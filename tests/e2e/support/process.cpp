#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace e2e {
namespace {

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

std::pair<int, int> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  // Room for minutes of events of a process that nobody reads while another one is watched.
  ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
  return {ends[0], ends[1]};
}

int milliseconds_until(Clock::time_point until) {
  const auto left = std::chrono::ceil<Duration>(until - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

}  // namespace

bool eventually(Duration deadline, const std::function<bool()>& condition) {
  const auto until = Clock::now() + deadline;
  while (!condition()) {
    if (Clock::now() >= until) return false;
    ::poll(nullptr, 0, 10);
  }
  return true;
}

std::ostream& operator<<(std::ostream& stream, const Finished& finished) {
  return stream << "\nexit code " << finished.exit_code << " after " << finished.took.count()
                << " ms\n--- stdout\n"
                << finished.out << "\n--- stderr\n"
                << finished.err << "\n---\n";
}

Process::Process(const Command& command) : m_started(Clock::now()) {
  const auto [out_read, out_write] = make_pipe();
  const auto [err_read, err_write] = make_pipe();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out_write, 1);
  ::posix_spawn_file_actions_adddup2(&actions, err_write, 2);
  ::posix_spawn_file_actions_addchdir_np(&actions, command.folder.c_str());
  // A test program that runs in the background of a script ignores SIGINT. What it starts must not.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGHUP, SIGTERM}) sigaddset(&signals, signal);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigdefault(&attributes, &signals);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  auto argv = command.argv;
  std::vector<std::string> environment;
  for (const auto& [name, value] : command.environment) environment.push_back(name + "=" + value);
  const int error = ::posix_spawnp(&m_pid, argv[0].c_str(), &actions, &attributes, pointers(argv).data(),
                                   pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  ::close(out_write);
  ::close(err_write);
  m_out_fd = out_read;
  m_err_fd = err_read;
  if (error != 0) {
    close_pipes();
    m_pid = -1;
    throw std::system_error(error, std::generic_category(), argv[0]);
  }
}

Process::Process(Process&& other) noexcept
    : m_pid(std::exchange(other.m_pid, -1)),
      m_out_fd(std::exchange(other.m_out_fd, -1)),
      m_err_fd(std::exchange(other.m_err_fd, -1)),
      m_started(other.m_started),
      m_out(std::move(other.m_out)),
      m_err(std::move(other.m_err)),
      m_seen(other.m_seen) {}

Process::~Process() {
  if (m_pid > 0) {
    ::kill(m_pid, SIGKILL);
    ::waitpid(m_pid, nullptr, 0);
  }
  close_pipes();
}

void Process::close_pipes() {
  for (int* fd : {&m_out_fd, &m_err_fd})
    if (*fd >= 0) ::close(std::exchange(*fd, -1));
}

void Process::signal(int number) const {
  if (m_pid > 0) ::kill(m_pid, number);
}

bool Process::running() const {
  siginfo_t ended{};
  return m_pid > 0 && ::waitid(P_PID, static_cast<id_t>(m_pid), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         ended.si_pid == 0;
}

// Reads what there is, waiting at most until then. False when both pipes are closed or the time is over.
bool Process::pump(Clock::time_point until) {
  if (m_out_fd < 0 && m_err_fd < 0) return false;
  std::array<pollfd, 2> fds{{{m_out_fd, POLLIN, 0}, {m_err_fd, POLLIN, 0}}};
  if (::poll(fds.data(), fds.size(), milliseconds_until(until)) <= 0) return Clock::now() < until;
  const auto take = [](const pollfd& ready, int& fd, std::string& into) {
    if (ready.revents == 0) return;
    std::array<char, 16384> data;
    const auto got = ::read(fd, data.data(), data.size());
    if (got > 0) into.append(data.data(), static_cast<std::size_t>(got));
    if (got == 0) ::close(std::exchange(fd, -1));
  };
  take(fds[0], m_out_fd, m_out);
  take(fds[1], m_err_fd, m_err);
  return true;
}

bool Process::wait_for_line(Duration deadline, const std::function<bool(std::string_view)>& matches) {
  const auto until = Clock::now() + deadline;
  do {
    for (auto end = m_err.find('\n', m_seen); end != std::string::npos; end = m_err.find('\n', m_seen)) {
      const auto line = std::string_view(m_err).substr(m_seen, end - m_seen);
      m_seen = end + 1;
      if (matches(line)) return true;
    }
  } while (m_err_fd >= 0 && pump(until));
  return false;
}

Finished Process::wait(Duration deadline) {
  const auto until = Clock::now() + deadline;
  int status = 0;
  // A grandchild may hold the pipes longer than the child lives, or the child may close them early.
  const auto ended = [&] { return ::waitpid(m_pid, &status, WNOHANG) == m_pid; };
  bool over = false;
  while (!(over = ended()) && Clock::now() < until) {
    if (m_out_fd < 0 && m_err_fd < 0) {
      over = eventually(std::chrono::duration_cast<Duration>(until - Clock::now()), ended);
      break;
    }
    pump(std::min(until, Clock::now() + Duration{20}));
  }
  if (!over) {
    ::kill(m_pid, SIGKILL);
    ::waitpid(m_pid, &status, 0);
  }
  m_pid = -1;
  const auto rest = Clock::now() + Duration{200};
  while (pump(rest)) {
  }
  close_pipes();
  Finished finished;
  finished.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  finished.out = std::move(m_out);
  finished.err = std::move(m_err);
  finished.took = std::chrono::duration_cast<Duration>(Clock::now() - m_started);
  return finished;
}

Finished run(const Command& command, Duration deadline) {
  return Process(command).wait(deadline);
}

}  // namespace e2e
