#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include "exchange.hpp"
#include "probers.hpp"

namespace bgdeploy::health {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

// How long a connection that leads nowhere may take to be hung up by docker's proxy, which sits beside the
// application; to this comes the way there and back.
constexpr auto k_patience = 100ms;
constexpr auto k_slice = 20ms;

class TcpProber final : public Prober {
public:
  TcpProber(const spec::Health& health, const Target& target)
      : m_direct(health.direct), m_timeout(health.timeout), m_target(target) {}

  Answer probe(const core::Wait& wait) override {
    const auto route = route_to(m_target, m_direct);
    if (!route) return failure(route.error(), m_timeout);
    Answer answer = connect(*route, wait.at_most(m_timeout));
    answer.asked = fmt::format("connecting to {}:{}", route->endpoint.address, route->endpoint.port);
    answer.silent = !answer.healthy && !answer.lost;
    return answer;
  }

private:
  Answer connect(const Route& route, const core::Wait& own) {
    const auto began = Steady::now();
    // A tunnel's own socket accepts at once, whatever is at its end.
    if (!m_direct && !m_target.host.reachable(route.endpoint, own)) return {false, "connection refused"};
    Exchange exchange;
    exchange.connect_to({route.endpoint.address, route.endpoint.port}, route.socket);
    curl_easy_setopt(exchange.easy(), CURLOPT_CONNECT_ONLY, 1L);
    if (const auto done = exchange.perform(own); !done) return failure(done.error(), m_timeout);
    const auto way = std::chrono::ceil<core::Duration>(Steady::now() - began);
    curl_socket_t socket = CURL_SOCKET_BAD;
    curl_easy_getinfo(exchange.easy(), CURLINFO_ACTIVESOCKET, &socket);
    if (socket == CURL_SOCKET_BAD) return {false, "connection closed at once"};
    return stays_open(socket, own.at_most(k_patience + 2 * way));
  }

  static Answer stays_open(curl_socket_t socket, const core::Wait& wait) {
    while (wait.left().count() > 0 && !wait.stop.stop_requested()) {
      pollfd polled{socket, POLLIN, 0};
      if (::poll(&polled, 1, static_cast<int>(k_slice.count())) <= 0) continue;
      char byte = 0;
      if (::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) return {true, "connected, and it speaks"};
      return {false, "accepted, then closed at once: nothing listens behind the published port yet"};
    }
    return {!wait.stop.stop_requested(), "connected"};
  }

  const bool m_direct;
  const core::Duration m_timeout;
  const Target m_target;
};

}  // namespace

std::unique_ptr<Prober> tcp_prober(const spec::Health& health, const Target& target) {
  return std::make_unique<TcpProber>(health, target);
}

}  // namespace bgdeploy::health
