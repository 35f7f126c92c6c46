// A child process with its output captured, its lines watched as they come, and an end that is certain.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace e2e {

using Clock = std::chrono::steady_clock;
using Duration = std::chrono::milliseconds;

// Polls until `condition` holds; false when it does not within `deadline`.
bool eventually(Duration deadline, const std::function<bool()>& condition);

struct Finished {
  int exit_code = -1;  // 128 + N after signal N
  std::string out, err;
  Duration took{};

  std::string both() const { return out + err; }
};
// Everything a failed assertion needs to show.
std::ostream& operator<<(std::ostream& stream, const Finished& finished);

struct Command {
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;  // all of it; nothing is inherited
  std::string folder = "/";
};

class Process {
public:
  // Throws std::system_error when it cannot be started: a broken set-up, not a finding.
  explicit Process(const Command& command);
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();  // SIGKILL, if it still runs

  int pid() const { return m_pid; }
  void signal(int number) const;
  bool running() const;
  // True as soon as `matches` accepts a line of stderr; false at the deadline or at the end of stderr.
  // Each line is shown to the predicate once.
  bool wait_for_line(Duration deadline, const std::function<bool(std::string_view)>& matches);
  // Collects the rest. A process that outlives the deadline is killed, and its exit code is 137.
  Finished wait(Duration deadline = std::chrono::minutes{2});
  // Lines of stderr so far.
  const std::string& err() const { return m_err; }

private:
  bool pump(Clock::time_point until);
  void close_pipes();

  int m_pid = -1, m_out_fd = -1, m_err_fd = -1;
  Clock::time_point m_started;
  std::string m_out, m_err;
  std::size_t m_seen = 0;
};

// Start, wait, collect.
Finished run(const Command& command, Duration deadline = std::chrono::minutes{2});

}  // namespace e2e
