#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/proxy/proxy.hpp"
#include "script.hpp"
#include "scripts.hpp"
#include "switch.hpp"

namespace bgdeploy::proxy {
namespace {

using core::ErrorKind;

Result<void> check_folder(const Probe& probe) {
  const auto folder = probe.path.substr(0, probe.path.rfind('/'));
  if (probe.state == "other")
    return core::fail(ErrorKind::refused, fmt::format("{} is not a file", probe.path));
  if (probe.folder == "missing")
    return core::fail(ErrorKind::refused, fmt::format("the include's folder {} does not exist", folder));
  if (probe.folder == "unwritable" && probe.uid == 0)
    return core::fail(ErrorKind::refused, fmt::format("the include's folder {} is read-only", folder));
  if (probe.folder == "unwritable")
    return core::fail(ErrorKind::refused,
                      fmt::format("{} may not write in {}: set `sudo: true`, or let it", probe.user, folder));
  if (probe.folder == "mounted")
    return core::fail(
        ErrorKind::refused,
        fmt::format("{} is mounted by itself and cannot be replaced: mount its folder instead", probe.path));
  if (probe.folder == "immutable")
    return core::fail(ErrorKind::refused, fmt::format("{} is read-only or immutable", probe.path));
  return {};
}

// 127 is the shell's word for a command that it cannot find (POSIX, 2.8.2).
Result<void> check_nginx(const Probe& probe, const spec::Nginx& nginx) {
  if (probe.test_status == 127)
    return core::fail(ErrorKind::refused, fmt::format("{} was not found", nginx.test.front()),
                      probe.test_output);
  const bool first_deploy = probe.state == "missing";
  if (probe.test_status != 0 && !first_deploy)
    return core::fail(ErrorKind::refused, "nginx refuses its configuration as it stands", probe.test_output);
  if (!probe.running)
    return core::fail(ErrorKind::refused,
                      fmt::format("nginx is not running (pid file {})", core::printable(probe.pid_file)),
                      probe.test_status == 0 ? std::vector<std::string>{} : probe.test_output);
  if (probe.test_status == 0 && !first_deploy && !probe.included)
    return core::fail(ErrorKind::refused,
                      fmt::format("nginx's configuration does not include {}", nginx.include));
  return {};
}

class NginxProxy final : public Proxy {
public:
  NginxProxy(host::Host& host, const spec::Nginx& nginx) : m_host(host), m_nginx(nginx) {}

  Result<std::string> folder(const Wait&) override {
    return std::filesystem::path(m_nginx.include).parent_path().string();
  }

  Result<plan::ProxyHost> observe(const std::array<Routing, 2>& slots, const Wait& wait) override {
    BGDEPLOY_ASSIGN(const Probe probe, look(wait));
    m_fresh = probe;
    plan::ProxyHost seen{.host = m_host.name(), .include = probe.path, .text = probe.content};
    seen.unfinished = probe.unfinished;
    seen.leaving = probe.leaving;
    if (probe.state == "missing") return seen;
    if (probe.state == "unreadable")
      return within(
          core::fail(ErrorKind::refused,
                     fmt::format("{} may not read {}: set `sudo: true`, or let it", probe.user, probe.path)));
    const auto live = read_back(m_nginx, probe.content, slots);
    seen.routing = live ? plan::ProxyHost::Routing::slot : plan::ProxyHost::Routing::unknown;
    seen.live = live.value_or(0);
    return seen;
  }

  // The first check after an observe() speaks of what that one saw: both need the same command, and a command
  // costs a login shell.
  Result<void> check(const Wait& wait) override {
    if (!m_fresh) {
      BGDEPLOY_ASSIGN(m_fresh, look(wait));
    }
    const Probe probe = *std::exchange(m_fresh, std::nullopt);
    if (auto checked = check_nginx(probe, m_nginx); !checked) return within(std::move(checked));
    return within(check_folder(probe));
  }

  Result<std::unique_ptr<Switch>> stage(std::size_t, const std::string& content, const Wait& wait) override {
    if (content.find('\0') != std::string::npos)
      return core::fail(ErrorKind::usage, "the include's content has a NUL byte in it");
    auto settings = known_settings();
    settings["content"] = content;
    auto process = m_host.start(script_command(settings, scripts::k_switch), wait);
    if (!process) return within(std::unexpected(process.error()));
    Conversation conversation(*std::move(process));
    if (auto staged = conversation.answer("staged", wait); !staged) {
      // However the script ended: without a commit the live file is as it was.
      auto error = std::move(staged).error();
      if (error.kind == ErrorKind::inconsistent) error.kind = ErrorKind::refused;
      return within(std::unexpected(std::move(error)));
    }
    return make_switch(std::move(conversation));
  }

  Result<void> settle(bool keep, const Wait& wait) override {
    auto settings = known_settings();
    settings["keep"] = keep ? "1" : "0";
    BGDEPLOY_TRY(converse(settings, scripts::k_settle, "settled", wait));
    return {};
  }

  Result<Drained> drain(const std::vector<plan::Worker>& old, const Routing& old_backends,
                        core::Duration timeout, const Wait& wait) override {
    if (old.empty()) return Drained{};
    auto settings = known_settings();
    settings["old_workers"] = format_workers(old);
    settings["drain_for"] = hundredths(timeout);
    settings["backends"] = fmt::format("{}", fmt::join(socket_patterns(old_backends), " "));
    BGDEPLOY_ASSIGN(const auto lines, converse(settings, scripts::k_drain, "drained", wait));
    return drained_from(lines);
  }

private:
  // An error says which proxy it is about.
  template <class T>
  Result<T> within(Result<T> result) const {
    if (!result) return std::unexpected(std::move(result).error().within(m_host.name()));
    return result;
  }
  std::unexpected<core::Error> within(std::unexpected<core::Error> error) const {
    return std::unexpected(std::move(error).error().within(m_host.name()));
  }

  Result<Probe> look(const Wait& wait) {
    auto output = m_host.run(script_command(settings_for(m_host, m_nginx), scripts::k_observe), wait);
    if (!output) return within(std::unexpected(output.error()));
    auto probe = parse_probe(*output);
    if (!probe) return within(std::unexpected(probe.error()));
    m_pid_file = probe->pid_file;
    return probe;
  }

  // With the pid file known nginx need not be asked for it again: reading a large configuration takes long.
  Settings known_settings() const {
    auto settings = settings_for(m_host, m_nginx);
    settings["pid_file"] = m_pid_file;
    return settings;
  }

  Result<Settings> converse(const Settings& settings, std::string_view script, std::string_view answer,
                            const Wait& wait) {
    auto process = m_host.start(script_command(settings, script), wait);
    if (!process) return within(std::unexpected(process.error()));
    return within(Conversation(*std::move(process)).answer(answer, wait));
  }

  host::Host& m_host;
  spec::Nginx m_nginx;
  std::string m_pid_file;
  std::optional<Probe> m_fresh;  // what observe() saw, until check() has used it
};

}  // namespace

std::unique_ptr<Proxy> nginx_on(host::Host& host, const spec::Spec& spec) {
  return std::make_unique<NginxProxy>(host, spec.nginx);
}

}  // namespace bgdeploy::proxy
