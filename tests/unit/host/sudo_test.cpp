#include "bgdeploy/host/sudo.hpp"

#include <gmock/gmock.h>

namespace bgdeploy::host {
namespace {

using core::ErrorKind;
using testing::ElementsAre;

const Login k_web{"web-1", "ubuntu"};
const std::vector<std::string> k_docker = {"sudo", "-n", "--", "docker", "version"};

Output ended(int exit_code, std::string err) {
  return {exit_code, "", "", std::move(err)};
}

TEST(SudoRefusal, IsDeniedWithItsWordsOnceAndTheRule) {
  const auto error = sudo_refusal(k_web, k_docker, ended(1, "sudo: a password is required\n"));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::denied);
  EXPECT_EQ(error->message, "web-1: sudo wants a password to run docker");
  EXPECT_THAT(error->details, ElementsAre("sudo: a password is required"));
  EXPECT_EQ(error->next,
            "add this line to /etc/sudoers.d/bgdeploy on web-1: ubuntu ALL=(root) NOPASSWD: /usr/bin/docker "
            "--version, /usr/bin/docker version, /usr/bin/docker system dial-stdio");
}

TEST(SudoRefusal, SaysWhichOneItIs) {
  struct Case {
    std::string words, message, next;
  };
  const std::string allow = "add this line to /etc/sudoers.d/bgdeploy on web-1: ubuntu ALL=(root) NOPASSWD: ";
  for (const Case& one : {
           Case{"sudo: interactive authentication is required", "web-1: sudo wants a password to run docker",
                allow},
           Case{"sudo-rs: interactive authentication is required",
                "web-1: sudo wants a password to run docker", allow},
           Case{"sudo: sorry, you must have a tty to run sudo",
                "web-1: sudo wants a terminal to run docker (requiretty)",
                "add this line to /etc/sudoers.d/bgdeploy on web-1: Defaults:ubuntu !requiretty"},
           Case{"ubuntu is not in the sudoers file.", "web-1: ubuntu may not use sudo", allow},
           Case{"Sorry, user ubuntu may not run sudo on web-1.", "web-1: ubuntu may not use sudo", allow},
           Case{"Sorry, user ubuntu is not allowed to execute '/usr/bin/docker version' as root on web-1.",
                "web-1: sudo does not let ubuntu run docker", allow},
           Case{"sudo: I'm sorry ubuntu. I'm afraid I can't do that",
                "web-1: sudo does not let ubuntu run docker", allow},
           Case{"sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set",
                "web-1: sudo does not work", "mend sudo on web-1"},
           Case{"sudo: parse error in /etc/sudoers.d/x near line 1\nsudo: no valid sudoers sources found, "
                "quitting",
                "web-1: sudo does not work", "mend sudo on web-1"},
       }) {
    const auto error = sudo_refusal(k_web, k_docker, ended(1, one.words));
    ASSERT_TRUE(error) << one.words;
    EXPECT_EQ(error->message, one.message);
    EXPECT_THAT(error->next, testing::StartsWith(one.next)) << one.words;
  }
}

TEST(SudoRefusal, LeavesWarningsOut) {
  const auto error =
      sudo_refusal(k_web, k_docker,
                   ended(1,
                         "sudo: unable to resolve host web-1: Name or service not known\nsudo: a password is "
                         "required\n"));
  ASSERT_TRUE(error);
  EXPECT_THAT(error->details, ElementsAre("sudo: a password is required"));
}

TEST(SudoRefusal, HasManyWords) {
  for (const std::string words :
       {"sudo: sorry, you must have a tty to run sudo",
        "sudo: no tty present and no askpass program specified",
        "bob is not in the sudoers file.  This incident will be reported.",
        "Sorry, user bob is not allowed to execute '/usr/bin/docker version' as root on web-1.",
        "Sorry, user bob may not run sudo on web-1."})
    EXPECT_TRUE(sudo_refusal(k_web, k_docker, ended(1, words))) << words;
  EXPECT_TRUE(sudo_refusal(k_web, k_docker, ended(127, "sh: 1: exec: sudo: not found\n")));
  EXPECT_TRUE(sudo_refusal(k_web, {"sudo", "-n", "--", "sh", "-c", "x"}, ended(126, "")));
}

TEST(SudoRefusal, IsNotWhatTheCommandItselfSays) {
  EXPECT_FALSE(sudo_refusal(k_web, k_docker, ended(0, "sudo: a password is required\n")));
  EXPECT_FALSE(
      sudo_refusal(k_web, k_docker, ended(1, "sudo: unable to resolve host web-1\nno such thing\n")));
  EXPECT_FALSE(sudo_refusal(k_web, k_docker, ended(1, "sudo: docker: command not found\n")));
  EXPECT_FALSE(sudo_refusal(k_web, {"docker", "version"}, ended(1, "sudo: a password is required\n")));
}

}  // namespace
}  // namespace bgdeploy::host
