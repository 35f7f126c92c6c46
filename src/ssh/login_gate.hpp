// Limits the logins to one server that this process has under way. From 10 on sshd turns some away
// (MaxStartups 10:30:100), and a jump host in front of many hosts sees as many.
#pragma once

#include <string>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"

namespace bgdeploy::ssh {

class LoginTurn {
public:
  // Waits for a turn. Kinds timeout, cancelled.
  static core::Result<LoginTurn> take(const std::string& host, int port, const core::Wait& wait);
  LoginTurn(LoginTurn&& other) noexcept : m_server(std::exchange(other.m_server, {})) {}
  LoginTurn& operator=(LoginTurn&&) = delete;
  ~LoginTurn();

private:
  explicit LoginTurn(std::string server) : m_server(std::move(server)) {}
  std::string m_server;
};

}  // namespace bgdeploy::ssh
