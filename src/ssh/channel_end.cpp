#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "channel_end.hpp"

namespace bgdeploy::ssh {
namespace {

class FdEnd : public ChannelEnd {
public:
  explicit FdEnd(io::Fd fd) : m_fd(std::move(fd)) {}

  bool take_out(std::string& data) override {
    const auto count = ::send(m_fd.get(), data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0) {
      if (errno == EAGAIN || errno == EINTR) return false;
      m_gone = true;
      data.clear();
      return true;
    }
    data.erase(0, static_cast<std::size_t>(count));
    return count > 0;
  }
  void take_err(std::string_view) override {}
  void out_ended() override { ::shutdown(m_fd.get(), SHUT_WR); }
  void ended(int, std::string) override { m_gone = true; }
  void failed(const core::Error&) override { m_fd.reset(); }

  std::string input(std::size_t limit) override {
    std::string data(limit, '\0');
    const auto count = ::recv(m_fd.get(), data.data(), data.size(), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) m_input_ended = true;
    if (count < 0 && errno != EAGAIN && errno != EINTR) m_gone = true;
    data.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return data;
  }
  bool input_ended() const override { return m_input_ended; }
  bool gone() const override { return m_gone; }
  // A peer that only shut its sending side down is no hang-up.
  bool left() const override {
    pollfd polled{m_fd.get(), 0, 0};
    return ::poll(&polled, 1, 0) == 1 && (polled.revents & POLLHUP) != 0;
  }
  int fd() const override { return m_fd.get(); }

private:
  io::Fd m_fd;
  bool m_input_ended = false;
  bool m_gone = false;
};

class PipesEnd : public ChannelEnd {
public:
  explicit PipesEnd(std::shared_ptr<io::Pipes> pipes) : m_pipes(std::move(pipes)) {}

  bool take_out(std::string& data) override {
    const auto count = std::min(data.size(), m_pipes->room());
    if (count == 0) return false;
    m_pipes->put_out(std::string_view(data).substr(0, count));
    data.erase(0, count);
    return true;
  }
  void take_err(std::string_view data) override { m_pipes->put_err(data); }
  void out_ended() override { m_pipes->out_ended(); }
  void ended(int exit_code, std::string signal) override { m_pipes->ended(exit_code, std::move(signal)); }
  void failed(const core::Error& error) override { m_pipes->failed(error); }
  std::string input(std::size_t limit) override { return m_pipes->take_input(limit); }
  bool input_ended() const override { return m_pipes->input_ended(); }
  bool gone() const override { return m_pipes->abandoned(); }

private:
  std::shared_ptr<io::Pipes> m_pipes;
};

}  // namespace

std::unique_ptr<ChannelEnd> make_channel_end(io::Fd fd) {
  return std::make_unique<FdEnd>(std::move(fd));
}

std::unique_ptr<ChannelEnd> make_channel_end(std::shared_ptr<io::Pipes> pipes) {
  return std::make_unique<PipesEnd>(std::move(pipes));
}

}  // namespace bgdeploy::ssh
