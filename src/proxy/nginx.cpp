#include <algorithm>
#include <filesystem>
#include <mutex>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/host/sudo.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/proxy/proxy.hpp"
#include "look.hpp"
#include "script.hpp"
#include "scripts.hpp"
#include "switch.hpp"
#include "way.hpp"

namespace bgdeploy::proxy {
namespace {

using core::ErrorKind;

std::unexpected<core::Error> refused(std::string message, std::vector<std::string> details = {}) {
  return core::fail(ErrorKind::refused, std::move(message), std::move(details));
}

std::string folder_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

Result<void> check_folder(const Probe& probe) {
  const std::string& path = probe.file.path;
  const auto folder = folder_of(path);
  if (probe.file.state == "other") return refused(fmt::format("{} is not a file", path));
  if (probe.folder == "missing" && probe.uid != 0)
    return refused(fmt::format("the folder {} does not exist, or {} may not see it", folder, probe.user));
  if (probe.folder == "missing") return refused(fmt::format("the folder {} does not exist", folder));
  if (probe.folder == "unwritable" && probe.uid == 0)
    return refused(fmt::format("the folder {} is read-only", folder));
  if (probe.folder == "unwritable")
    return refused(fmt::format("{} may not write in {}: set `sudo: true`, or let it", probe.user, folder));
  if (probe.folder == "mounted")
    return refused(
        fmt::format("{} is mounted by itself and cannot be replaced: mount its folder instead", path));
  if (probe.folder == "immutable") return refused(fmt::format("{} is read-only or immutable", path));
  return {};
}

// What was found, and what it means.
struct Seen {
  Probe probe;
  std::optional<std::size_t> live{};
  bool outdated = false;
  bool repaired = false;  // nginx complains of the very file that the next switch writes anew
  std::optional<SiteAnswer> sites{};
};

// 127 is the shell's word for a command that it cannot find (POSIX, 2.8.2), and docker exec's.
Result<void> check_nginx(const Seen& seen, const spec::Nginx& nginx) {
  const Probe& probe = seen.probe;
  if (probe.test_status == 127)
    return refused(fmt::format("{} was not found", nginx.test.front()), probe.test_output);
  const bool first_deploy = !probe.file.there();
  // Where there was a deploy before, nobody is served.
  const auto down = first_deploy ? ErrorKind::refused : ErrorKind::inconsistent;
  if (nginx.container && probe.container_state != "running")
    return core::fail(
        down, fmt::format("the container {} is not running ({})", *nginx.container, probe.container_state));
  if (probe.test_status != 0 && !first_deploy && !seen.repaired)
    return refused("nginx refuses its configuration as it stands", probe.test_output);
  if (!probe.running)
    return core::fail(
        down,
        nginx.container
            ? fmt::format("nginx's master is not among the processes of the container {}", *nginx.container)
            : fmt::format("nginx is not running (pid file {})", core::printable(probe.pid_file)),
        probe.test_status == 0 ? std::vector<std::string>{} : probe.test_output);
  if (probe.masters.size() > 1)
    return refused(
        fmt::format(
            "nginx is being upgraded: its master {} keeps the configuration that it has beside master {}",
            probe.masters.front().pid, probe.masters.back().pid),
        {fmt::format(
            "finish the upgrade (kill -QUIT {0}) or undo it (kill -HUP {0}, then kill -QUIT {1}), then run "
            "this again",
            probe.masters.front().pid, probe.masters.back().pid)});
  if (probe.test_status == 0 && !first_deploy && !probe.included && !seen.sites)
    return refused(fmt::format("nginx's configuration does not include {}",
                               nginx.sites ? probe.file.path : nginx.include));
  return {};
}

// What a site is copied from must be there for both slots, since there is a way back, and must send requests
// to its slot: elsewhere nobody knows who answers.
Result<void> check_sites(const spec::Spec& spec, const Probe& probe) {
  if (!spec.nginx.sites) return {};
  for (std::size_t slot = 0; slot < probe.sites.size(); ++slot) {
    const Found& from = probe.sites[slot].from;
    const auto& name = spec.slots[slot].name;
    if (!from.there()) return refused(fmt::format("{}, the site of {}, does not exist", from.path, name));
    if (from.state == "unreadable")
      return refused(fmt::format("{} may not read {}: set `sudo: true`, or let it", probe.user, from.path));
    if (from.state != "file") return refused(fmt::format("{} is not a file", from.path));
    const std::string port = spec.docker.host_ip == "none" ? plan::container_port(spec, slot)
                                                           : std::to_string(spec.slots[slot].port);
    if (!names_port(from.content, port))
      return refused(
          fmt::format("{} does not name port {}, on which {} answers: it would send requests elsewhere",
                      from.path, port, name));
  }
  return {};
}

// Both sites where both are there, so that whoever reads it sees them.
std::string text_of(const Probe& probe) {
  const auto& [first, second] = probe.sites;
  if (first.to.path == second.to.path || !first.to.there() || !second.to.there()) return probe.file.content;
  return fmt::format("{}:\n{}{}:\n{}", first.to.path, first.to.content, second.to.path, second.to.content);
}

class NginxProxy final : public Proxy {
public:
  NginxProxy(host::Host& host, const spec::Spec& spec) : m_host(host), m_spec(spec) {}

