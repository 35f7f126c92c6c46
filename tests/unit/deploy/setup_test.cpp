// From what was found on a host to the script that adds what it lacks.
#include "bgdeploy/deploy/setup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "deploy/setup/rights.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Setup : public ::testing::Test {
protected:
  Setup() {
    spec.nginx.include = "/etc/nginx/bgdeploy/shop.inc";
    host.sudo.nginx = true;
    host.parts = {
        {spec.nginx.include, "set $service_url http://127.0.0.1:8081;\n", proxy::SitePart::Kind::include},
        {"/etc/nginx/conf.d/shop-site.conf", "server {}\n", proxy::SitePart::Kind::site}};
  }

  // As after the installation of Debian, and a login with sudo.
  void fresh() {
    host.facts = {{"login", "deploy"},        {"uid", "1000"}, {"system", "Debian GNU/Linux 12 (bookworm)"},
                  {"family", "debian "},      {"root", "yes"}, {"sudo_there", "yes"},
                  {"history_writable", "yes"}};
  }
  void complete() {
    fresh();
    for (const char* fact : {"docker_there", "docker_works", "docker_group", "engine_runs", "nginx_there",
                             "nginx_works", "nginx_runs", "folder_there", "folder_writable", "include_there"})
      host.facts[fact] = "yes";
    host.site.used = true;
  }
  std::vector<Lack> lacks() const {
    const auto found = lacking(spec, host);
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(std::vector<Lack>{});
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const Lack& lack : lacks()) all.push_back(lack.what);
    return all;
  }
  std::string script() const { return setup_script(spec, host, lacks()); }
  void expect_refused(const std::string& words) const {
    const auto found = lacking(spec, host);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, ErrorKind::usage);
    EXPECT_THAT(found.error().message, HasSubstr(words));
  }
  // Whether a shell can read it.
  static bool is_shell(const std::string& text) {
    ::setenv("BGDEPLOY_SCRIPT", text.c_str(), 1);
    return std::system("printf '%s' \"$BGDEPLOY_SCRIPT\" | sh -n") == 0;
  }

  spec::Spec spec = test::small_spec();
  SetupHost host{"web-1", true, true, {}, {}};
};

TEST_F(Setup, AFreshHostLacksAllOfIt) {
  fresh();
  EXPECT_THAT(names(), ElementsAre("docker, nginx", "docker's engine, running", "deploy in the group docker",
                                   "sudo for deploy, for the commands that a deploy runs",
                                   "the folder of the include", "a site", "nginx, running with it"));
  const auto text = script();
  EXPECT_TRUE(is_shell(text)) << text;
  EXPECT_THAT(
      text,
      HasSubstr("apt-get -o DPkg::Lock::Timeout=300 install --yes docker.io $(available docker-cli || :) "
                "nginx\n"));
  EXPECT_THAT(text, HasSubstr("# Note: whoever is in the group docker can become root.\n"));
  EXPECT_THAT(text, HasSubstr("visudo -cqf \"$rules\"\n"));
  EXPECT_THAT(text, HasSubstr("\"$(command -v nginx)\"' -s'' reload'"));
  EXPECT_THAT(text, HasSubstr("/etc/sudoers.d/bgdeploy-shop-deploy"));
  EXPECT_THAT(text, HasSubstr("default=/etc/nginx/sites-enabled/default\n"));
}

TEST_F(Setup, ACompleteOneLacksNothing) {
  complete();
  EXPECT_THAT(lacks(), IsEmpty());
  EXPECT_EQ(script(), "");
  // Nothing is to be added, so that it does not matter what system it is.
  host.facts["family"] = "alpine ";
  EXPECT_THAT(lacks(), IsEmpty());
}

TEST_F(Setup, KnowsDebianAndUbuntuAndWhatIsLikeThem) {
  fresh();
  for (const char* family : {"debian ", "ubuntu debian", "raspbian debian"}) {
    host.facts["family"] = family;
    EXPECT_THAT(lacks(), Not(IsEmpty()));
  }
  host.facts["family"] = "alpine ";
  host.facts["system"] = "Alpine Linux v3.19";
  expect_refused("web-1 runs Alpine Linux v3.19, which setup does not know");
}

TEST_F(Setup, RootNeedsNoRights) {
  fresh();
  host.facts["uid"] = "0";
  host.facts["login"] = "root";
  host.sudo = {};
  EXPECT_THAT(names(), ElementsAre("docker, nginx", "docker's engine, running", "the folder of the include",
                                   "a site", "nginx, running with it"));
}

