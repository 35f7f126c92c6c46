#include "bgdeploy/core/base64.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace bgdeploy::core {
namespace {

TEST(Base64, IsAsRfc4648ShowsIt) {
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64_decode("Zm8"), "fo");
  EXPECT_FALSE(base64_decode("Zm8*"));
  EXPECT_FALSE(base64_decode("Z"));
  for (const auto* text : {" Zm8=", "Zm8 ", "Zm\n8", "Zm9v----", "Zg==Zg=="})
    EXPECT_FALSE(base64_decode(text)) << text;
  EXPECT_EQ(base64_decode(""), "");
  EXPECT_EQ(base64_encode("\xfb\xff"), "+/8=");
  EXPECT_EQ(base64url_encode("\xfb\xff"), "-_8=");
}

RC_GTEST_PROP(Base64, RoundTrips, (const std::string& bytes)) {
  RC_ASSERT(base64_decode(base64_encode(bytes)) == bytes);
}

}  // namespace
}  // namespace bgdeploy::core
