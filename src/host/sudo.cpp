#include "bgdeploy/host/sudo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::host {
namespace {

using core::ErrorKind;

// sudo has one exit code for them all, 1, which commands have too.
constexpr std::array<std::string_view, 12> k_refusals{
    "sudo: a password is required",
    "sudo: a terminal is required",
    "sudo: no tty present",
    "sudo: sorry, you must have a tty",
    "sudo: sorry, you are not allowed to",
    "Sorry, user ",
    " is not in the sudoers file",
    " is not allowed to run sudo",
    "sudo: no valid sudoers sources found",
    "sudo: account validation failure",
    "sudo: effective uid is not 0",
    "sudo: interactive authentication is required",
};

std::string rule_for(std::string_view program) {
  if (program == "docker")
    return "/usr/bin/docker --version, /usr/bin/docker version, /usr/bin/docker system dial-stdio";
  if (program == "nginx")
    return "/usr/sbin/nginx -t, /usr/sbin/nginx -T, /usr/sbin/nginx -V, /usr/sbin/nginx -v, /usr/sbin/nginx "
           "-s reload";
  return "ALL";
}

}  // namespace

bool refused_by_sudo(std::string_view text) {
  return std::ranges::any_of(k_refusals,
                             [&](const auto words) { return text.find(words) != std::string_view::npos; });
}

core::Error sudo_refusal(std::string_view host, std::string_view program, std::string_view words) {
  core::Error error{
      ErrorKind::denied,
      fmt::format("{}: sudo does not run {} without a password", host, core::printable(program)),
      {}};
  for (const auto& line : core::split_lines(core::trim(words)))
    if (!core::trim(line).empty()) error.details.push_back(core::printable(core::trim(line)));
  error.details.push_back(fmt::format(
      "allow it in /etc/sudoers.d there (visudo -cf FILE checks it): LOGIN ALL=(root) NOPASSWD: {}",
      rule_for(program)));
  if (rule_for(program) == "ALL")
    error.details.emplace_back(
        "`sudo: true`, and compose through sudo, run a shell, which no narrower rule allows");
  error.details.emplace_back("or take `sudo` out of the spec, where the login does not need it");
  return error;
}

std::optional<core::Error> sudo_refusal(std::string_view host, const std::vector<std::string>& argv,
                                        const Output& output) {
  if (argv.size() < 4 || argv.front() != "sudo" || output.ok()) return {};
  const auto program = std::string_view(argv[3]).substr(argv[3].rfind('/') + 1);
  constexpr int k_not_found = 127, k_not_executable = 126;
  const bool no_sudo = output.exit_code == k_not_found && output.err.find("sudo: ") != std::string::npos &&
                       output.err.find("not found") != std::string::npos;
  if (no_sudo)
    return core::Error{ErrorKind::denied,
                       fmt::format("{}: sudo is not installed, but the spec wants it", host),
                       {"install it there, or take `sudo` out of the spec and log in as root"}};
  // A shell that may start nothing: the rule's NOEXEC.
  const bool noexec = output.exit_code == k_not_executable && program == "sh";
  if (!noexec && !(output.exit_code == 1 && refused_by_sudo(output.err))) return {};
  return sudo_refusal(host, program, output.err);
}

}  // namespace bgdeploy::host