TEST_F(Setup, GivesTheRightsThatTheSpecCountsOn) {
  complete();
  host.facts["docker_works"] = host.facts["docker_group"] = "no";
  EXPECT_THAT(names(), ElementsAre("deploy in the group docker"));
  host.sudo.docker = true;
  EXPECT_THAT(script(), HasSubstr("\"$(command -v docker)\"' system'' dial-stdio'"));
  EXPECT_THAT(script(), Not(HasSubstr("usermod")));
  EXPECT_THAT(script(), Not(HasSubstr("buildx")));
  spec.build = spec::Build{};
  EXPECT_THAT(script(), HasSubstr("\"$(command -v docker)\"' buildx'' *'"));
  host.sudo = {.all = true};
  EXPECT_THAT(names(), ElementsAre("sudo for deploy, for everything"))
      << "becoming root by `sh` is not enough";
  EXPECT_THAT(script(), HasSubstr("NOPASSWD: ALL"));
  host.facts["everything_works"] = "yes";
  EXPECT_THAT(names(), IsEmpty());
}

// Compose is called by a script, which sudo cannot allow without allowing everything.
TEST_F(Setup, ComposeThroughSudoForDockerAloneHasToChange) {
  complete();
  spec.compose = spec::Compose{};
  host.facts["compose_works"] = "yes";
  host.facts["docker_works"] = host.facts["docker_group"] = "no";
  EXPECT_THAT(names(), ElementsAre("deploy in the group docker"));
  host.sudo.docker = true;
  expect_refused("compose is called by a script, which deploy on web-1 may not run through sudo");
}

std::vector<std::string> questions(const std::vector<Right>& rights) {
  std::vector<std::string> all;
  for (const Right& right : rights) all.push_back(core::shell_join(right.question()));
  return all;
}

// What `check` asks too.
TEST_F(Setup, RightsAreTriedWhereThatIsHarmlessAndElseListed) {
  EXPECT_THAT(questions(rights_to_everything()), ElementsAre("sudo -n -- sh -c :", "sudo -n -- true"));
  EXPECT_THAT(questions(rights_to_nginx(spec, true)),
              ElementsAre("sudo -n -- nginx -V", "sudo -n -l nginx -t", "sudo -n -l nginx -T",
                          "sudo -n -l nginx -s reload"));
  EXPECT_THAT(questions(rights_to_nginx(spec, false)), IsEmpty());
  EXPECT_THAT(questions(rights_to_docker(spec, true, true)),
              ElementsAre("sudo -n -- docker --version", "sudo -n -l docker version",
                          "sudo -n -l docker system dial-stdio"));
  spec.nginx.container = "web";
  EXPECT_THAT(questions(rights_to_nginx(spec, true)), IsEmpty());
  EXPECT_THAT(questions(rights_to_docker(spec, false, true)),
              ::testing::Contains("sudo -n -l docker logs web '*'"));
  spec.compose = spec::Compose{};
  EXPECT_THAT(questions(rights_to_docker(spec, true, false)), ElementsAre("sudo -n -- sh -c :"));
}

TEST_F(Setup, NginxIsAskedForTheCommandsThatADeployRuns) {
  spec.nginx.test = {"timeout", "20s", "nginx", "-tq"};
  EXPECT_THAT(questions(rights_to_nginx(spec, true)),
              ElementsAre("sudo -n -- timeout 20s nginx -V", "sudo -n -l timeout 20s nginx -tq",
                          "sudo -n -l timeout 20s nginx -T", "sudo -n -l nginx -s reload"));
  spec.nginx.test = {"check.sh"};
  spec.nginx.reload = {"systemctl", "reload", "nginx"};
  EXPECT_THAT(questions(rights_to_nginx(spec, true)),
              ElementsAre("sudo -n -- nginx -V", "sudo -n -l check.sh", "sudo -n -l nginx -T",
                          "sudo -n -l systemctl reload nginx"));
}