  Result<plan::ProxyHost> observe(const std::array<Routing, 2>& slots, const Wait& wait) override {
    // App hosts that are worked on side by side may each want to see it.
    const std::scoped_lock one_at_a_time(m_looking);
    m_slots = slots;
    BGDEPLOY_ASSIGN(const Seen now, look(false, wait));
    m_fresh = now;
    const Probe& probe = now.probe;
    const Found& file = probe.file;
    plan::ProxyHost seen{.host = m_host.name(), .include = file.path, .text = text_of(probe)};
    seen.unfinished = probe.unfinished;
    seen.unread = probe.unread;
    seen.leaving = probe.leaving;
    seen.running = probe.running;
    seen.masters = probe.masters;
    if (now.sites) {
      seen.fronts = seen_from_host(now.sites->fronts, m_spec.nginx, m_inside);
      seen.claims = now.sites->claims;
      seen.notes = now.sites->notes;
      if (now.sites->problem) seen.notes.push_back(now.sites->problem->message);
    }
    if (probe.dump_too_long)
      seen.notes.push_back(
          "nginx's configuration is larger than 5 MB, so it was not checked that a site uses what is "
          "switched");
    if (!file.there()) return seen;
    if (file.state == "unreadable")
      return within(
          refused(fmt::format("{} may not read {}: set `sudo: true`, or let it", probe.user, file.path)));
    seen.routing = now.live ? plan::ProxyHost::Routing::slot : plan::ProxyHost::Routing::unknown;
    seen.live = now.live.value_or(0);
    seen.outdated = now.outdated;
    return seen;
  }

  // The first check after an observe() speaks of what that one saw: both need the same command, and a command
  // costs a login shell.
  Result<void> check(const Wait& wait) override {
    const std::scoped_lock one_at_a_time(m_looking);
    const auto fresh = std::exchange(m_fresh, std::nullopt);
    if (fresh && fresh->probe.masters.size() < 2)
      if (const auto checked = judge(*fresh); checked) return checked;
    // What is refused is looked at again: somebody may have been writing, and docker may lose the end of what
    // a short command in a container prints.
    BGDEPLOY_ASSIGN(const Seen seen, look(true, wait));
    return judge(seen);
  }

  Result<std::unique_ptr<Switch>> stage(std::size_t slot, const std::string& content,
                                        const Wait& wait) override {
    if (content.find('\0') != std::string::npos)
      return core::fail(ErrorKind::usage, "the include's content has a NUL byte in it");
    auto settings = known_settings();
    settings["slot"] = fmt::format("{}", slot);
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
    if (!m_slots || !m_last) return make_switch(std::move(conversation));
    return make_switch(std::move(conversation), [this, slot](const Settings& lines) {
      Probe probe = *m_last;
      if (const auto name = lines.find("read_as"); name != lines.end()) probe.read_as = name->second;
      const auto dump = lines.find(">");
      return problem_after_switch(asked_about(), dump == lines.end() ? "" : dump->second, slot, probe);
    });
  }

