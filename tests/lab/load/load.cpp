#include "load.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace bgload {
namespace {

struct Response {
  int status = 0;
  std::string_view body;
  bool complete = false, close = false;
};

// The application and nginx both send Content-Length; anything else counts as malformed.
std::optional<Response> parse(std::string_view input) {
  const auto end = input.find("\r\n\r\n");
  Response response;
  if (end == std::string_view::npos) return response;
  const auto head = input.substr(0, end + 2);
  if (!head.starts_with("HTTP/1.1 ") || head.size() < 12) return std::nullopt;
  std::from_chars(head.data() + 9, head.data() + 12, response.status);
  constexpr std::string_view k_length = "\r\nContent-Length: ";
  const auto at = head.find(k_length);
  if (at == std::string_view::npos) return std::nullopt;
  std::size_t length = 0;
  std::from_chars(head.data() + at + k_length.size(), head.data() + head.size(), length);
  response.body = input.substr(end + 4, length);
  response.complete = response.body.size() == length;
  response.close = head.find("\r\nConnection: close") != std::string_view::npos;
  return response;
}

bool is_kept(Client client) {
  return client == Client::kept || client == Client::kept_post;
}

std::string version_in(std::string_view body) {
  constexpr std::string_view k_name = "version=";
  if (!body.starts_with(k_name)) return "unknown";
  body.remove_prefix(k_name.size());
  return std::string(body.substr(0, body.find('\n')));
}

}  // namespace

Load::Load(Options options) : m_options(std::move(options)), m_epoll(::epoll_create1(EPOLL_CLOEXEC)) {}

Load::~Load() {
  ::close(m_epoll);
}

bool Load::connect(Request& request) {
  request.reused = false;
  request.connected = false;
  return request.stream.connect(m_options.target.address, m_options.target.tls ? m_options.target.host : "");
}

void Load::watch(const Request& request, unsigned events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = const_cast<Request*>(&request);
  if (::epoll_ctl(m_epoll, EPOLL_CTL_MOD, request.stream.fd(), &event) != 0)
    ::epoll_ctl(m_epoll, EPOLL_CTL_ADD, request.stream.fd(), &event);
}

// Of fifty: five POST and ten GET on connections that are kept, one POST on such a one, and the rest as
// browsers come that were never here.
Client Load::next_client() {
  const auto turn = m_turn++ % 50;
  if (turn % 10 == 4) return Client::post;
  if (turn == 26) return Client::kept_post;
  return m_options.keep_alive || turn % 5 == 2 ? Client::kept : Client::get;
}

std::string Load::text_of(Client client) const {
  constexpr std::string_view k_body = "name=value&note=sent+once";
  const bool post = client == Client::post || client == Client::kept_post;
  const auto path =
      client == Client::slow ? "/slow?ms=" + std::to_string(m_options.slow.count()) : m_options.target.path;
  auto text = (post ? "POST " : "GET ") + path + " HTTP/1.1\r\nHost: " + m_options.target.host + "\r\n";
  if (!is_kept(client)) text += "Connection: close\r\n";
  if (post)
    text += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
            std::to_string(k_body.size()) + "\r\n";
  return text.append("\r\n").append(post ? k_body : "");
}

// A few connections, so that some are idle at any time and others busy. A client that may send its request
// only once looks first whether the connection was closed meanwhile.
bool Load::take_kept(Request& request) {
  constexpr std::size_t k_connections = 8;
  ++m_kept_in_use;
  if (m_idle.size() + m_kept_in_use <= k_connections) return false;
  while (!m_idle.empty()) {
    request.stream = std::move(m_idle.front());
    m_idle.pop_front();
    if (request.client == Client::kept || request.stream.is_quiet()) return true;
  }
  return false;
}

void Load::start(Client client, Clock::time_point due) {
  m_summary.sent(client);
  auto& request = m_requests.emplace_back();
  request.client = client;
  request.due = due;
  const bool slow = client == Client::slow;
  request.deadline = due + m_options.timeout + (slow ? m_options.slow : std::chrono::milliseconds{0});
  request.output = text_of(client);
  if (slow) m_slow_in_flight = true;
  const auto self = std::prev(m_requests.end());
  if (is_kept(client) && take_kept(request)) {
    request.reused = request.connected = true;
  } else if (!connect(request)) {
    return fail(self, "connect", std::strerror(errno));
  }
  watch(request, EPOLLOUT);
}

void Load::start_what_is_due(Clock::time_point now) {
  const auto step =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / m_options.rate));
  for (; m_next_due <= now; m_next_due += step) start(next_client(), m_next_due);
  if (m_options.slow.count() > 0 && !m_slow_in_flight && m_next_slow <= now) start(Client::slow, now);
}

