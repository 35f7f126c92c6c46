#include "bgdeploy/ssh/wire.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "bgdeploy/core/base64.hpp"

namespace bgdeploy::ssh {
namespace {

using namespace std::string_literals;

TEST(Wire, WritesNumbersAsRfc4251ShowsThem) {
  EXPECT_EQ(WireWriter().u32(0x0699b7aa).take(), "\x06\x99\xb7\xaa"s);
  EXPECT_EQ(WireWriter().mpint("").take(), "\0\0\0\0"s);
  EXPECT_EQ(WireWriter().mpint("\x09\xa3"s).take(), "\0\0\0\x02\x09\xa3"s);
  EXPECT_EQ(WireWriter().mpint("\x80"s).take(), "\0\0\0\x02\0\x80"s);
  EXPECT_EQ(WireWriter().mpint("\0\0\x7f"s).take(), "\0\0\0\x01\x7f"s);
}

TEST(Wire, ReadsNothingBeyondTheEnd) {
  EXPECT_FALSE(WireReader("\0\0\0"s).u32());
  EXPECT_FALSE(WireReader("\0\0\0\x05hell"s).string());
  EXPECT_FALSE(WireReader("\xff\xff\xff\xff"s).string());
  EXPECT_FALSE(WireReader("\0\0\0\x01\x80"s).mpint());
  EXPECT_FALSE(WireReader("").byte());
}

TEST(Wire, FingerprintIsAsSshKeygenPrintsIt) {
  const auto blob =
      core::base64_decode("AAAAC3NzaC1lZDI1NTE5AAAAIKGlnTMzPHYOCZ9bMcHQzy5mlbV6pBPbqCjRpQWpLhGP");
  ASSERT_TRUE(blob);
  EXPECT_EQ(fingerprint(*blob), "SHA256:gODRq4GVnNiJdzCmyZ7p3CviCG+lt5CKCKg/+nmAmTk");
  EXPECT_EQ(key_type(*blob), "ssh-ed25519");
  EXPECT_EQ(key_type("rubbish"), "");
}

RC_GTEST_PROP(Wire, StringsRoundTrip, (const std::string& one, const std::string& two)) {
  const auto bytes = WireWriter().string(one).string(two).take();
  WireReader reader(bytes);
  RC_ASSERT(reader.string() == one);
  RC_ASSERT(reader.string() == two);
  RC_ASSERT(reader.rest().empty());
}

}  // namespace
}  // namespace bgdeploy::ssh
