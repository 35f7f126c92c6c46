// OpenSSH's own configuration and jump hosts, with the accounts and the home folder of a user made for the
// test.
#include <gmock/gmock.h>

#include <atomic>

#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/host/trust.hpp"
#include "ssh_server.hpp"

namespace bgdeploy::testing_ssh {
namespace {

using core::ErrorKind;
using testing::HasSubstr;
using testing::Not;

class Config : public SshTest {
protected:
  Config() {
    fs::create_directories(ssh());
    m_home.emplace("HOME", m_etc.root_home().string());
  }
  ~Config() override { fs::remove_all(ssh()); }

  fs::path ssh() const { return m_etc.root_home() / ".ssh"; }
  // A host of which the spec says its name only.
  static spec::Host named(const std::string& name) {
    spec::Host host;
    host.name = name;
    return host;
  }
  core::Error refused(const spec::Host& host) {
    const auto connected = host::connect(host, soon());
    EXPECT_FALSE(connected);
    return connected ? core::Error{} : connected.error();
  }
  bool works(const spec::Host& host) {
    const auto connected = host::connect(host, soon());
    if (!connected) ADD_FAILURE() << all_text(connected.error());
    return connected && (*connected)->run({{"true"}}, soon())->ok();
  }
  // A server that lets in one user with one key of its own, and its entry for ssh_config. Logged in to as
  // `alias` it is known by that name.
  std::unique_ptr<Server> machine(const std::string& alias, const std::string& user) {
    auto server = std::make_unique<Server>();
    server->allow(make_key(alias, {"-t", "ed25519"}));
    add_config("Host " + alias + "\n HostName 127.0.0.1\n Port " + std::to_string(server->port()) +
               "\n User " + user + "\n IdentityFile " + (m_folder / alias).string() + "\n HostKeyAlias " +
               alias + "\n");
    return server;
  }
  void add_config(const std::string& text) { append(ssh() / "config", text); }
  void know(const std::string& alias, const Server& server) {
    append(ssh() / "known_hosts", alias + " " + server.host_key() + "\n");
  }
  static void append(const fs::path& path, const std::string& text) {
    write_file(path, read_file(path) + text);
  }