int Load::wait_time(Clock::time_point now, bool stopping) const {
  auto until = stopping ? now + std::chrono::milliseconds{100} : m_next_due;
  for (const auto& request : m_requests) until = std::min(until, request.deadline);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000));
}

void Load::run(int stop_fd, const std::function<void()>& started) {
  epoll_event stop{};
  stop.events = EPOLLIN;
  ::epoll_ctl(m_epoll, EPOLL_CTL_ADD, stop_fd, &stop);
  m_next_due = Clock::now();
  const auto end = m_next_due + m_options.length;
  bool said = false;
  while (!m_stopping || !m_requests.empty()) {
    auto now = Clock::now();
    if (now >= end) m_stopping = true;
    if (!m_stopping) start_what_is_due(now);
    std::array<epoll_event, 64> ready;
    const int count = ::epoll_wait(m_epoll, ready.data(), ready.size(), wait_time(now, m_stopping));
    for (int i = 0; i < count; ++i) {
      if (ready[i].data.ptr == nullptr) {
        m_stopping = true;
        ::epoll_ctl(m_epoll, EPOLL_CTL_DEL, stop_fd, nullptr);
        continue;
      }
      const auto found =
          std::ranges::find_if(m_requests, [&](const auto& each) { return &each == ready[i].data.ptr; });
      if (found != m_requests.end()) on_ready(found);
    }
    expire(Clock::now());
    if (!said && m_summary.any_answer()) {
      said = true;
      started();
    }
  }
}

void Load::on_ready(Requests::iterator request) {
  if (!request->connected) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(request->stream.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return fail(request, "connect", std::strerror(error));
    request->connected = true;
  }
  if (!request->sent) return send(request);
  receive(request);
}

void Load::send(Requests::iterator request) {
  const auto sent = request->stream.send(request->output);
  if (sent < 0 && errno == EAGAIN) return watch(*request, request->stream.wanted());
  if (sent < 0)
    return fail(request, errno == ECONNRESET || errno == EPIPE ? "reset" : "connect", std::strerror(errno));
  // A few hundred bytes into an empty socket buffer are taken at once or not at all.
  request->sent = true;
  watch(*request, EPOLLIN);
}

void Load::receive(Requests::iterator request) {
  std::array<char, 16384> data;
  const auto got = request->stream.receive(data);
  if (got < 0 && errno == EAGAIN) return watch(*request, request->stream.wanted());
  if (got < 0) return fail(request, errno == ECONNRESET ? "reset" : "closed", std::strerror(errno));
  if (got == 0)
    return fail(request, request->input.empty() ? "closed" : "short",
                std::to_string(request->input.size()) + " bytes, then closed");
  request->input.append(data.data(), static_cast<std::size_t>(got));
  answered(request);
}

void Load::answered(Requests::iterator request) {
  const auto response = parse(request->input);
  if (!response) return fail(request, "malformed", request->input.substr(0, 100));
  if (!response->complete) return;
  if (response->status != 200) return fail(request, "status", std::to_string(response->status));
  m_summary.answered(request->client, version_in(response->body), Clock::now() - request->due);
  finish(request, is_kept(request->client) && !response->close);
}

// On a connection that was used before, a server may have closed it without having seen the request: a GET
// is then sent once more on a new one.
void Load::fail(Requests::iterator request, const std::string& how, const std::string& detail) {
  const bool unseen = how == "closed" || how == "reset";
  if (request->client == Client::kept && request->reused && unseen && request->input.empty()) {
    m_summary.retried(request->client);
    request->sent = false;
    if (connect(*request)) return watch(*request, EPOLLOUT);
  }
  m_summary.failed(request->client, how, detail);
  // A slow request that fails at once is not sent again at once.
  if (request->client == Client::slow) m_next_slow = Clock::now() + std::chrono::milliseconds{200};
  finish(request, false);
}

void Load::finish(Requests::iterator request, bool reusable) {
  if (request->client == Client::slow) m_slow_in_flight = false;
  if (is_kept(request->client)) --m_kept_in_use;
  if (reusable) {
    ::epoll_ctl(m_epoll, EPOLL_CTL_DEL, request->stream.fd(), nullptr);
    m_idle.push_back(std::move(request->stream));
  }
  m_requests.erase(request);
}

void Load::expire(Clock::time_point now) {
  for (auto each = m_requests.begin(); each != m_requests.end();) {
    const auto request = each++;
    if (request->deadline > now) continue;
    m_summary.failed(request->client, "timeout", request->connected ? "no answer" : "no connection");
    finish(request, false);
  }
}

}  // namespace bgload
