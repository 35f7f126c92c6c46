#include <algorithm>
#include <filesystem>
#include <mutex>
#include <random>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/host/sudo.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/proxy/nginx.hpp"
#include "bgdeploy/proxy/nginx_command.hpp"
#include "docker_command.hpp"
#include "look.hpp"
#include "refusal.hpp"
#include "script.hpp"
#include "scripts.hpp"
#include "switch.hpp"
#include "way.hpp"

namespace bgdeploy::proxy {
namespace {

using core::ErrorKind;

std::unexpected<core::Error> refused(std::string message, std::vector<std::string> details = {},
                                     std::string next = {}) {
  return core::fail(ErrorKind::refused, std::move(message), std::move(details), std::move(next));
}

std::unexpected<core::Error> unreadable(const Observation& observed, const std::string& path) {
  return refused(fmt::format("{} may not read {}", observed.user, path), {},
                 fmt::format("make it readable for {}, or set ssh.sudo: true", observed.user));
}

std::string folder_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

Result<void> check_folder(const Observation& observed) {
  const std::string& path = observed.file.path;
  const auto folder = folder_of(path);
  if (observed.file.state == "other") return refused(fmt::format("{} is not a file", path));
  if (observed.folder == "missing" && observed.uid != 0)
    return refused(fmt::format("the folder {} does not exist, or {} may not see it", folder, observed.user),
                   {}, fmt::format("create it: sudo install -d -o {} {}", observed.user, folder));
  if (observed.folder == "missing")
    return refused(fmt::format("the folder {} does not exist", folder), {}, "create it: mkdir " + folder);
  if (observed.folder == "unwritable" && observed.uid == 0)
    return refused(fmt::format("the folder {} is read-only", folder));
  if (observed.folder == "unwritable")
    return refused(fmt::format("{} may not write in {}", observed.user, folder), {},
                   fmt::format("make the folder writable for {}, or set ssh.sudo: true", observed.user));
  if (observed.folder == "mounted")
    return refused(fmt::format("{} is mounted by itself and cannot be replaced", path), {},
                   "mount its folder instead");
  if (observed.folder == "immutable") return refused(fmt::format("{} is read-only or immutable", path));
  return {};
}

// What was found, and what follows from it.
struct Seen {
  Observation observed;
  std::optional<plan::Traffic> traffic{};
  bool outdated = false;
  bool blames_include = false;  // nginx complains about the file that a switch writes
  bool repaired = false;        // and the next switch writes it anew
  std::optional<SiteAnswer> sites{};