TEST_F(Setup, AnEngineWithASocketIsAskedByThatAndNginxOnItToo) {
  spec.docker_socket = "/run/other.sock";
  spec.build = spec::Build{};
  spec.nginx.container = "web";
  const std::string docker = "sudo -n -l docker --host unix:///run/other.sock ";
  EXPECT_THAT(questions(rights_to_docker(spec, true, true)),
              ElementsAre("sudo -n -- docker --version", docker + "system dial-stdio", docker + "build '*'",
                          docker + "buildx '*'", docker + "inspect --type container '*'",
                          docker + "exec web '*'", docker + "exec -i web '*'", docker + "logs web '*'"));
  EXPECT_THAT(questions(rights_to_docker(spec, false, true)),
              ::testing::Contains("sudo -n -l docker logs web '*'"))
      << "the socket is of the engine that runs the slots";
  complete();
  host.facts["docker_works"] = "no";
  host.sudo = {.docker = true};
  EXPECT_THAT(script(),
              HasSubstr("\"$(command -v docker)\"' --host'' unix\\:///run/other.sock'' exec'' web'' *'"));
}

TEST_F(Setup, TheAdvisedRuleHasTheRightsWords) {
  const auto rule = [](const std::vector<Right>& rights) {
    const auto next = refusal({"web-1", "deploy"}, rights, rights.back(), "not allowed").next;
    return next.substr(next.find("NOPASSWD: ") + 10);
  };
  EXPECT_EQ(rule(rights_to_everything()), "ALL");
  EXPECT_EQ(rule(rights_to_nginx(spec, true)),
            "/usr/sbin/nginx -V, /usr/sbin/nginx -t, /usr/sbin/nginx -T, /usr/sbin/nginx -s reload");
  spec.nginx.test = {"/opt/nginx", "-t", "-g", "pid /run/x.pid;"};
  EXPECT_EQ(rule(rights_to_nginx(spec, true)),
            "/opt/nginx -V -g pid\\ /run/x.pid;, /opt/nginx -t -g pid\\ /run/x.pid;, "
            "/opt/nginx -T -g pid\\ /run/x.pid;, /usr/sbin/nginx -s reload");
  spec.nginx.container = "web";
  EXPECT_EQ(rule(rights_to_docker(spec, false, true)),
            "/usr/bin/docker inspect --type container *, /usr/bin/docker exec web *, "
            "/usr/bin/docker exec -i web *, /usr/bin/docker logs web *");
  spec.compose = spec::Compose{};
  EXPECT_EQ(rule(rights_to_docker(spec, true, false)), "ALL") << "a script is run by a shell";
}

TEST_F(Setup, NginxInAContainerIsAskedWithWhateverArgumentsADeployHas) {
  complete();
  host.facts["docker_works"] = "no";
  host.app = false;
  host.sudo = {.docker = true};
  spec.nginx.container = "web";
  for (const char* words : {"exec'' web", "exec'' -i'' web", "logs'' web"})
    EXPECT_THAT(script(), HasSubstr("\"$(command -v docker)\"' " + std::string(words) + "'' *'"));
}

TEST_F(Setup, WithoutTheRightToTestNginxTheSpecHasToChange) {
  complete();
  host.sudo = {};
  expect_refused("nginx -t needs root, which deploy on web-1 is not");
  host.sudo.nginx = true;
  host.facts["folder_writable"] = "no";
  expect_refused("deploy may not write in /etc/nginx/bgdeploy on web-1, which holds files of others");
}

// The package makes it by the same script, and others put files there.
TEST_F(Setup, AFolderOfNginxsPackageIsGivenToNobody) {
  fresh();
  for (const char* folder :
       {"/etc/nginx", "/etc/nginx/conf.d", "/etc/nginx/./sites-enabled/", "/etc/nginx/snippets"}) {
    host.parts[0].path = spec.nginx.include = std::string(folder) + "/shop.inc";
    host.sudo = {.nginx = true};
    expect_refused("deploy may not write in " + std::string(folder));
    host.sudo = {.all = true};
    EXPECT_THAT(script(), Not(HasSubstr("-o \"$login\" ")));
  }
  host.sudo = {.nginx = true};
  host.parts[0].path = spec.nginx.include = "/etc/nginx/bgdeploy/shop.inc";
  EXPECT_THAT(
      script(),
      HasSubstr("[ -d /etc/nginx/bgdeploy ] || install -d -m 755 -o \"$login\" /etc/nginx/bgdeploy\n"));
  // Nor is the site's.
  EXPECT_THAT(script(), HasSubstr("[ -d /etc/nginx/conf.d ] || install -d -m 755 /etc/nginx/conf.d\n"));
  spec.nginx.sites = spec::Sites{"/srv/{slot}.conf", "/etc/nginx/sites-enabled/shop.conf"};
  expect_refused("deploy may not write in /etc/nginx/sites-enabled");
}

