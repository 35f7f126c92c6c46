#include "bgdeploy/engine/attachment.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/io/wakeup.hpp"

namespace bgdeploy::engine {
namespace {

using core::ErrorKind;

constexpr std::size_t k_head_limit = std::size_t{64} << 10;
constexpr std::size_t k_piece = std::size_t{32} << 10;
constexpr const char* k_docker = "docker";

core::Error broken() {
  return {ErrorKind::lost, "the connection to docker broke", {}};
}

Result<io::Fd> dial_daemon(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto& text = path.native();
  io::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const bool fits = text.size() < sizeof address.sun_path;
  if (fits) std::memcpy(address.sun_path, text.data(), text.size());
  if (!fd || !fits || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return core::fail(ErrorKind::unreachable, "cannot connect to docker's socket");
  return fd;
}

// Of HTTP/1.0, so that docker sends an error without chunks, and ends the connection after it.
std::string request_text(const Request& request) {
  std::string text = fmt::format("{} {} HTTP/1.0\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n",
                                 request.method, request.target);
  if (!request.body.empty()) text += "Content-Type: application/json\r\n";
  return text + fmt::format("Content-Length: {}\r\n\r\n{}", request.body.size(), request.body);
}

Result<void> send_all(int fd, std::string_view data, const Wait& wait) {
  while (!data.empty()) {
    BGDEPLOY_TRY(io::wait_for(fd, POLLOUT, wait, k_docker));
    const auto count = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN && errno != EINTR) return std::unexpected(broken());
    data.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  return {};
}

// Appends what there is; false at the end.
Result<bool> receive_some(int fd, std::string& to, const Wait& wait) {
  BGDEPLOY_TRY(io::wait_for(fd, POLLIN, wait, k_docker));
  std::array<char, 4096> piece;
  const auto count = ::recv(fd, piece.data(), piece.size(), MSG_DONTWAIT);
  if (count < 0 && errno != EAGAIN && errno != EINTR) return std::unexpected(broken());
  if (count > 0) to.append(piece.data(), static_cast<std::size_t>(count));
  return count != 0;
}

// Of "HTTP/1.1 101 UPGRADED"; 0 where it is something else.
int status_of(std::string_view head) {
  const auto blank = head.find(' ');
  if (!head.starts_with("HTTP/1.") || blank == std::string_view::npos) return 0;
  return core::leading_number<int>(head.substr(blank + 1)).value_or(0);
}

std::size_t body_length(std::string_view head) {
  constexpr std::string_view name = "content-length:";
  for (const auto& line : core::split_lines(head)) {
    const auto same = [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); };
    if (line.size() < name.size() || !std::equal(name.begin(), name.end(), line.begin(), same)) continue;
    return core::leading_number<std::size_t>(core::trim(std::string_view(line).substr(name.size())))
        .value_or(Http::k_max_body);
  }
  return Http::k_max_body;
}

}  // namespace

Attachment::Attachment(bool terminal, Output output)
    : m_terminal(terminal), m_output(std::move(output)), m_frames(m_output) {}

Result<Response> Attachment::open(const std::filesystem::path& socket, const Request& request,
                                  const Wait& wait) {
  BGDEPLOY_ASSIGN(m_fd, dial_daemon(socket));
  BGDEPLOY_TRY(send_all(m_fd.get(), request_text(request), wait));
  std::string answer;
  std::size_t end = std::string::npos;
  while ((end = answer.find("\r\n\r\n")) == std::string::npos) {
    BGDEPLOY_ASSIGN(const bool more, receive_some(m_fd.get(), answer, wait));
    if (!more || answer.size() > k_head_limit) return std::unexpected(broken());
  }
  const auto head = answer.substr(0, end);
  Response response;
  response.status = status_of(head);
  if (response.status == 0) return core::fail(ErrorKind::refused, "what answers is not a docker daemon");
  m_first = answer.substr(end + 4);
  if (response.status < 400) return response;
  const auto length = body_length(head);
  while (m_first.size() < length) {
    BGDEPLOY_ASSIGN(const bool more, receive_some(m_fd.get(), m_first, wait));
    if (!more) break;
  }
  response.body = std::exchange(m_first, {});
  return response;
}

Result<void> Attachment::join(Console* console, const Resize& resize, const Wait& wait) {
  const int input = console != nullptr ? console->input() : -1;
  const int resized = console != nullptr ? console->resized() : -1;
  const io::Wakeup wakeup;
  const std::stop_callback on_stop(wait.stop, [&wakeup] { wakeup.wake(); });
  take(std::exchange(m_first, {}));
  while (!wait.stop.stop_requested()) {
    const bool reads = input >= 0 && !m_input_ended && m_up.empty();
    const auto wanted = static_cast<short>(POLLIN | (m_up.empty() ? 0 : POLLOUT));
    std::array<pollfd, 4> polled{{{m_fd.get(), wanted, 0},
                                  {wakeup.fd(), POLLIN, 0},
                                  {reads ? input : -1, POLLIN, 0},
                                  {resized, POLLIN, 0}}};
    const int ready = ::poll(polled.data(), polled.size(), io::poll_timeout(wait.deadline));
    if (ready < 0 && errno != EINTR) return core::fail(ErrorKind::io, "poll failed");
    if (ready == 0 && wait.left().count() == 0) break;
    if (ready <= 0) continue;
    if (polled[3].revents != 0)
      if (const auto window = console->window()) resize(*window);
    if (polled[2].revents != 0) read_input(input);
    if (!m_up.empty() || m_input_ended) send_input();
    if ((polled[0].revents & ~POLLOUT) != 0 && !receive()) return {};
  }
  return std::unexpected(io::wait_error(wait, "the command"));
}

bool Attachment::receive() {
  std::array<char, k_piece> piece;
  const auto count = ::recv(m_fd.get(), piece.data(), piece.size(), MSG_DONTWAIT);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  take({piece.data(), static_cast<std::size_t>(count)});
  return count > 0;
}

void Attachment::take(std::string_view piece) {
  if (piece.empty()) return;
  if (m_terminal)
    m_output(false, piece);
  else
    m_frames.feed(piece);
}

// What cannot be read has ended.
void Attachment::read_input(int fd) {
  m_up.resize(k_piece);
  const auto count = ::read(fd, m_up.data(), m_up.size());
  m_input_ended = count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
  m_up.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
}

// A process that has ended takes no more; what it wrote is still to be received.
void Attachment::send_input() {
  while (!m_up.empty()) {
    const auto count = ::send(m_fd.get(), m_up.data(), m_up.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0) {
      m_up.clear();
      m_input_ended = m_told = true;
      return;
    }
    m_up.erase(0, static_cast<std::size_t>(count));
  }
  if (m_input_ended && !std::exchange(m_told, true)) ::shutdown(m_fd.get(), SHUT_WR);
}

}  // namespace bgdeploy::engine
