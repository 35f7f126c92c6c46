#include "bgdeploy/host/sudo.hpp"

#include <gmock/gmock.h>

namespace bgdeploy::host {
namespace {

using core::ErrorKind;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

const std::vector<std::string> k_docker = {"sudo", "-n", "--", "docker", "version"};

Output ended(int exit_code, std::string err) {
  return {exit_code, "", "", std::move(err)};
}

TEST(SudoRefusal, IsDeniedWithItsWordsOnceAndTheRule) {
  const auto error = sudo_refusal("web-1", k_docker, ended(1, "sudo: a password is required\n"));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::denied);
  EXPECT_EQ(error->message, "web-1: sudo does not run docker without a password");
  EXPECT_THAT(error->details, Contains("sudo: a password is required"));
  EXPECT_THAT(error->details, Contains(HasSubstr("NOPASSWD: /usr/bin/docker")));
  EXPECT_THAT(error->details, Not(Contains(HasSubstr("x0a"))));
}

TEST(SudoRefusal, HasManyWords) {
  for (const std::string words :
       {"sudo: sorry, you must have a tty to run sudo",
        "sudo: no tty present and no askpass program specified",
        "bob is not in the sudoers file.  This incident will be reported.",
        "Sorry, user bob is not allowed to execute '/usr/bin/docker version' as root on web-1.",
        "Sorry, user bob may not run sudo on web-1."})
    EXPECT_TRUE(sudo_refusal("web-1", k_docker, ended(1, words))) << words;
  EXPECT_TRUE(sudo_refusal("web-1", k_docker, ended(127, "sh: 1: exec: sudo: not found\n")));
  EXPECT_TRUE(sudo_refusal("web-1", {"sudo", "-n", "--", "sh", "-c", "x"}, ended(126, "")));
}

TEST(SudoRefusal, IsNotWhatTheCommandItselfSays) {
  EXPECT_FALSE(sudo_refusal("web-1", k_docker, ended(0, "sudo: a password is required\n")));
  EXPECT_FALSE(
      sudo_refusal("web-1", k_docker, ended(1, "sudo: unable to resolve host web-1\nno such thing\n")));
  EXPECT_FALSE(sudo_refusal("web-1", k_docker, ended(1, "sudo: docker: command not found\n")));
  EXPECT_FALSE(sudo_refusal("web-1", {"docker", "version"}, ended(1, "sudo: a password is required\n")));
}

}  // namespace
}  // namespace bgdeploy::host
