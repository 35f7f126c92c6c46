#include "bgdeploy/spec/reference.hpp"

#include <gtest/gtest.h>

namespace bgdeploy::spec {
namespace {

TEST(Tag, FollowsTheGrammar) {
  for (const auto* tag : {"1", "v1.2.3", "_x", "a-b.c_d", "LATEST"}) EXPECT_TRUE(check_tag(tag)) << tag;
  EXPECT_TRUE(check_tag(std::string(128, 'a')));
  for (const auto* tag : {"", ".a", "-a", "a b", "a/b", "a:b", "a$(id)", "a\n", "ä"})
    EXPECT_FALSE(check_tag(tag)) << tag;
  EXPECT_FALSE(check_tag(std::string(129, 'a')));
  EXPECT_FALSE(check_tag(std::string_view("a\0", 2)));
  EXPECT_EQ(check_tag("a b").error(),
            (core::Error{
                core::ErrorKind::usage,
                "'a b' is not a tag: 1 to 128 letters, digits, '_', '.' and '-', beginning with none of the "
                "last two",
                {}}));
}

TEST(Digest, IsSha256InLowerCaseHex) {
  EXPECT_TRUE(check_digest("sha256:" + std::string(64, 'a')));
  EXPECT_FALSE(check_digest("sha256:" + std::string(63, 'a')));
  EXPECT_FALSE(check_digest("sha256:" + std::string(65, 'a')));
  EXPECT_FALSE(check_digest("sha256:" + std::string(64, 'A')));
  EXPECT_FALSE(check_digest("sha512:" + std::string(64, 'a')));
  EXPECT_FALSE(check_digest(""));
}

TEST(Repository, FollowsTheGrammar) {
  for (const auto* name :
       {"app", "owner/app", "a/b/c", "localhost:5000/app", "registry.example.com/a_b/c__d/e---f",
        "10.0.0.1:5000/x", "[::1]:5000/x", "localhost/app", "Registry/app", "a.b"}) {
    EXPECT_TRUE(check_repository(name)) << name;
  }
  for (const auto* name :
       {"",          "/",    "/app",   "app/",  "a//b",  "App",       "owner/App",     "a b",
        "a$(id)",    "-app", "app-",   "a..b",  "a___b", "a._b",      "host:port/app", "host:0/app",
        "-x.y/app:", "a:b",  "a:5000", "a/b:c", "a@b",   ":5000/app", "[::1/app",      "a/-oX"}) {
    EXPECT_FALSE(check_repository(name)) << name;
  }
  EXPECT_FALSE(check_repository(std::string(256, 'a')));
}

}  // namespace
}  // namespace bgdeploy::spec