  Result<void> settle(bool keep, const Wait& wait) override {
    auto settings = known_settings();
    settings["keep"] = keep ? "1" : "0";
    BGDEPLOY_TRY(converse(settings, scripts::k_settle, "settled", wait));
    return {};
  }

  Result<std::optional<Way>> way_to(const Backend& backend, const Wait& wait) override {
    return within(proxy::way_to(m_host, m_spec.nginx, m_inside, backend, wait));
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
  Result<void> judge(const Seen& seen) const {
    if (auto checked = check_nginx(seen, m_spec.nginx); !checked) return within(std::move(checked));
    if (auto checked = check_folder(seen.probe); !checked) return within(std::move(checked));
    if (auto checked = check_sites(m_spec, seen.probe); !checked) return within(std::move(checked));
    if (seen.sites && seen.sites->problem) return std::unexpected(*seen.sites->problem);
    return {};
  }

  // An error says which proxy it is about.
  template <class T>
  Result<T> within(Result<T> result) const {
    if (!result) return within(std::unexpected(std::move(result).error()));
    return result;
  }
  std::unexpected<core::Error> within(std::unexpected<core::Error> error) const {
    core::Error cause = std::move(error).error();
    // Inside of a script it is nginx's command, or docker's, that sudo did not run.
    const auto refused = std::ranges::find_if(cause.details, host::refused_by_sudo);
    if (refused != cause.details.end())
      return std::unexpected(host::sudo_refusal(m_host.name(), m_spec.nginx.container ? "docker" : "nginx",
                                                fmt::format("{}", fmt::join(cause.details, "\n"))));
    return std::unexpected(std::move(cause).within(m_host.name()));
  }

  // An upgrade of nginx that is under way is waited for, or not.
  Result<Seen> look(bool patiently, const Wait& wait) {
    auto settings = settings_for(m_host, m_spec);
    if (!patiently) settings["upgrade_patience"] = "0";
    auto output = m_host.run(script_command(settings, scripts::k_observe), wait);
    if (!output) return within(std::unexpected(output.error()));
    auto probe = parse_probe(*output);
    if (!probe) return within(std::unexpected(probe.error()));
    m_pid_file = probe->pid_file;
    m_inside = probe->inside;
    Seen seen{.probe = std::move(*probe)};
    if (m_slots) {
      const Subject subject = asked_about();
      if (seen.probe.file.state == "file") seen.live = live_slot(subject, seen.probe);
      seen.outdated = seen.live && is_outdated(subject, seen.probe, *seen.live);
      seen.repaired = seen.outdated && complains_of_own_file(subject, seen.probe);
      seen.sites = look_at_sites(subject, seen.probe, seen.live);
    }
    seen.probe.dump.clear();
    m_last = seen.probe;
    return seen;
  }

  Subject asked_about() const { return {m_spec, m_host.name(), m_host.address(), *m_slots}; }

  // With the pid file known nginx need not be asked for it again: reading a large configuration takes long.
  Settings known_settings() const {
    auto settings = settings_for(m_host, m_spec);
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
  spec::Spec m_spec;
  std::mutex m_looking;
  std::string m_pid_file;
  Inside m_inside;
  std::optional<std::array<Routing, 2>> m_slots;  // what observe() was asked about
  std::optional<Probe> m_last;                    // without its dump
  std::optional<Seen> m_fresh;                    // what it saw, until check() has used it
};

}  // namespace

std::unique_ptr<Proxy> nginx_on(host::Host& host, const spec::Spec& spec) {
  return std::make_unique<NginxProxy>(host, spec);
}

}  // namespace bgdeploy::proxy
