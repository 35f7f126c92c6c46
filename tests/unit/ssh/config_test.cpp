#include "bgdeploy/ssh/config.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

namespace bgdeploy::ssh {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ConfigNames, AreThoseOfHostLinesWithoutWildcards) {
  const auto names = names_in_config(
      "# Host commented\nHost web-1 web-2 *.example.com !bad\n  HostName 10.0.0.1\nhost=db\n"
      "Match host x\n\tInclude conf.d/* \"~/other config\"\nHostKeyAlias z\n");
  EXPECT_THAT(names.hosts, ElementsAre("web-1", "web-2", "db"));
  EXPECT_THAT(names.includes, ElementsAre("conf.d/*", "~/other", "config"));
  EXPECT_EQ(names_in_config("").hosts, std::vector<std::string>{});
}

TEST(KeywordFor, IsTheFirstThatSetsSomethingForTheHost) {
  const auto text =
      "# User nobody\nHost *\n  SendEnv LANG\nHost web-1 db-? !db-9\n  HostName=10.0.0.1\n"
      "Host other\n  User x\n";
  EXPECT_EQ(keyword_for(text, "web-1"), "HostName");
  EXPECT_EQ(keyword_for(text, "db-1"), "HostName");
  EXPECT_EQ(keyword_for(text, "db-9"), "");
  EXPECT_EQ(keyword_for(text, "web-2"), "");
  EXPECT_EQ(keyword_for("port 2222\n", "any"), "port") << "before the first Host it is of all";
  EXPECT_EQ(keyword_for("Host a\nMatch user b\n ProxyJump j\n", "web-1"), "ProxyJump");
  for (const char* known :
       {"UserKnownHostsFile k", "GlobalKnownHostsFile k", "RevokedHostKeys r", "IdentityFile i",
        "IdentitiesOnly yes", "IdentityAgent a", "CertificateFile c", "HostKeyAlias h", "ProxyCommand p"})
    EXPECT_NE(keyword_for(known, "web-1"), "") << known;
}

TEST(ClientConfig, TakesWhatSshPrints) {
  const auto config = parse_client_config(
      "host app\nuser deploy\nhostname 10.0.0.11\nport 2222\nidentitiesonly yes\nhostkeyalias app-key\n"
      "identityagent /run/agent.sock\nproxyjump alice@bastion:2200,inner\nidentityfile ~/.ssh/one\n"
      "identityfile ~/.ssh/two words\nglobalknownhostsfile /etc/a /etc/b\n"
      "userknownhostsfile /home/x/k /home/x/with two spaces/k %d/k\n"
      "revokedhostkeys /etc/ssh/revoked\n");
  EXPECT_EQ(config.revoked_host_keys, "/etc/ssh/revoked");
  EXPECT_EQ(config.user, "deploy");
  EXPECT_EQ(config.host_name, "10.0.0.11");
  EXPECT_EQ(config.port, 2222);
  EXPECT_TRUE(config.identities_only);
  EXPECT_EQ(config.host_key_alias, "app-key");
  EXPECT_EQ(config.identity_agent, "/run/agent.sock");
  EXPECT_THAT(config.proxy_jump, ElementsAre("alice@bastion:2200", "inner"));
  EXPECT_THAT(config.identity_files, ElementsAre("~/.ssh/one", "~/.ssh/two words"));
  EXPECT_THAT(config.known_hosts_files, ElementsAre("/home/x/k", "/home/x/with two spaces/k", "%d/k"));
  EXPECT_THAT(config.global_known_hosts_files, ElementsAre("/etc/a", "/etc/b"));
}

TEST(ClientConfig, NoneAndNonsenseSetNothing) {
  const auto config = parse_client_config(
      "proxyjump none\nproxycommand none\nrevokedhostkeys none\nport many\nport 99999\nuser\n\nidentityfile "
      "none\n");
  EXPECT_EQ(config, ClientConfig{});
}

TEST(HostAddress, IsReadAsOpenSshReadsIt) {
  EXPECT_EQ(parse_host_address("bastion"), (HostAddress{{}, "bastion", {}}));
  EXPECT_EQ(parse_host_address("a@b@bastion:22"), (HostAddress{"a@b", "bastion", 22}));
  EXPECT_EQ(parse_host_address("u@[::1]:2222"), (HostAddress{"u", "::1", 2222}));
  EXPECT_EQ(parse_host_address("fe80::1"), (HostAddress{{}, "fe80::1", {}}));
  for (const auto* bad :
       {"", "@host", "host:", "host:0", "host:65536", "host:22x", "[::1", "[::1]x", "[]:22"})
    EXPECT_FALSE(parse_host_address(bad)) << bad;
}

TEST(ExpandPath, KnowsTheTildeAndTheTokens) {
  const ConfigTokens tokens{
      "/home/me", "10.0.0.1", "app", "deploy", "me", "1000", 2222, [](const std::string& name) {
        return name == "KEYS" ? std::optional<std::string>("/keys") : std::nullopt;
      }};
  EXPECT_EQ(expand_path("~/.ssh/id", tokens), "/home/me/.ssh/id");
  EXPECT_EQ(expand_path("%d/%u/%i/%n/%h/%r/%p/%%", tokens), "/home/me/me/1000/app/10.0.0.1/deploy/2222/%");
  EXPECT_EQ(expand_path("/plain~/%C%", tokens), "/plain~/%C%");
  EXPECT_EQ(expand_path("${KEYS}/%u-${KEYS}", tokens), "/keys/me-/keys");
  EXPECT_EQ(expand_path("$KEYS/${UNSET}/${KEYS", tokens), "$KEYS/${UNSET}/${KEYS");
}

RC_GTEST_PROP(ClientConfig, AnyTextIsReadWithoutHarm, (const std::string& text)) {
  parse_client_config(text);
  parse_host_address(text);
  RC_ASSERT(expand_path(text, {}).size() <= text.size() + 1);
}

}  // namespace
}  // namespace bgdeploy::ssh