  std::optional<std::size_t> live() const { return traffic ? traffic->live() : std::nullopt; }
};

// Whether the test failed for a right that only root has, as in "(13: Permission denied)".
bool lacks_rights(const Observation& observed) {
  return observed.uid != 0 && std::ranges::any_of(observed.test_output, [](const std::string& line) {
           return line.find("[emerg]") != std::string::npos && line.find("(13: ") != std::string::npos;
         });
}

// A shell exits with 127 if it cannot find a command (POSIX, 2.8.2), and so does docker exec; sudo does not.
bool lacks_program(const Observation& observed) {
  return observed.test_status == 127 || (observed.test_status == 1 && observed.test_output.size() == 1 &&
                                         observed.test_output.front().starts_with("sudo: ") &&
                                         observed.test_output.front().ends_with(": command not found"));
}

std::unexpected<core::Error> not_installed(const Seen& seen, const spec::Spec& spec,
                                           const std::string& host) {
  const spec::Nginx& nginx = spec.nginx;
  const std::string& program = nginx.test.front();
  if (nginx.container)
    return refused(fmt::format("{} is not installed in the container {}", program, *nginx.container),
                   seen.observed.test_output, "set proxy.nginx.container to the one that runs nginx");
  if (program != "nginx")
    return refused(fmt::format("{} was not found on {}", program, host), {},
                   "set proxy.nginx.test to a command that is there");
  return refused(
      fmt::format("nginx is not installed on {}", host), {},
      "install nginx there (Debian, Ubuntu: sudo apt install nginx), or set proxy.nginx.container where it "
      "runs in one");
}

// After a first deploy it means that nobody is served.
std::unexpected<core::Error> not_running(const Seen& seen, const spec::Spec& spec, const std::string& host) {
  const Observation& observed = seen.observed;
  core::Error error = plan::nobody_is_served(spec, host);
  if (!observed.file.there()) error.kind = ErrorKind::refused, error.message = plan::not_running(spec, host);
  const auto& container = spec.nginx.container;
  if (container && observed.container_state != "running")
    error.message +=
        fmt::format(": the container {} is not running ({})", *container, observed.container_state);
  else if (container)
    error.message += fmt::format(": its master is not among the processes of the container {}", *container);
  if (observed.test_status != 0) error.details = observed.test_output;
  if (!container && !observed.pid_file.empty())
    error.details.push_back(fmt::format("pid file: {}", core::printable(observed.pid_file)));
  return std::unexpected(std::move(error));
}

std::unexpected<core::Error> refuses_itself(const Seen& seen, const std::string& host, bool through_sudo) {
  const Observation& observed = seen.observed;
  if (lacks_rights(observed) && !through_sudo)
    return refused(fmt::format("nginx -t needs root on {}", host), observed.test_output,
                   "set ssh.sudo: [nginx]");
  // Where the include itself is what nginx does not take, the site says why.
  if (seen.blames_include && seen.sites && seen.sites->problem) {
    core::Error error = *seen.sites->problem;
    error.details = observed.test_output;
    return std::unexpected(std::move(error));
  }
  return refused(fmt::format("nginx on {} refuses its configuration as it stands", host),
                 observed.test_output, "mend the file that it names: nginx -t tells when it is right");
}

Result<void> check_nginx(const Seen& seen, const spec::Spec& spec, const host::Host& host) {
  const Observation& observed = seen.observed;
  const spec::Nginx& nginx = spec.nginx;
  const bool stopped = nginx.container && observed.container_state != "running";
  if (lacks_program(observed) && !stopped) return not_installed(seen, spec, host.name());
  const bool first_deploy = !observed.file.there();
  if (stopped) return not_running(seen, spec, host.name());
  if (observed.test_status != 0 && !seen.repaired && (!first_deploy || lacks_rights(observed)))
    return refuses_itself(seen, host.name(), !host.prefix(host::Tool::nginx).empty());
  if (!observed.running) return not_running(seen, spec, host.name());
  if (observed.masters.size() > 1)
    return refused(
        fmt::format("nginx on {} is being upgraded: its master {} keeps the configuration that it has beside "
                    "master {}",
                    host.name(), observed.masters.front().pid, observed.masters.back().pid),
        {},
        fmt::format(
            "finish the upgrade (kill -QUIT {0}) or undo it (kill -HUP {0}, then kill -QUIT {1}), then run "
            "this again",
            observed.masters.front().pid, observed.masters.back().pid));
  if (observed.test_status == 0 && !first_deploy && !observed.included && !seen.sites)
    return refused(fmt::format("no nginx file on {} includes {}", host.name(),
                               nginx.sites ? observed.file.path : nginx.include));
  return {};
}

// Both slots' sources must exist, since a rollback copies the other one. Each must send requests to its own
// slot: elsewhere nobody knows who answers.
Result<void> check_sites(const spec::Spec& spec, const std::array<Routing, 2>& slots,
                         const Observation& observed) {
  if (!spec.nginx.sites) return {};
  for (std::size_t slot = 0; slot < observed.sites.size(); ++slot) {
    const Found& from = observed.sites[slot].from;
    const auto& name = spec.slots[slot].name;
    if (!from.there()) return refused(fmt::format("{}, the site of {}, does not exist", from.path, name));
    if (from.state == "unreadable") return unreadable(observed, from.path);
    if (from.state != "file") return refused(fmt::format("{} is not a file", from.path));
    const std::string port =
        slots[slot].empty() ? std::to_string(spec.slots[slot].port) : slots[slot].front().port;
    if (!names_port(from.content, port))
      return refused(
          fmt::format("{} does not name port {}, on which {} answers: it would send requests elsewhere",
                      from.path, port, name));
  }
  return {};
}

// Both sites if both are in place, so that a reader sees them.
std::string text_of(const Observation& observed) {
  const auto& [first, second] = observed.sites;
  if (first.to.path == second.to.path || !first.to.there() || !second.to.there())
    return observed.file.content;
  return fmt::format("{}:\n{}{}:\n{}", first.to.path, first.to.content, second.to.path, second.to.content);
}

class NginxProxy final : public Proxy {
public:
  NginxProxy(host::Host& host, const spec::Spec& spec) : m_host(host), m_spec(spec) {}