  std::optional<Environment> m_home;
};

// A key and a known_hosts file that CI hands over, beside a spec that names neither.
// Nobody else can tell what is meant: the host must not be asked at another port, or by another user.
TEST_F(Config, ThatNobodyCanReadIsSaidUnlessItIsOfOtherHosts) {
  const auto server = machine("by-alias", "root");
  add_config("Include more\n");
  append(ssh() / "more", "Host included\n Port 2222\n");
  const Environment no_ssh("PATH", "/nowhere");
  for (const char* name : {"by-alias", "included"}) {
    const auto error = refused(named(name));
    EXPECT_EQ(error.kind, ErrorKind::unsupported);
    EXPECT_THAT(error.message, HasSubstr(std::string(name) + ": ~/.ssh/config sets "));
    EXPECT_THAT(error.message, HasSubstr("there is no ssh here"));
  }
  EXPECT_THAT(refused(named("unknown.invalid")).message, Not(HasSubstr("there is no ssh here")));
}

TEST_F(Config, TheEnvironmentNamesTheKeyAndKnownHostsThatTheSpecLeavesOut) {
  set_up();
  auto target = host();
  target.ssh.identity_file.reset();
  target.ssh.known_hosts_file.reset();
  write_file(m_folder / "from-ci", m_server->known_hosts_line());
  EXPECT_EQ(refused(target).kind, ErrorKind::untrusted);
  const Environment known("BGDEPLOY_KNOWN_HOSTS_FILE", (m_folder / "from-ci").string());
  EXPECT_EQ(refused(target).kind, ErrorKind::denied);
  const Environment key("BGDEPLOY_IDENTITY_FILE", (m_folder / "key").string());
  EXPECT_TRUE(works(target));

  write_file(m_folder / "empty", "");
  target.ssh.known_hosts_file = (m_folder / "empty").string();
  EXPECT_EQ(refused(target).kind, ErrorKind::untrusted) << "the spec counts more";
}

TEST_F(Config, AnAliasIsFollowedWithItsTokensIncludesAndMatches) {
  set_up();
  const Environment keys("KEY_FOLDER", "my keys");
  fs::create_directories(ssh() / "conf.d");
  fs::create_directories(m_etc.root_home() / "my keys");
  fs::copy(m_folder / "key", m_etc.root_home() / "my keys" / "127.0.0.1-root-app");
  write_file(ssh() / "config",
             "Include conf.d/*.conf\nMatch user root host 127.0.0.1 exec \"test %n = app\"\n Port " +
                 std::to_string(m_server->port()) + "\n");
  write_file(ssh() / "conf.d" / "one.conf",
             "Host app\n HostName 127.0.0.1\n User root\n HostKeyAlias app-key\n"
             " IdentityFile \"~/${KEY_FOLDER}/%h-%r-%n\"\n UserKnownHostsFile \"~/.ssh/known hosts\"\n");
  const auto unknown = refused(named("app"));
  EXPECT_EQ(unknown.kind, ErrorKind::untrusted);
  EXPECT_THAT(all_text(unknown), HasSubstr((ssh() / "known hosts").string()));
  write_file(ssh() / "known hosts", "app-key " + m_server->host_key() + "\n");
  EXPECT_TRUE(works(named("app")));
  // By its address the host was never known.
  write_file(ssh() / "known hosts", m_server->known_hosts_line());
  EXPECT_EQ(refused(named("app")).kind, ErrorKind::untrusted);
}

TEST_F(Config, AListOfRevokedKeysThatIsNotReadIsNotPassedOver) {
  set_up();
  add_config("Host *\n RevokedHostKeys /etc/ssh/revoked\n");
  const auto error = refused(host());
  EXPECT_EQ(error.kind, ErrorKind::unsupported);
  EXPECT_THAT(error.message, HasSubstr("RevokedHostKeys"));
  write_file(ssh() / "config", "Host *\n RevokedHostKeys none\n");
  EXPECT_TRUE(works(host()));
}

TEST_F(Config, ANameThatIsNoHostIsToldWithThoseThatAre) {
  fs::create_directories(ssh() / "conf.d");
  write_file(ssh() / "config", "Include conf.d/*\nHost web-1 *.internal\n HostName 127.0.0.1\n");
  write_file(ssh() / "conf.d" / "db", "Host db-1\n HostName db.nowhere.invalid\n");
  const auto error = refused(named("web-2.invalid"));
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_EQ(error.message,
            "'web-2.invalid' is neither a Host in ~/.ssh/config (there: web-1, db-1) nor a name DNS knows");
  EXPECT_EQ(refused(named("db-1")).message,
            "db-1: ~/.ssh/config leads to db.nowhere.invalid, which is not a name that DNS knows");
}

TEST_F(Config, AKeyFileThatIsNotThereIsNamedWithWhoNamedIt) {
  set_up();
  add_config(
      "Host app\n HostName 127.0.0.1\n User root\n HostKeyAlias app\n IdentityFile ~/.ssh/web1\n Port " +
      std::to_string(m_server->port()) + "\n");
  know("app", *m_server);
  const auto error = refused(named("app"));
  EXPECT_EQ(error.kind, ErrorKind::denied);
  EXPECT_THAT(error.message, testing::EndsWith("there is no key to log in with: ~/.ssh/config names " +
                                               (ssh() / "web1").string() + ", which does not exist"));
  const Environment given("SSH_KEY", (m_folder / "key").string());
  EXPECT_EQ(
      refused(named("app")).next,
      "the file that SSH_KEY names was not used: write ssh: {identity_file: \"${SSH_KEY}\"} into the spec");
}

TEST_F(Config, AnUnknownKeyInACiJobIsToldWithTheFileThatWasGiven) {
  set_up();
  auto target = host();
  target.ssh.known_hosts_file = (m_folder / "none").string();
  const Environment given("KNOWN_HOSTS", (m_folder / "known_hosts").string());
  const auto error = refused(target);
  EXPECT_EQ(error.kind, ErrorKind::untrusted);
  EXPECT_THAT(error.details, testing::Contains("not in " + (m_folder / "none").string()));
  EXPECT_EQ(error.next,
            "the file that KNOWN_HOSTS names was not used: write ssh: {known_hosts_file: \"${KNOWN_HOSTS}\"} "
            "into the spec");
  target.ssh.known_hosts_file = (m_folder / "known_hosts").string();
  EXPECT_TRUE(works(target));
}

TEST_F(Config, WhatTheSpecSaysWins) {
  set_up();
  add_config(
      "Host app\n HostName 127.0.0.1\n User nobody\n Port 1\n IdentityFile /nowhere\n ProxyJump "
      "nobody@nowhere\n");
  auto target = host();
  target.name = "app";
  const auto bastion = machine("bastion", "plain");
  append(m_folder / "known_hosts", "bastion " + bastion->host_key() + "\n");
  target.ssh.proxy_jump = std::vector<std::string>{"bastion"};
  EXPECT_TRUE(works(target));
  EXPECT_THAT(m_server->log(), HasSubstr("Accepted publickey for root"));
}

TEST_F(Config, NoJumpHostInTheSpecIsDirectlyWhateverOpenSshSays) {
  set_up();
  add_config(
      "Host jumping\n ProxyJump nobody@nowhere.invalid\nHost commanding\n ProxyCommand false\n"
      "Host *\n HostName 127.0.0.1\n");
  auto target = host();
  for (const std::string alias : {"jumping", "commanding"}) {
    target.name = alias;
    target.ssh.proxy_jump.reset();
    EXPECT_FALSE(host::connect(target, soon())) << alias;
    target.ssh.proxy_jump.emplace();
    EXPECT_TRUE(works(target)) << alias;
  }
}

TEST_F(Config, TildeIsHomeEvenWhereTheAccountsDatabaseNamesAnother) {
  set_up();
  const auto home = m_folder / "elsewhere";
  fs::create_directories(home / ".ssh");
  fs::copy(m_folder / "key", home / ".ssh" / "id_ed25519");
  write_file(home / ".ssh" / "config",
             "Host app\n HostName 127.0.0.1\n Port " + std::to_string(m_server->port()) + "\n");
  write_file(home / ".ssh" / "known_hosts", m_server->known_hosts_line());
  const Environment moved("HOME", home.string());
  EXPECT_TRUE(works(named("app")));
}

// Both ways of naming the way there, and each of its machines unknown in turn.
TEST_F(Config, EveryHopHasItsOwnUserPortAndKeyAndIsRefusedByNameWhileItIsUnknown) {
  const auto outer = machine("outer", "plain"), inner = machine("inner", "other"),
             app = machine("app", "root");
  auto listed = named("app");
  listed.ssh.proxy_jump = std::vector<std::string>{"outer", "inner"};
  add_config(
      "Host chained\n ProxyJump outer,inner\n HostName 127.0.0.1\n HostKeyAlias app\n User root\n Port " +
      std::to_string(app->port()) + "\n IdentityFile " + (m_folder / "app").string() + "\n");
  const std::vector<std::pair<std::string, const Server*>> way = {
      {"outer", outer.get()}, {"inner", inner.get()}, {"app", app.get()}};
  for (const auto& [alias, server] : way) {
    for (const auto& target : {listed, named("chained")}) {
      const auto error = refused(target);
      EXPECT_EQ(error.kind, ErrorKind::untrusted) << all_text(error);
      const auto shown = server == app.get() ? target.name : alias;
      EXPECT_THAT(error.message, HasSubstr(shown + " (")) << target.name;
      EXPECT_THAT(all_text(error), HasSubstr(server->fingerprint()));
      EXPECT_EQ(host::fetch_host_key(target, soon())->fingerprint, server->fingerprint());
    }
    know(alias, *server);
  }
  for (const auto& target : {listed, named("chained")}) EXPECT_TRUE(works(target));
  EXPECT_THAT(outer->log(), HasSubstr("Accepted publickey for plain"));
  EXPECT_THAT(inner->log(), HasSubstr("Accepted publickey for other"));
  EXPECT_THAT(app->log(), HasSubstr("Accepted publickey for root"));
}

// To a proxy on another machine, what the last jump host called it means nothing.
TEST_F(Config, BehindAJumpHostOfOpenSshsConfigurationAnAppHostNeedsAnAddressForItsProxies) {
  const auto bastion = machine("bastion", "plain"), app = machine("app", "root"),
             proxy = machine("proxy", "root");
  add_config("Host app\n ProxyJump bastion\n");
  know("bastion", *bastion);
  know("app", *app);
  know("proxy", *proxy);
  spec::Spec spec;
  spec.service = "shop";
  spec.nginx.include = "/etc/nginx/shop.inc";
  spec.app_hosts = {named("app")};
  spec.proxy_hosts = {named("proxy")};
  const auto refused = deploy::Fleet::connect(spec, soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message, HasSubstr("must give app an `address`"));
  spec.app_hosts[0].address = "10.0.0.7";
  EXPECT_TRUE(deploy::Fleet::connect(spec, soon()));
  spec.app_hosts[0].address.reset();
  spec.nginx.address = "{container}";
  EXPECT_TRUE(deploy::Fleet::connect(spec, soon()));
}

TEST_F(Config, AJumpHostMayAlsoTakeTheKeyOfTheSpec) {
  set_up();
  const Server bastion;
  write_file(bastion.authorized_keys(), read_file(m_folder / "key.pub"));
  auto target = host();
  append(m_folder / "known_hosts", bastion.known_hosts_line());
  target.ssh.proxy_jump = std::vector<std::string>{"plain@127.0.0.1:" + std::to_string(bastion.port())};
  EXPECT_TRUE(works(target));
  EXPECT_THAT(bastion.log(), HasSubstr("Accepted publickey for plain"));
}

TEST_F(Config, AWayThatLeadsInACircleIsNoWay) {
  add_config("Host a\n ProxyJump b\nHost b\n ProxyJump a\n");
  const auto error = refused(named("a"));
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_THAT(error.message, HasSubstr("circle"));
}

TEST_F(Config, AHopThatCannotReachTheNextSaysSo) {
  set_up();
  const auto bastion = machine("bastion", "plain");
  know("bastion", *bastion);
  add_config("Host app\n HostName 127.0.0.1\n Port " + std::to_string(Port(false).release()) +
             "\n ProxyJump bastion\n");
  const auto error = refused(named("app"));
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_THAT(all_text(error), HasSubstr("bastion")) << all_text(error);
}

TEST_F(Config, WhereThereIsNoKnownHostsFileNobodyIsKnownAndNoneCanBeAdded) {
  set_up();
  add_config("Host *\n UserKnownHostsFile none\n GlobalKnownHostsFile none\n");
  write_file(ssh() / "known_hosts", m_server->known_hosts_line());
  auto target = host();
  target.ssh.known_hosts_file.reset();
  EXPECT_EQ(refused(target).kind, ErrorKind::untrusted);
  const auto offered = host::fetch_host_key(target, soon());
  ASSERT_TRUE(offered);
  const auto added = host::trust_host_key(*offered);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, ErrorKind::io);
}

TEST_F(Config, ManyHostsBehindOneBastionThatTurnsLoginsAway) {
  set_up({{"ed25519"}, "MaxStartups 3:50:6\n"});
  const Server bastion({{"ed25519"}, "MaxStartups 3:50:6\n"});
  write_file(bastion.authorized_keys(), read_file(m_folder / "key.pub"));
  append(m_folder / "known_hosts", bastion.known_hosts_line());
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> logins;
    for (int i = 0; i < 16; ++i)
      logins.emplace_back([&] {
        auto target = host();
        target.ssh.proxy_jump = std::vector<std::string>{"plain@127.0.0.1:" + std::to_string(bastion.port())};
        target.ssh.connect_timeout = 30s;
        const auto connected = host::connect(target, soon());
        if (connected)
          ++good;
        else
          ADD_FAILURE() << all_text(connected.error());
      });
  }
  EXPECT_EQ(good, 16);
}

}  // namespace
}  // namespace bgdeploy::testing_ssh
