// Runs a command and says what it cost:
//
//   bench_measure [--expect ADDRESS:PORT=VERSION MILLISECONDS] OUT COMMAND...
//
// OUT gets lines "NAME VALUE": exit_code; began (milliseconds since the epoch); wall_ms; cpu_ms, user and
// system, of the command and of everything it started, whatever went into the background included;
// peak_kb, the largest process among them; and, with --expect, answered_ms: from the start until a GET of
// /version there first says "version=VERSION". It is asked again after MILLISECONDS: how exactly the answer
// is timed, and how little the question disturbs what is measured.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr auto k_background_ends_within = std::chrono::seconds(30);

struct Expected {
  sockaddr_in address{};
  std::string body;
  int pause_ms = 0;
};

// "ADDRESS:PORT=VERSION"
std::optional<Expected> parse_expected(const std::string& text) {
  const auto colon = text.find(':'), equals = text.find('=');
  if (colon == std::string::npos || equals == std::string::npos || colon > equals) return {};
  Expected expected;
  expected.address.sin_family = AF_INET;
  expected.address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1)));
  if (::inet_pton(AF_INET, text.substr(0, colon).c_str(), &expected.address.sin_addr) != 1) return {};
  expected.body = "\r\n\r\nversion=" + text.substr(equals + 1) + "\n";
  return expected;
}

bool answers(const Expected& expected) {
  constexpr std::string_view k_request = "GET /version HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{2, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&expected.address), sizeof expected.address) == 0 &&
      ::send(fd, k_request.data(), k_request.size(), MSG_NOSIGNAL) > 0) {
    std::array<char, 4096> data;
    for (auto got = ::recv(fd, data.data(), data.size(), 0); got > 0;
         got = ::recv(fd, data.data(), data.size(), 0))
      answer.append(data.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  return answer.ends_with(expected.body);
}

double cpu_ms(const rusage& usage) {
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

struct Cost {
  int exit_code = -1;
  double wall_ms = 0, cpu_ms = 0;
  long peak_kb = 0;

  void add(const rusage& usage) {
    cpu_ms += ::cpu_ms(usage);
    peak_kb = std::max(peak_kb, usage.ru_maxrss);
  }
};

// As the reaper of whatever the command leaves in the background, this process is told what that cost too.
Cost run(char** argv, Clock::time_point began) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t command = ::fork();
  if (command == 0) {
    ::execvp(argv[0], argv);
    std::fprintf(stderr, "bench_measure: %s: %s\n", argv[0], std::strerror(errno));
    ::_exit(127);
  }
  Cost cost;
  int status = 0;
  rusage usage{};
  for (pid_t ended = 0; ended != command; cost.add(usage)) ended = ::wait4(-1, &status, 0, &usage);
  cost.wall_ms = Milliseconds(Clock::now() - began).count();
  cost.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

  const auto until = Clock::now() + k_background_ends_within;
  for (pid_t ended = 0; (ended = ::wait4(-1, &status, WNOHANG, &usage)) >= 0;) {
    if (ended > 0) {
      cost.add(usage);
    } else if (Clock::now() < until) {
      ::poll(nullptr, 0, 1);
    } else {
      std::fprintf(stderr, "bench_measure: the command left something running\n");
      std::exit(2);
    }
  }
  return cost;
}

}  // namespace

int main(int argc, char** argv) {
  int at = 1;
  std::optional<Expected> expected;
  if (argc > 3 && std::string_view(argv[1]) == "--expect") {
    expected = parse_expected(argv[2]);
    if (!expected) return std::fprintf(stderr, "bench_measure: bad --expect %s\n", argv[2]), 2;
    expected->pause_ms = std::atoi(argv[3]);
    at = 4;
  }
  if (argc < at + 2)
    return std::fprintf(stderr, "usage: bench_measure [--expect A:P=V MS] OUT COMMAND...\n"), 2;

  const auto epoch = std::chrono::system_clock::now().time_since_epoch();
  const auto began = Clock::now();
  std::atomic<double> answered_ms = -1;
  Cost cost;
  {
    std::jthread prober([&](const std::stop_token& stop) {
      while (expected && !stop.stop_requested()) {
        if (answers(*expected)) {
          answered_ms = Milliseconds(Clock::now() - began).count();
          return;
        }
        ::poll(nullptr, 0, expected->pause_ms);
      }
    });
    cost = run(argv + at + 1, began);
  }

  std::ofstream out(argv[at]);
  out << std::fixed << "exit_code " << cost.exit_code << "\nbegan " << Milliseconds(epoch).count()
      << "\nwall_ms " << cost.wall_ms << "\ncpu_ms " << cost.cpu_ms << "\npeak_kb " << cost.peak_kb << '\n';
  if (expected) out << "answered_ms " << answered_ms << '\n';
  return out.flush() ? 0 : 2;
}