  Result<std::string> begin_to_look(const std::vector<std::string>& script,
                                    const std::function<std::string()>& last, const Wait& wait) override {
    BGDEPLOY_ASSIGN(auto process, m_host.start(look_command(script), wait));
    Result<std::string> printed;
    if (!script.empty()) {
      (void)process->write(last() + '\n');  // a command that has ended prints nothing
      printed = printed_first(*process, wait);
    }
    const std::scoped_lock one_at_a_time(m_looking);
    m_begun = {std::move(process)};
    m_host.when_crowded([waiting = std::weak_ptr(m_waiting)] {
      if (const auto alive = waiting.lock()) alive->take();
    });
    return printed;
  }

  void look_now() override {
    const std::scoped_lock one_at_a_time(m_looking);
    if (m_begun.process) m_begun.looks = m_begun.process->write("look\n").has_value();
  }

  Result<plan::ProxyHost> observe(const std::array<Routing, 2>& slots, const Wait& wait) override {
    // App hosts that run side by side may each want to observe it.
    const std::scoped_lock one_at_a_time(m_looking);
    m_slots = slots;
    BGDEPLOY_ASSIGN(const Seen now, look(false, wait));
    m_fresh = now;
    const Observation& observed = now.observed;
    const Found& file = observed.file;
    plan::ProxyHost seen{.host = m_host.name(), .include = file.path, .text = text_of(observed)};
    seen.written = file.there();
    seen.unfinished = observed.unfinished;
    seen.reload_pending = observed.reload_pending;
    seen.leaving = observed.leaving;
    seen.running = observed.running;
    seen.masters = observed.masters;
    if (now.sites) {
      seen.fronts = seen_from_host(now.sites->fronts, m_spec.nginx, m_inside);
      seen.claims = now.sites->claims;
      seen.notes = now.sites->notes;
      if (now.sites->problem) seen.notes.push_back(now.sites->problem->message);
    }
    if (observed.dump_too_long)
      seen.notes.push_back(
          "nginx's configuration is larger than 5 MB, so it was not checked that a site uses what is "
          "switched");
    if (!file.there()) return seen;
    if (file.state == "unreadable") return within(unreadable(observed, file.path));
    seen.traffic = now.traffic;
    seen.outdated = now.outdated;
    return seen;
  }

  // The first check after an observe() uses what that one found: both need the same command, and each command
  // costs a login shell.
  Result<void> check(const Wait& wait) override {
    const std::scoped_lock one_at_a_time(m_looking);
    const auto fresh = std::exchange(m_fresh, std::nullopt);
    if (fresh && fresh->observed.masters.size() < 2)
      if (const auto checked = judge(*fresh); checked) return checked;
    // A refusal is checked again: somebody may have been writing, and docker may lose the end of a short
    // command's output.
    BGDEPLOY_ASSIGN(const Seen seen, look(true, wait));
    return judge(seen);
  }

  Result<std::unique_ptr<Switch>> stage(std::size_t slot, const std::string& content,
                                        const Wait& wait) override {
    if (content.find('\0') != std::string::npos)
      return core::fail(ErrorKind::usage, "the include's content has a NUL byte in it");
    std::unique_lock alone(m_looking);
    const std::string order = order_to_stage(slot, m_pid_file, content);
    const Explain explain = explanation(slot, content);
    alone.unlock();
    std::optional<Conversation> conversation;
    const auto asked = [&](std::unique_ptr<host::Process> process) {
      (void)process->write(order);  // one that has ended says so when it is listened to
      conversation.emplace(std::move(process));
      return conversation->answer("staged", wait);
    };
    Result<Settings> staged;
    if (auto waiting = m_waiting->take()) staged = asked(std::move(waiting));
    // What waited may have ended.
    if (!conversation || (!staged && staged.error().kind == ErrorKind::denied && !conversation->begun())) {
      conversation.reset();
      auto process = m_host.start(script_command(settings_for(m_host, m_spec), scripts::k_switch), wait);
      if (!process) return within(std::unexpected(process.error()));
      staged = asked(*std::move(process));
    }
    if (!staged) {
      // However the script ended, without a commit the live file has not changed.
      auto error = std::move(staged).error();
      if (error.kind == ErrorKind::inconsistent) error.kind = ErrorKind::refused;
      const std::string before = error.message;
      error = explain(std::move(error));
      if (error.message != before) return std::unexpected(std::move(error));
      return within(std::unexpected(std::move(error)));
    }
    alone.lock();
    if (!m_slots || !m_last) return make_switch(*std::move(conversation), {}, explain);
    const auto look_at_new = [this, slot](const Settings& lines) {
      Observation observed = *m_last;
      if (const auto name = lines.find("read_as"); name != lines.end()) observed.read_as = name->second;
      const auto dump = lines.find(">");
      return problem_after_switch(asked_about(), dump == lines.end() ? "" : dump->second, slot, observed);
    };
    return make_switch(*std::move(conversation), look_at_new, explain);
  }

