// From what was found to a script: pure.
#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/deploy/setup.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/spec/runtime.hpp"
#include "rights.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using core::Result;

using Words = std::vector<std::string>;

bool runs_own_nginx(const spec::Spec& spec, const SetupHost& host) {
  return host.front && !spec.nginx.container;
}
// Where the spec names a socket, the engine is the user's own.
bool needs_docker(const spec::Spec& spec, const SetupHost& host) {
  return (host.app && !spec.docker_socket) || (host.front && spec.nginx.container);
}
bool is_root(const SetupHost& host) {
  return host.fact_of("uid") == "0";
}
bool in_sudo_mode(const spec::Sudo& sudo) {
  return sudo.all || sudo.docker || sudo.nginx;
}

// A line of sudoers; the shell finds out where the program is, as sudo will.
std::string rule(const SetupHost& host, const std::vector<Right>& rights) {
  Words all;
  for (const auto& [command, harmless] : rights) {
    const bool absolute = command.front().starts_with('/');
    std::string text = absolute ? core::shell_quote(host::for_sudoers(command.front()))
                                : fmt::format("\"$(command -v {})\"", core::shell_quote(command.front()));
    // An asterisk stands for any arguments.
    for (std::size_t i = 1; i < command.size(); ++i)
      text += core::shell_quote(" " + host::for_sudoers(command[i]));
    all.push_back(std::move(text));
  }
  return fmt::format("  printf '%s ALL=(root) NOPASSWD: %s\\n' {} {}\n",
                     core::shell_quote(std::string(host.fact_of("login"))), fmt::join(all, "', '"));
}

// Of the service and the login: two logins have rights of their own. Names there may not have a dot.
std::string sudoers_file(const spec::Spec& spec, const SetupHost& host) {
  std::string name = fmt::format("bgdeploy-{}-{}", spec.service, host.fact_of("login"));
  std::ranges::replace(name, '.', '_');
  return "/etc/sudoers.d/" + name;
}

std::string here_document(const std::string& text) {
  std::string end = "END";
  while (text.find(end) != std::string::npos) end += "_END";
  return fmt::format("<<'{0}'\n{1}{2}{0}\n", end, text, text.ends_with('\n') ? "" : "\n");
}

std::string folder_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// Of the login; it may be a path below its home.
std::string quoted_path(const std::string& path) {
  return path.starts_with("~/") ? "\"$home\"" + core::shell_quote(path.substr(1)) : core::shell_quote(path);
}

// That nginx's package makes, or that others put files into: nobody may get it.
bool is_for_all(const std::string& folder) {
  constexpr std::array<std::string_view, 6> k_names = {
      "conf.d", "modules-available", "modules-enabled", "sites-enabled", "sites-available", "snippets"};
  const auto path = std::filesystem::path(folder).lexically_normal();
  if (!path.has_filename()) return is_for_all(path.parent_path());
  if (path == "/etc/nginx") return true;
  return path.parent_path() == "/etc/nginx" &&
         std::ranges::find(k_names, path.filename().string()) != k_names.end();
}

// It may be there by now. It becomes the login's where only the login's files come into it.
std::string make_folder(const std::string& folder, bool of_login) {
  const std::string path = quoted_path(folder);
  return fmt::format("[ -d {0} ] || install -d -m 755{1} {0}\n", path,
                     of_login && !is_for_all(folder) ? " -o \"$login\"" : "");
}

std::string write_file(const proxy::SitePart& part) {
  const std::string path = quoted_path(part.path);
  const bool of_login = part.kind != proxy::SitePart::Kind::site;
  return fmt::format("[ -e {0} ] || [ -L {0} ] || {{\n  {1}  set -- \"$@\" {0}\n  cat >{0} {2}{3}}}\n", path,
                     make_folder(folder_of(part.path), of_login), here_document(part.text),
                     of_login ? fmt::format("  chown \"$login:\" {}\n", path) : "");
}

std::optional<Lack> packages(const spec::Spec& spec, const SetupHost& host) {
  Words wanted, commands;
  if (needs_docker(spec, host) && !host.is("docker_there")) {
    wanted.push_back("docker");
    // Debian 13 has the command in a package of its own.
    commands.push_back("docker.io $(available docker-cli || :)");
  }
  if (host.app && spec.compose && !spec.compose->command && !host.is("compose_works")) {
    wanted.push_back("compose");
    commands.push_back("$(available docker-compose-v2 || echo docker-compose)");
  }
  if (runs_own_nginx(spec, host) && !host.is("nginx_there")) {
    wanted.push_back("nginx");
    commands.push_back("nginx");
  }
  if (in_sudo_mode(host.sudo) && !host.is("sudo_there")) {
    wanted.push_back("sudo");
    commands.push_back("sudo");
  }
  if (wanted.empty()) return std::nullopt;
  return Lack{fmt::format("{}", fmt::join(wanted, ", ")),
              fmt::format("export DEBIAN_FRONTEND=noninteractive\n"
                          "available() {{ apt-cache show \"$1\" >/dev/null 2>&1 && echo \"$1\"; }}\n"
                          "apt-get update\n"
                          "apt-get -o DPkg::Lock::Timeout=300 install --yes {}\n",
                          fmt::join(commands, " "))};
}

