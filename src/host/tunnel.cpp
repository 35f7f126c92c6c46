#include "bgdeploy/host/tunnel.hpp"

#include "relay.hpp"

namespace bgdeploy::host {
namespace {

class RelayedTunnel final : public Tunnel {
public:
  RelayedTunnel(std::unique_ptr<Relay> relay, int port) : m_relay(std::move(relay)), m_port(port) {}
  int port() const override { return m_port; }

private:
  std::unique_ptr<Relay> m_relay;
  int m_port;
};

}  // namespace

Result<std::unique_ptr<Tunnel>> open_tunnel(Host& host, const TcpEndpoint& endpoint) {
  BGDEPLOY_ASSIGN(const auto socket, host.socket_to(endpoint));
  BGDEPLOY_ASSIGN(auto relay, Relay::make());
  BGDEPLOY_ASSIGN(const int port, relay->listen_on_port(UnixEndpoint{socket.string()}));
  return std::make_unique<RelayedTunnel>(std::move(relay), port);
}

}  // namespace bgdeploy::host