  Result<void> recover(bool keep, const Wait& wait) override {
    auto settings = known_settings();
    settings["keep"] = keep ? "1" : "0";
    BGDEPLOY_TRY(converse(settings, scripts::k_recover, "recovered", wait));
    return {};
  }

  Result<std::optional<Way>> way_to(const Backend& backend, const Wait& wait) override {
    return within(proxy::way_to(m_host, m_spec, m_inside, backend, wait));
  }

  Result<std::vector<std::string>> networks(const Wait& wait) override {
    return within(networks_of(m_host, m_spec, wait));
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
    if (auto checked = check_nginx(seen, m_spec, m_host); !checked)
      return std::unexpected(unless_sudo(std::move(checked.error())));
    if (auto checked = check_folder(seen.observed); !checked) return within(std::move(checked));
    if (auto checked = check_sites(m_spec, m_slots.value_or(std::array<Routing, 2>{}), seen.observed);
        !checked)
      return within(std::move(checked));
    if (seen.sites && seen.sites->problem) return std::unexpected(*seen.sites->problem);
    return {};
  }

  // Errors name their proxy.
  template <class T>
  Result<T> within(Result<T> result) const {
    if (!result) return within(std::unexpected(std::move(result).error()));
    return result;
  }
  std::unexpected<core::Error> within(std::unexpected<core::Error> error) const {
    return std::unexpected(unless_sudo(std::move(error).error()).within(m_host.name()));
  }
  core::Error unless_sudo(core::Error cause) const {
    // Inside a script sudo refused nginx's command, or docker's.
    const auto refused = std::ranges::find_if(cause.details, host::refused_by_sudo);
    if (refused == cause.details.end()) return cause;
    const bool for_all = !m_host.prefix(host::Tool::other).empty();
    const auto words = fmt::format("{}", fmt::join(cause.details, "\n"));
    if (for_all) return host::sudo_refusal({m_host.name(), m_host.login()}, "sh", words);
    return host::sudo_refusal({m_host.name(), m_host.login()}, m_spec.nginx.container ? "docker" : "nginx",
                              words, commands_to_allow(m_spec.nginx, docker_command(m_host, m_spec)));
  }

  // That looks when it is told so, after it has run `script`, and can switch then.
  host::Command look_command(const std::vector<std::string>& script) const {
    auto settings = settings_for(m_host, m_spec);
    settings["looks"] = m_looked;
    std::string text;
    if (!script.empty())
      text =
          fmt::format("IFS= read -r last\n(set -- {} \"$last\"\n{}\n) </dev/null\nprintf '\\n{}%s\\n' $?\n",
                      core::shell_join(std::span(script).subspan(4)), script.at(2), k_printed);
    text += "read -r word && [ \"$word\" = look ] || exit 0\n";
    return script_command(settings, text + std::string(scripts::k_switch));
  }

  // What comes before the line that begins with `last` and ends with an exit code. Nothing follows that one.
  static Result<host::Output> up_to(std::string_view last, host::Process& process, const Wait& wait) {
    host::Output output;
    std::string& out = output.out;
    while (true) {
      BGDEPLOY_ASSIGN(const auto piece, process.read_piece(wait));
      if (!piece) return core::fail(ErrorKind::lost, "the command ended early");
      out += *piece;
      if (!out.ends_with('\n')) continue;
      const auto line = out.rfind('\n', out.size() - 2) + 1;
      if (!std::string_view(out).substr(line).starts_with(last)) continue;
      output.exit_code =
          core::leading_number<int>(std::string_view(out).substr(line + last.size())).value_or(-1);
      out.resize(line);
      return output;
    }
  }

  static Result<std::string> printed_first(host::Process& process, const Wait& wait) {
    BGDEPLOY_ASSIGN(auto output, up_to(k_printed, process, wait));
    if (!output.ok()) return core::fail(ErrorKind::refused, "the script failed");
    output.out.pop_back();  // a line break of ours
    return std::move(output.out);
  }

