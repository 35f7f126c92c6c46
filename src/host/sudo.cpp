#include "bgdeploy/host/sudo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::host {
namespace {

using core::ErrorKind;

enum class Why { password, terminal, nobody, command, broken };

struct Refusal {
  std::string_view words;
  Why why;
};

// Of sudo 1.8 to 1.9 and of sudo-rs, with LC_ALL=C. Both end with 1 in all these cases, as commands do too.
constexpr std::array<Refusal, 22> k_refusals{{
    {"sudo: a password is required", Why::password},
    {": interactive authentication is required", Why::password},  // sudo-rs
    {"sudo: a terminal is required", Why::terminal},
    {"sudo: no tty present", Why::terminal},
    {"sudo: sorry, you must have a tty", Why::terminal},
    {" is not in the sudoers file", Why::nobody},
    {" is not allowed to run sudo", Why::nobody},
    {" may not run sudo on ", Why::nobody},
    {"sudo: sorry, you are not allowed to", Why::command},
    {" is not allowed to execute ", Why::command},
    {"Sorry, user ", Why::command},
    {". I'm afraid I can't do that", Why::command},  // sudo-rs
    {"sudo: no valid sudoers sources found", Why::broken},
    {"sudo: account validation failure", Why::broken},
    {"sudo: Account expired", Why::broken},
    {"sudo: PAM account management error", Why::broken},
    {"sudo: effective uid is not 0", Why::broken},
    {"must be owned by uid 0 and have the setuid bit set", Why::broken},
    {"sudo: The \"no new privileges\" flag is set", Why::broken},
    {"sudo: unable to initialize policy plugin", Why::broken},
    {"sudo: error initializing audit plugin", Why::broken},
    {"sudo: fatal error, unable to load plugins", Why::broken},
}};

const Refusal* refusal_in(std::string_view text) {
  const auto* found = std::ranges::find_if(
      k_refusals, [&](const Refusal& one) { return text.find(one.words) != std::string_view::npos; });
  return found == k_refusals.end() ? nullptr : found;
}

using Commands = std::vector<std::vector<std::string>>;

Commands usual_commands(std::string_view program) {
  if (program == "docker")
    return {{"docker", "--version"}, {"docker", "version"}, {"docker", "system", "dial-stdio"}};
  if (program == "nginx")
    return {{"nginx", "-V"}, {"nginx", "-t"}, {"nginx", "-T"}, {"nginx", "-s", "reload"}};
  return {};
}

// Programs without a path where Debian has them. What a shell may run, no narrower rule says.
std::string rule_for(const Commands& commands) {
  std::string rule;
  for (const auto& command : commands) {
    const std::string& program = command.front();
    if (program == "sh") return "ALL";
    if (!rule.empty()) rule += ", ";
    if (!program.starts_with('/')) rule += program == "nginx" ? "/usr/sbin/" : "/usr/bin/";
    rule += for_sudoers(program);
    for (std::size_t i = 1; i < command.size(); ++i) rule += " " + for_sudoers(command[i]);
  }
  return rule.empty() ? "ALL" : core::printable(rule);
}

std::string message_of(Why why, const Login& at, const std::string& program) {
  const std::string who = at.user.empty() ? "the login" : core::printable(at.user);
  switch (why) {
    case Why::password:
      return fmt::format("{}: sudo wants a password to run {}", at.host, program);
    case Why::terminal:
      return fmt::format("{}: sudo wants a terminal to run {} (requiretty)", at.host, program);
    case Why::nobody:
      return fmt::format("{}: {} may not use sudo", at.host, who);
    case Why::command:
      return fmt::format("{}: sudo does not let {} run {}", at.host, who, program);
    case Why::broken:
      break;
  }
  return fmt::format("{}: sudo does not work", at.host);
}

std::string way_out(Why why, const Login& at, const std::string& rule) {
  const std::string who = at.user.empty() ? "LOGIN" : core::printable(at.user);
  if (why == Why::broken) return fmt::format("mend sudo on {}: sudo -l there says the same", at.host);
  if (why == Why::terminal)
    return fmt::format("add this line to /etc/sudoers.d/bgdeploy on {}: Defaults:{} !requiretty", at.host,
                       who);
  return fmt::format("add this line to /etc/sudoers.d/bgdeploy on {}: {} ALL=(root) NOPASSWD: {}", at.host,
                     who, rule);
}

}  // namespace

bool refused_by_sudo(std::string_view text) {
  return refusal_in(text) != nullptr;
}

// sudoers(5): these end a word there.
std::string for_sudoers(std::string_view word) {
  std::string text;
  for (const char c : word) {
    if (std::string_view(",:=\\ ").find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
  return text;
}

core::Error sudo_refusal(const Login& at, std::string_view program, std::string_view words,
                         const std::vector<std::vector<std::string>>& commands) {
  const Refusal* refusal = refusal_in(words);
  const Why why = refusal == nullptr ? Why::command : refusal->why;
  const auto printable = core::printable(program);
  const std::string rule = rule_for(commands.empty() ? usual_commands(program) : commands);
  core::Error error{ErrorKind::denied, message_of(why, at, printable), {}, way_out(why, at, rule)};
  // Its warnings, as of a host name that cannot be resolved, are none of the cause.
  for (const auto& line : core::split_lines(core::trim(words)))
    if (refusal == nullptr ? !core::trim(line).empty() : refused_by_sudo(line))
      error.details.push_back(core::printable(core::trim(line)));
  if (why == Why::broken || why == Why::terminal) return error;
  if (rule == "ALL")
    error.details.emplace_back(
        "`sudo: true`, and compose through sudo, run a shell, which no narrower rule allows");
  return error;
}

std::optional<core::Error> sudo_refusal(const Login& at, const std::vector<std::string>& argv,
                                        const Output& output) {
  if (argv.size() < 4 || argv.front() != "sudo" || output.ok()) return {};
  const auto program = std::string_view(argv[3]).substr(argv[3].rfind('/') + 1);
  constexpr int k_not_found = 127, k_not_executable = 126;
  const bool no_sudo = output.exit_code == k_not_found && output.err.find("sudo: ") != std::string::npos &&
                       output.err.find("not found") != std::string::npos;
  if (no_sudo)
    return core::Error{ErrorKind::denied,
                       fmt::format("{}: sudo is not installed, but the spec wants it", at.host),
                       {},
                       "install sudo there, or take ssh.sudo out of the spec and log in as root"};
  // A shell that may start nothing: the rule's NOEXEC.
  if (output.exit_code == k_not_executable && program == "sh")
    return core::Error{ErrorKind::denied,
                       fmt::format("{}: sudo runs sh, but lets it start no command (NOEXEC)", at.host),
                       {},
                       fmt::format("take NOEXEC out of the rule in sudoers on {}", at.host)};
  if (output.exit_code != 1 || !refused_by_sudo(output.err)) return {};
  return sudo_refusal(at, program, output.err);
}

}  // namespace bgdeploy::host
