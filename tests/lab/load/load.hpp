// The steady load: requests leave on a fixed schedule whether or not earlier ones were answered, so that a
// stall shows as latency instead of as fewer requests.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <string>

#include "stream.hpp"
#include "summary.hpp"
#include "target.hpp"

namespace bgload {

using Clock = std::chrono::steady_clock;

struct Options {
  Target target;
  double rate = 200;                     // requests a second
  std::chrono::milliseconds length{0};   // how long requests are started
  std::chrono::milliseconds slow{3000};  // one request of that length is always in flight; 0: none
  std::chrono::milliseconds timeout{10'000};
  bool keep_alive = false;  // every GET on a connection that is kept, instead of every fifth
};

class Load {
public:
  explicit Load(Options options);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Until the time is over or `stop_fd` becomes readable; then waits for what is in flight. `started` is
  // called at the first good answer.
  void run(int stop_fd, const std::function<void()>& started);

  const Summary& summary() const { return m_summary; }

private:
  struct Request {
    Stream stream;
    Client client = Client::get;
    bool connected = false, reused = false;
    Clock::time_point due, deadline;
    std::string output;  // the whole request, for a retry too
    bool sent = false;
    std::string input;
  };
  using Requests = std::list<Request>;

  Client next_client();
  void start(Client client, Clock::time_point due);
  std::string text_of(Client client) const;
  bool take_kept(Request& request);
  bool connect(Request& request);
  void watch(const Request& request, unsigned events);
  void start_what_is_due(Clock::time_point now);
  int wait_time(Clock::time_point now, bool stopping) const;
  void on_ready(Requests::iterator request);
  void send(Requests::iterator request);
  void receive(Requests::iterator request);
  void answered(Requests::iterator request);
  void fail(Requests::iterator request, const std::string& how, const std::string& detail);
  void finish(Requests::iterator request, bool reusable);
  void expire(Clock::time_point now);

  Options m_options;
  Summary m_summary;
  Requests m_requests;
  std::deque<Stream> m_idle;  // the connections that are kept; the one that waits longest is used next
  std::size_t m_kept_in_use = 0;
  unsigned m_turn = 0;
  Clock::time_point m_next_due, m_next_slow;
  bool m_slow_in_flight = false, m_stopping = false;
  int m_epoll = -1;
};

}  // namespace bgload
