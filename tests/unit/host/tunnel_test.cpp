#include "bgdeploy/host/tunnel.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "bgdeploy/io/fd.hpp"

namespace bgdeploy::host {
namespace {

using namespace std::chrono_literals;

sockaddr_in loopback_at(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

io::Fd connection_to(int port) {
  io::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{20, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const sockaddr_in address = loopback_at(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

std::string all_of_stream(const io::Fd& fd) {
  std::string text;
  char buffer[1024];
  for (ssize_t got = 0; (got = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

TEST(Tunnel, LeadsToThePortAsLongAsItIsHeld) {
  io::Fd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback_at(0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(server.get(), 5), 0);
  ::getsockname(server.get(), reinterpret_cast<sockaddr*>(&address), &size);
  const std::jthread answers([&] {
    for (int i = 0; i < 2; ++i) {
      const io::Fd client(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
      const std::string said = all_of_stream(client);
      ::send(client.get(), said.data(), said.size(), MSG_NOSIGNAL);
    }
  });
  spec::Host entry;
  entry.name = "local";
  entry.local = true;
  const auto host = connect(entry, Wait::for_at_most(20s));
  ASSERT_TRUE(host);
  auto tunnel = open_tunnel(**host, {"127.0.0.1", ntohs(address.sin_port)});
  ASSERT_TRUE(tunnel) << tunnel.error().message;
  const int port = (*tunnel)->port();
  const std::string words(300'000, 'x');
  for (int i = 0; i < 2; ++i) {
    const io::Fd client = connection_to(port);
    ASSERT_TRUE(client);
    const std::jthread sending([&] {
      ::send(client.get(), words.data(), words.size(), MSG_NOSIGNAL);
      ::shutdown(client.get(), SHUT_WR);
    });
    EXPECT_EQ(all_of_stream(client), words);
  }
  tunnel->reset();
  EXPECT_FALSE(connection_to(port));
}

TEST(Tunnel, AConnectionThatLeadsNowhereEndsAtOnce) {
  spec::Host entry;
  entry.name = "local";
  entry.local = true;
  const auto host = connect(entry, Wait::for_at_most(20s));
  const auto tunnel = open_tunnel(**host, {"127.0.0.1", 1});
  ASSERT_TRUE(tunnel);
  const io::Fd client = connection_to((*tunnel)->port());
  ASSERT_TRUE(client);
  EXPECT_EQ(all_of_stream(client), "");
}

}  // namespace
}  // namespace bgdeploy::host
