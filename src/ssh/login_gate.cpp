#include "login_gate.hpp"

#include <fmt/format.h>

#include <condition_variable>
#include <map>
#include <mutex>

#include "bgdeploy/io/wakeup.hpp"

namespace bgdeploy::ssh {
namespace {

constexpr int k_at_once = 8;

struct Gate {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::map<std::string, int> under_way;
};

Gate& gate() {
  static Gate gate;
  return gate;
}

}  // namespace

core::Result<LoginTurn> LoginTurn::take(const std::string& host, int port, const core::Wait& wait) {
  auto server = fmt::format("{} port {}", host, port);
  std::unique_lock lock(gate().mutex);
  auto& count = gate().under_way[server];
  if (!gate().changed.wait_until(lock, wait.stop, wait.deadline, [&] { return count < k_at_once; }))
    return std::unexpected(io::wait_error(wait, fmt::format("other logins to {}", server)));
  ++count;
  return LoginTurn(std::move(server));
}

LoginTurn::~LoginTurn() {
  if (m_server.empty()) return;
  const std::lock_guard lock(gate().mutex);
  --gate().under_way[m_server];
  gate().changed.notify_all();
}

}  // namespace bgdeploy::ssh
