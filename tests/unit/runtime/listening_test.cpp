#include "runtime/listening.hpp"

#include <gmock/gmock.h>

#include "bgdeploy/runtime/docker_words.hpp"
#include "runtime/start_advice.hpp"

namespace bgdeploy::runtime {
namespace {

TEST(Listening, ALineOfSsNamesTheProcess) {
  EXPECT_EQ(parse_listener("LISTEN 0 5 0.0.0.0:8081 0.0.0.0:* users:((\"python3\",pid=4624,fd=3))\n"),
            "python3 (pid 4624)");
  EXPECT_EQ(parse_listener("LISTEN 0 5 0.0.0.0:8081 0.0.0.0:*\n"), "");
  EXPECT_EQ(parse_listener(""), "");
  EXPECT_EQ(parse_listener("users:((\"a\x1b[31m\",pid=1,fd=3))"), "a\\x1b[31m (pid 1)");
  EXPECT_EQ(parse_listener("users:((\"a\",pid=x"), "");
}

TEST(StartAdvice, LeavesDockersPartsOutAndSaysWhatToMend) {
  spec::Spec spec;
  const auto advised = [&](std::string said) {
    return with_advice({core::ErrorKind::refused, std::move(said), {}}, spec, "shop-blue", "web-1");
  };
  const auto missing = advised(
      "docker: failed to create task for container: failed to create shim task: OCI runtime create failed: "
      "runc "
      "create failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: "
      "unknown");
  EXPECT_EQ(missing.message,
            "docker cannot start shop-blue: exec: \"nope\": executable file not found in $PATH");
  EXPECT_EQ(missing.next, "check docker.command and docker.entrypoint against what the image has");
  EXPECT_EQ(advised("docker: write /var/lib/docker/x: no space left on device").next,
            "free some space on web-1: docker system df shows what takes it");
  EXPECT_EQ(advised("docker: Minimum memory limit allowed is 6MB: memory limit").next,
            "raise docker.mem_limit");
  EXPECT_EQ(advised("docker: something new").next, "");
  EXPECT_EQ(without_layers("OCI runtime exec failed: exec failed: unable to start container process: exec: "
                           "\"nosuch\": executable file not found in $PATH: unknown"),
            "exec: \"nosuch\": executable file not found in $PATH");
  EXPECT_EQ(without_layers("the host is unknown: unknown"), "the host is unknown: unknown");
  spec.compose.emplace();
  EXPECT_EQ(advised("exec: \"nope\": executable file not found in $PATH").next,
            "check `command` and `entrypoint` in the compose file");
}

}  // namespace
}  // namespace bgdeploy::runtime