// Of the login, once the programs are there.
void add_rights(const spec::Spec& spec, const SetupHost& host, std::vector<Lack>& lacks) {
  const std::string who(host.fact_of("login"));
  if (host.sudo.all) {
    if (host.is("everything_works")) return;
    lacks.push_back({fmt::format("sudo for {}, for everything", who),
                     fmt::format("sudo_rules() {{\n  printf '%s ALL=(ALL) NOPASSWD: ALL\\n' {}\n}}\nallow\n",
                                 core::shell_quote(who)),
                     fmt::format("{} is root in effect: that is what ssh.sudo: true asks for", who)});
    return;
  }
  const bool docker_missing = needs_docker(spec, host) && !host.is("docker_works");
  const bool nginx_missing = runs_own_nginx(spec, host) && !host.is("nginx_works");
  if (docker_missing && !host.sudo.docker && !host.is("docker_group"))
    lacks.push_back({fmt::format("{} in the group docker", who),
                     fmt::format("usermod --append --groups docker {}\n", core::shell_quote(who)),
                     "whoever is in the group docker can become root"});
  std::string rules;
  if (host.sudo.nginx && runs_own_nginx(spec, host)) rules += rule(host, rights_to_nginx(spec, host.front));
  if (host.sudo.docker && needs_docker(spec, host) && !(host.app && spec.compose))
    rules += rule(host, rights_to_docker(spec, host.app, host.front));
  if (!rules.empty() && ((host.sudo.nginx && nginx_missing) || (host.sudo.docker && docker_missing)))
    lacks.push_back({fmt::format("sudo for {}, for the commands that a deploy runs", who),
                     fmt::format("sudo_rules() {{\n{}}}\nallow\n", rules)});
}

// No rule for a script is narrower than one for everything.
Result<void> check_compose(const spec::Spec& spec, const SetupHost& host) {
  const bool by_script = host.app && spec.compose && host.sudo.docker && !host.sudo.all;
  if (!by_script || is_root(host) || host.is("docker_works")) return {};
  return core::fail(
      ErrorKind::usage,
      fmt::format("compose is called by a script, which {} on {} may not run through sudo",
                  host.fact_of("login"), host.name),
      {},
      "take docker out of ssh.sudo: the group docker is enough, and `bgdeploy setup` puts the login into it");
}

// Only the spec can say another folder.
Result<void> check_folder(const spec::Spec& spec, const SetupHost& host, const std::string& folder) {
  if (is_root(host) || host.sudo.all || host.is("folder_writable")) return {};
  if (!host.is("folder_there") && !is_for_all(folder)) return {};
  return core::fail(
      ErrorKind::usage,
      fmt::format("{} may not write in {} on {}, which holds files of others", host.fact_of("login"), folder,
                  host.name),
      {},
      fmt::format("include: /etc/nginx/bgdeploy/{}.inc, a folder of its own, or ssh: {{sudo: true}}",
                  spec.service));
}

// Debian's default site takes what no name leads to. As the package has it, it only welcomes.
constexpr std::string_view k_no_welcome = R"sh(default=/etc/nginx/sites-enabled/default
if [ "$(readlink -f "$default")" = /etc/nginx/sites-available/default ] &&
  ! dpkg --verify nginx-common 2>/dev/null | grep -qF sites-available/default; then
  rm -f "$default"
elif [ -e "$default" ]; then
  echo "==> $default takes requests that no server_name leads to: remove it unless somebody needs it"
fi
)sh";

void add_site(const spec::Spec& spec, const SetupHost& host, std::vector<Lack>& lacks) {
  // Only the user knows what uses the template.
  if (host.parts.empty()) return;
  const bool has_site = host.site.used;
  if (spec.nginx.sites ? host.is("sources_there") : has_site && host.is("include_there")) return;
  // Ours would do harm, or no good.
  if (!spec.nginx.sites && !has_site && host.site.problem) return;
  std::string commands, what;
  for (const proxy::SitePart& part : host.parts)
    if (part.kind != proxy::SitePart::Kind::site || !has_site) commands += write_file(part);
  lacks.push_back(
      {has_site && !spec.nginx.sites ? "what the site includes, before a first deploy" : "a site", commands});
}

}  // namespace