  // If `patiently`, waits for an upgrade of nginx to end.
  Result<Observation> ask(bool patiently, const Wait& wait) {
    Begun begun = std::exchange(m_begun, {});
    if (!patiently && begun.looks)
      if (const auto output = up_to(fmt::format("looked {} ", m_looked), *begun.process, wait))
        if (auto observed = parse_observation(*output)) {
          m_waiting->put(std::move(begun.process));
          if (m_host.crowded()) m_waiting->take();
          return observed;
        }
    auto settings = settings_for(m_host, m_spec);
    if (!patiently) settings["upgrade_patience"] = "0";
    BGDEPLOY_ASSIGN(const auto output, m_host.run(script_command(settings, scripts::k_observe), wait));
    return parse_observation(output);
  }

  // Without these commands no process may be found, which says nothing about nginx. In the script sudo's
  // words look like nginx's.
  Result<void> may_look(const Wait& wait) {
    // With sudo for everything the script already runs as root.
    if (m_spec.nginx.container || m_host.prefix(host::Tool::nginx) == m_host.prefix(host::Tool::other))
      return {};
    const auto command = nginx_command(m_spec.nginx);
    for (const auto& argv : {command.version, command.dump})
      BGDEPLOY_TRY(m_host.run({argv, host::Tool::nginx, {}}, wait));
    return {};
  }

  Result<Seen> look(bool patiently, const Wait& wait) {
    auto observed = ask(patiently, wait);
    if (!observed) return within(std::unexpected(observed.error()));
    if (!observed->running) BGDEPLOY_TRY(within(may_look(wait)));
    m_pid_file = observed->pid_file;
    m_inside = observed->inside;
    Seen seen{.observed = std::move(*observed)};
    if (m_slots) {
      const Subject subject = asked_about();
      if (seen.observed.file.state == "file") seen.traffic = traffic_of(subject, seen.observed);
      seen.outdated = seen.live() && is_outdated(subject, seen.observed, *seen.live());
      seen.blames_include = complains_of_own_file(subject, seen.observed);
      seen.repaired = seen.outdated && seen.blames_include;
      seen.sites = look_at_sites(subject, seen.observed, seen.live());
    }
    seen.observed.dump.clear();
    m_last = seen.observed;
    return seen;
  }

  // Says, where nginx refuses what was written for it, which line that is. A switch may outlive its proxy.
  Explain explanation(std::size_t slot, const std::string& content) const {
    std::vector<std::string> names{m_spec.nginx.include};
    if (m_last) names.insert(names.end(), {m_last->file.path, m_last->read_as, m_last->sites[slot].to.path});
    std::string text = m_spec.nginx.sites && m_last ? m_last->sites[slot].from.content : content;
    spec::Nginx nginx = m_spec.nginx;
    if (nginx.sites)
      nginx.sites->from = core::substitute(nginx.sites->from, plan::substitutions(m_spec, slot, "", "", ""));
    return [nginx = std::move(nginx), host = m_host.name(), names = std::move(names), text = std::move(text)](
               core::Error error) { return explain_refusal(std::move(error), nginx, host, names, text); };
  }

  Subject asked_about() const { return {m_spec, m_host.name(), m_host.address(), *m_slots}; }

  // Once the pid file is known, the scripts do not ask nginx for it: reading a large configuration takes
  // long.
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

  // The shell that has looked, until a switch takes it up, or other commands want its place.
  class Waiting {
  public:
    void put(std::unique_ptr<host::Process> process) {
      const std::scoped_lock lock(m_mutex);
      m_process = std::move(process);
    }
    std::unique_ptr<host::Process> take() {
      const std::scoped_lock lock(m_mutex);
      return std::move(m_process);
    }

  private:
    std::mutex m_mutex;
    std::unique_ptr<host::Process> m_process;
  };

  // A command that has been started for an observe() to come.
  struct Begun {
    std::unique_ptr<host::Process> process{};
    bool looks = false;
  };
  static constexpr std::string_view k_printed = "bgdeploy printed this with exit code ";

  host::Host& m_host;
  spec::Spec m_spec;
  std::mutex m_looking;
  Begun m_begun;
  // In the line at the end of a look, since nginx's configuration before it may have any line.
  const std::string m_looked = fmt::format("{:08x}", std::random_device()());
  const std::shared_ptr<Waiting> m_waiting = std::make_shared<Waiting>();
  std::string m_pid_file;
  Inside m_inside;
  std::optional<std::array<Routing, 2>> m_slots;  // what observe() was asked about
  std::optional<Observation> m_last;              // without its dump
  std::optional<Seen> m_fresh;                    // what observe() found, until check() has used it
};

}  // namespace

std::unique_ptr<Proxy> nginx_on(host::Host& host, const spec::Spec& spec) {
  return std::make_unique<NginxProxy>(host, spec);
}

}  // namespace bgdeploy::proxy
