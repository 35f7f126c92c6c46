// A host on which nothing runs: a test says itself what of it is asked for.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bgdeploy/host/host.hpp"

namespace bgdeploy::host {

class IdleHost : public Host {
public:
  explicit IdleHost(std::string name = "web-1") : m_name(std::move(name)) {}
  const std::string& name() const override { return m_name; }
  const std::string& address() const override { return m_name; }
  core::Result<Output> run(const Command&, const core::Wait&) override { return unused(); }
  core::Result<std::unique_ptr<Process>> start(const Command&, const core::Wait&) override {
    return unused();
  }
  core::Result<void> write_file(const std::string&, std::string_view, const FileAttributes&,
                                const core::Wait&) override {
    return unused();
  }
  core::Result<std::filesystem::path> socket_to(const Endpoint&) override { return unused(); }
  bool reachable(const Endpoint&, const core::Wait&) override { return false; }
  std::vector<std::string> prefix(Tool) const override { return {}; }

private:
  static std::unexpected<core::Error> unused() {
    return core::fail(core::ErrorKind::internal, "not asked for");
  }
  const std::string m_name;
};

}  // namespace bgdeploy::host