TEST_F(Setup, NginxInAContainerIsTheUsers) {
  complete();
  spec.nginx.container = "web";
  host.sudo = {.docker = true};
  for (const char* fact : {"nginx_there", "nginx_runs", "include_there", "folder_there", "docker_works"})
    host.facts[fact] = "no";
  EXPECT_THAT(names(), ElementsAre("sudo for deploy, for the commands that a deploy runs"));
  EXPECT_THAT(script(), HasSubstr("' exec'' web'' *'"));
}

TEST_F(Setup, TakesComposeWhereTheSpecUsesIt) {
  complete();
  spec.compose = spec::Compose{};
  EXPECT_THAT(names(), ElementsAre("compose"));
  spec.compose->command = {"podman-compose"};
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(Setup, LeavesASiteThatIsThereAlone) {
  complete();
  host.facts["include_there"] = "no";
  EXPECT_THAT(names(),
              ElementsAre("what the site includes, before a first deploy", "nginx, running with it"));
  EXPECT_THAT(script(), Not(HasSubstr("shop-site.conf")));
}

// Whether there is a site nginx says, as it says it to `check`.
TEST_F(Setup, AnIncludeThatNoSiteUsesLacksTheSite) {
  complete();
  host.site.used = false;
  EXPECT_THAT(names(), ElementsAre("a site", "nginx, running with it"));
  EXPECT_THAT(script(), HasSubstr("shop-site.conf"));
}

TEST_F(Setup, WhatOnlyTheUserCanMendIsToldOnceTheRestIsThere) {
  complete();
  for (const bool used : {true, false}) {
    host.site = {used, core::Error{ErrorKind::refused, "nothing uses $service_url", {}, {}}};
    host.facts["docker_group"] = host.facts["docker_works"] = "no";
    EXPECT_THAT(names(), ElementsAre("deploy in the group docker"));
    host.facts["docker_group"] = host.facts["docker_works"] = "yes";
    const auto found = lacking(spec, host);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().message, "nothing uses $service_url");
  }
}

TEST_F(Setup, WholeSitesAreThereWithTheirFiles) {
  complete();
  spec.nginx.sites = spec::Sites{"/srv/{slot}.conf", "/etc/nginx/bgdeploy/shop.conf"};
  host.parts = {{"/srv/blue.conf", "server {}\n", proxy::SitePart::Kind::source},
                {"/srv/green.conf", "server {}\n", proxy::SitePart::Kind::source}};
  EXPECT_THAT(names(), ElementsAre("a site", "nginx, running with it"));
  host.facts["sources_there"] = "yes";
  EXPECT_THAT(names(), IsEmpty());
}

// Every value is one word of the shell, or a line of a document that is not expanded.
TEST_F(Setup, NoValueIsRunByTheShell) {
  fresh();
  const std::string evil =
      "x'; touch /tmp/evil; $(touch /tmp/evil) `touch /tmp/evil`\nEND\ntouch /tmp/evil\n'";
  host.facts["login"] = host.facts["system"] = evil;
  host.name = evil;
  spec.nginx.include = "/etc/nginx/" + evil + "/shop.inc";
  spec.nginx.test = {"nginx", "-t", "-c", evil};
  spec.history.dir = "~/" + evil;
  host.facts["history_writable"] = "no";
  for (auto& part : host.parts) part = {"/etc/nginx/" + evil, evil, part.kind};
  const auto text = script();
  EXPECT_TRUE(is_shell(text)) << text;
  // With every command of the machine out of reach, and the shell's own that would run something as well.
  ::setenv("BGDEPLOY_SCRIPT", text.c_str(), 1);
  std::system(
      R"(rm -f /tmp/evil; d=$(mktemp -d); printf '#!/bin/sh\n: >"%s/touched"\n' "$d" >"$d/touch"; chmod 755 "$d/touch"
for c in apt-get apt-cache getent cut systemctl service usermod visudo install mktemp rm cat chown nginx sleep; do
  printf '#!/bin/sh\nexit 0\n' >"$d/$c"; chmod 755 "$d/$c"; done
printf '%s' "$BGDEPLOY_SCRIPT" | sed "s,^PATH=.*,PATH=$d," | (cd "$d" && sh >/dev/null 2>&1)
[ ! -e "$d/touched" ] || touch /tmp/evil; rm -rf "$d")");
  EXPECT_NE(std::system("test -e /tmp/evil"), 0) << text;
}

}  // namespace
}  // namespace bgdeploy::deploy
