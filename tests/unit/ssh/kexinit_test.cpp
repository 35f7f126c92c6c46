#include "bgdeploy/ssh/kexinit.hpp"

#include <gmock/gmock.h>

#include "bgdeploy/ssh/wire.hpp"

namespace bgdeploy::ssh {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string packet(const std::array<const char*, 8>& lists) {
  WireWriter payload;
  payload.byte(20);
  for (int i = 0; i < 16; ++i) payload.byte(7);
  for (const auto* list : lists) payload.string(list);
  payload.string("").string("").byte(0).u32(0);
  const auto bytes = payload.take();
  return WireWriter().u32(static_cast<std::uint32_t>(bytes.size() + 1)).byte(0).take() + bytes;
}

constexpr std::array<const char*, 8> k_ours{"curve25519-sha256,ecdh-sha2-nistp256",
                                            "ssh-ed25519",
                                            "aes256-ctr",
                                            "aes256-ctr",
                                            "hmac-sha2-256",
                                            "hmac-sha2-256",
                                            "none",
                                            "none"};

TEST(Offers, AreReadBehindTheVersionAndWhatMayComeBeforeThat) {
  const auto offer = parse_offer("a banner\r\nSSH-2.0-OpenSSH_9.2\r\n" + packet(k_ours));
  ASSERT_TRUE(offer);
  EXPECT_THAT(offer->methods[0], ElementsAre("curve25519-sha256", "ecdh-sha2-nistp256"));
  EXPECT_THAT(offer->methods[7], ElementsAre("none"));
}

TEST(Offers, OfWhichAPartCameAreNone) {
  const auto whole = "SSH-2.0-x\r\n" + packet(k_ours);
  EXPECT_TRUE(parse_offer(whole));
  for (std::size_t size = 0; size < whole.size() - 14; ++size)
    EXPECT_FALSE(parse_offer(whole.substr(0, size)));
  EXPECT_FALSE(parse_offer("HTTP/1.1 400 Bad Request\r\n\r\n"));
}

TEST(Offers, WithoutACommonMethodAreBothNamedForEachKind) {
  auto theirs = k_ours;
  const auto ours = parse_offer("SSH-2.0-x\n" + packet(k_ours)).value();
  EXPECT_THAT(without_common_method(ours, ours), IsEmpty());
  theirs[0] = "sntrup761x25519-sha512@openssh.com";
  theirs[1] = "ssh-rsa\x1b";
  theirs[2] = theirs[3] = "3des-cbc";
  theirs[5] = "umac-64@openssh.com";
  theirs[6] = theirs[7] = "zlib";
  EXPECT_THAT(
      without_common_method(ours, parse_offer("SSH-2.0-x\n" + packet(theirs)).value()),
      ElementsAre(
          "no common key exchange: this build offers curve25519-sha256, ecdh-sha2-nistp256; the host offers "
          "sntrup761x25519-sha512@openssh.com",
          "no common host key: this build offers ssh-ed25519; the host offers ssh-rsa\\x1b",
          "no common cipher: this build offers aes256-ctr; the host offers 3des-cbc",
          "no common MAC: this build offers hmac-sha2-256; the host offers umac-64@openssh.com",
          "no common compression: this build offers none; the host offers zlib"));
}

}  // namespace
}  // namespace bgdeploy::ssh