Result<std::vector<Lack>> lacking(const spec::Spec& spec, const SetupHost& host) {
  std::vector<Lack> lacks;
  const auto who = host.fact_of("login");
  if (runs_own_nginx(spec, host) && !is_root(host) && !host.sudo.all && !host.sudo.nginx &&
      spec.nginx.test == spec::Nginx{}.test)
    return core::fail(ErrorKind::usage,
                      fmt::format("nginx -t needs root, which {} on {} is not", who, host.name), {},
                      "ssh: {sudo: [nginx]}, and `bgdeploy setup` again");
  BGDEPLOY_TRY(check_compose(spec, host));
  if (auto missing = packages(spec, host)) lacks.push_back(*std::move(missing));
  if (needs_docker(spec, host) && !host.is("engine_runs"))
    lacks.push_back(
        {"docker's engine, running",
         "start docker\n"
         "for _ in 1 2 3 4 5 6 7 8 9 10; do [ ! -S /var/run/docker.sock ] || break; sleep 1; done\n"});
  if (!is_root(host)) add_rights(spec, host, lacks);
  const std::string folder = folder_of(spec::routing_file(spec.nginx));
  if (runs_own_nginx(spec, host)) {
    BGDEPLOY_TRY(check_folder(spec, host, folder));
    if (!host.is("folder_there"))
      lacks.push_back({"the folder of the include", make_folder(folder, !host.sudo.all)});
  }
  if ((host.front || host.app) && !host.sudo.all && !host.is("history_writable"))
    lacks.push_back({"the folder of the history",
                     fmt::format("install -d -m 2770 -o \"$login\" {}\n", quoted_path(spec.history.dir))});
  if (runs_own_nginx(spec, host)) {
    const auto before = lacks.size();
    add_site(spec, host, lacks);
    const bool new_site = before != lacks.size() && !host.site.used;
    if (before != lacks.size() || !host.is("nginx_runs"))
      lacks.push_back({"nginx, running with it", fmt::format("nginx -t || {{ rm -f -- \"$@\"; exit 1; }}\n"
                                                             "{}nginx -s reload 2>/dev/null || start nginx\n",
                                                             new_site ? k_no_welcome : "")});
  }
  // What only the user can mend is told once the rest is there.
  if (lacks.empty() && runs_own_nginx(spec, host) && host.site.problem)
    return std::unexpected(*host.site.problem);
  const std::string family = " " + std::string(host.fact_of("family")) + " ";
  if (!lacks.empty() && family.find(" debian ") == std::string::npos &&
      family.find(" ubuntu ") == std::string::npos)
    return core::fail(ErrorKind::usage,
                      fmt::format("{} runs {}, which setup does not know: it knows Debian and Ubuntu",
                                  host.name, host.fact_of("system")),
                      {}, "install docker and nginx there; docs/hosts.md says what the login needs");
  return lacks;
}

std::string setup_script(const spec::Spec& spec, const SetupHost& host, const std::vector<Lack>& lacks) {
  if (lacks.empty()) return {};
  const auto uses = [&](std::string_view word) {
    return std::ranges::any_of(
        lacks, [&](const Lack& lack) { return lack.commands.find(word) != std::string::npos; });
  };
  std::string text = fmt::format(
      "#!/bin/sh\n"
      "# What {} ({}) lacks for {}. It runs as root, and may run again.\n"
      "set -eu\n"
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
      "umask 022\n"
      "login={}\n"
      "home=$(getent passwd \"$login\" | cut -d: -f6)\n",
      core::printable(host.name), core::printable(host.fact_of("system")), spec.service,
      core::shell_quote(std::string(host.fact_of("login"))));
  if (uses("start "))
    text +=
        "start() {\n"
        "  if [ -d /run/systemd/system ]; then systemctl enable --now \"$1\"; else service \"$1\" start; fi\n"
        "}\n";
  if (uses("set -- \"$@\" ")) text += "set --    # the files that are made here\n";
  if (uses("\nallow\n"))
    text += fmt::format(
        "allow() {{\n"
        "  rules=$(mktemp)\n"
        "  sudo_rules >\"$rules\"\n"
        "  visudo -cqf \"$rules\"\n"
        "  install -m 440 \"$rules\" {}\n"
        "  rm -f \"$rules\"\n"
        "}}\n",
        core::shell_quote(sudoers_file(spec, host)));
  for (const Lack& lack : lacks) {
    const std::string what = core::printable(lack.what);
    text += fmt::format("\n# {}\n", what);
    if (!lack.meaning.empty()) text += fmt::format("# Note: {}.\n", core::printable(lack.meaning));
    text += fmt::format("echo {}\n{}", core::shell_quote("==> " + what), lack.commands);
  }
  return text;
}

}  // namespace bgdeploy::deploy
