#include "bgdeploy/ssh/known_hosts.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "bgdeploy/core/base64.hpp"
#include "bgdeploy/ssh/wire.hpp"

namespace bgdeploy::ssh {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = KeyVerdict::Kind;

HostKey key_of(std::string_view type, std::string_view secret) {
  return {std::string(type), WireWriter().string(type).string(secret).take()};
}

const HostKey k_ed25519 = key_of("ssh-ed25519", "one");
const HostKey k_other = key_of("ssh-ed25519", "two");
const HostKey k_rsa = key_of("ssh-rsa", "three");

std::string line(std::string_view patterns, const HostKey& key) {
  return fmt::format("{} {} {}\n", patterns, key.type, core::base64_encode(key.blob));
}

Kind verdict(const std::string& text, std::string_view host, int port, const HostKey& key) {
  return check_host_key(parse_known_hosts(text, "known_hosts"), host, port, key).kind;
}

TEST(KnownHosts, FindsAKeyByNameAddressOrPort) {
  const auto text = line("app1,10.0.0.1", k_ed25519) + line("[app1]:2222", k_other);
  EXPECT_EQ(verdict(text, "app1", 22, k_ed25519), Kind::known);
  EXPECT_EQ(verdict(text, "10.0.0.1", 22, k_ed25519), Kind::known);
  EXPECT_EQ(verdict(text, "APP1", 22, k_ed25519), Kind::known);
  EXPECT_EQ(verdict(text, "app1", 2222, k_other), Kind::known);
  EXPECT_EQ(verdict(text, "app2", 22, k_ed25519), Kind::unknown);
}

TEST(KnownHosts, AnotherKeyOfAKnownHostIsAChangeWhateverItsType) {
  const auto text = line("app1", k_ed25519);
  EXPECT_EQ(verdict(text, "app1", 22, k_other), Kind::changed);
  EXPECT_EQ(verdict(text, "app1", 22, k_rsa), Kind::changed);
}

TEST(KnownHosts, OneOfSeveralKeysOfAHostIsEnough) {
  const auto text = line("app1", k_rsa) + line("app1", k_ed25519);
  EXPECT_EQ(verdict(text, "app1", 22, k_rsa), Kind::known);
  EXPECT_EQ(verdict(text, "app1", 22, k_ed25519), Kind::known);
  EXPECT_THAT(known_key_types(parse_known_hosts(text, "f"), "app1", 22),
              ElementsAre("ssh-rsa", "ssh-ed25519"));
}

TEST(KnownHosts, AnEntryWithoutAPortVouchesForOtherPortsButDoesNotAccuse) {
  const auto text = line("app1", k_ed25519);
  EXPECT_EQ(verdict(text, "app1", 2222, k_ed25519), Kind::known);
  EXPECT_EQ(verdict(text, "app1", 2222, k_other), Kind::unknown);
}

// Made by `ssh-keygen -H` of OpenSSH 9.2 from the names beside them.
TEST(KnownHosts, ReadsHashedNames) {
  constexpr const char* k_plain = "|1|CfX1odLlxIXBi9qY+L45FecfsxM=|YJZML+v609CgZbGZFra2p5W2sjA=";
  constexpr const char* k_with_port = "|1|QGRZdpqg37KdGVngYH3MCSL+5Vc=|q42JdQGGR6J+PFTlOiTDH1jJpvg=";
  EXPECT_TRUE(names_host(k_plain, "app1"));
  EXPECT_FALSE(names_host(k_plain, "[app1]:2222"));
  EXPECT_TRUE(names_host(k_with_port, "[app1]:2222"));
  EXPECT_FALSE(names_host("|1|CfX1odLlxIXBi9qY+L45FecfsxM=", "app1"));
  EXPECT_FALSE(names_host("|1||", "app1"));
}

TEST(KnownHosts, ARevokedKeyIsRevokedEvenWhenItIsListedToo) {
  const auto text = line("app1", k_ed25519) + "@revoked " + line("*", k_ed25519);
  EXPECT_EQ(verdict(text, "app1", 22, k_ed25519), Kind::revoked);
  EXPECT_EQ(verdict(text, "app1", 2222, k_ed25519), Kind::revoked);
  EXPECT_EQ(verdict(text, "app1", 22, k_other), Kind::changed);
}

TEST(KnownHosts, AnAuthorityIsNoKeyOfTheHost) {
  const auto entries = parse_known_hosts("@cert-authority " + line("*.example.com", k_ed25519), "f");
  const auto found = check_host_key(entries, "app1.example.com", 22, k_ed25519);
  EXPECT_EQ(found.kind, Kind::unknown);
  EXPECT_TRUE(found.only_authorities);
}

TEST(KnownHosts, MatchesWildcardsAndHonoursNegation) {
  EXPECT_TRUE(names_host("*.example.com", "app1.example.com"));
  EXPECT_TRUE(names_host("app?", "app1"));
  EXPECT_FALSE(names_host("app?", "app"));
  EXPECT_TRUE(names_host("[*]:2222", "[app1]:2222"));
  EXPECT_FALSE(names_host("!bad.example.com,*.example.com", "bad.example.com"));
  EXPECT_FALSE(names_host("*.example.com,!bad.example.com", "bad.example.com"));
  EXPECT_FALSE(names_host("!bad.example.com", "good.example.com"));
  EXPECT_FALSE(names_host("", "app1"));
  EXPECT_FALSE(names_host(",", ""));
}

TEST(KnownHosts, SkipsWhatItDoesNotUnderstandAndReadsOn) {
  const auto text = "# comment\n\n   \ngarbage\napp1 ssh-ed25519\napp1 ssh-ed25519 !!!!\n@unknown " +
                    line("app1", k_other) + "app1 ssh-rsa " + core::base64_encode(k_other.blob) + "\n" +
                    "  app1\tssh-ed25519\t" + core::base64_encode(k_ed25519.blob) + " a comment\r\n";
  const auto entries = parse_known_hosts(text, "known_hosts");
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_EQ(entries[0].line, 9);
  EXPECT_EQ(entries[0].file, "known_hosts");
  EXPECT_EQ(entries[0].key, k_ed25519);
}

TEST(KnownHosts, WritesALineThatItReadsBack) {
  for (const int port : {22, 2222}) {
    const auto entries = parse_known_hosts(known_hosts_line("App1", port, k_ed25519), "f");
    EXPECT_EQ(check_host_key(entries, "app1", port, k_ed25519).kind, Kind::known);
  }
}

RC_GTEST_PROP(KnownHosts, AnyTextIsReadWithoutHarm, (const std::string& text, const std::string& host)) {
  const auto entries = parse_known_hosts(text, "f");
  RC_ASSERT(check_host_key(entries, host, 22, k_ed25519).kind != Kind::known);
}

RC_GTEST_PROP(KnownHosts, AStarMatchesWhateverStandsInItsPlace, ()) {
  const auto plain = rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab.:[]")));
  const auto before = *plain, between = *plain, after = *plain;
  RC_ASSERT(names_host(before + "*" + after, before + between + after));
  RC_ASSERT(!names_host(before + "*x" + after, before + between + after));
}

}  // namespace
}  // namespace bgdeploy::ssh
