#include "runtime/listening.hpp"

#include <gmock/gmock.h>

#include "bgdeploy/runtime/docker_words.hpp"
#include "runtime/start_advice.hpp"

namespace bgdeploy::runtime {
namespace {

std::vector<std::string> sockets(std::string_view text) {
  std::vector<std::string> words;
  for (const auto& socket : parse_listening(text).value_or(std::vector<host::TcpEndpoint>{}))
    words.push_back(socket.address + " " + std::to_string(socket.port));
  return words;
}

constexpr std::string_view k_head =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

TEST(Listening, IsReadFromBothTablesOfTheKernel) {
  const std::string text =
      std::string(k_head) +
      "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 "
      "0 0 10 0\n"
      "   1: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 "
      "0 0 10 0\n"
      "   2: 0B00007F:9C41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 "
      "0 0 10 0\n"
      "   3: 020011AC:1F90 010011AC:C001 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 20 4 "
      "30 10 -1\n" +
      std::string(k_head) +
      "   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0 0 0 0 0 5\n"
      "   1: 00000000000000000000000001000000:22B8 00000000000000000000000000000000:0000 0A 0 0 0 0 0 6\n"
      "   2: 0000000000000000FFFF00000100007F:22B9 00000000000000000000000000000000:0000 0A 0 0 0 0 0 7\n";
  EXPECT_THAT(sockets(text), ::testing::ElementsAre("0.0.0.0 8080", "127.0.0.1 80", ":: 8080", "::1 8888",
                                                    "127.0.0.1 8889"));
}

TEST(Listening, IsUnknownWithoutATable) {
  EXPECT_EQ(parse_listening(""), std::nullopt);
  EXPECT_EQ(parse_listening("cat: /proc/1/net/tcp: Permission denied\n"), std::nullopt);
  ASSERT_TRUE(parse_listening(k_head));
  EXPECT_TRUE(parse_listening(k_head)->empty());
  EXPECT_TRUE(
      sockets(std::string(k_head) + "   0: zz:1F90 00000000:0000 0A\n   1: 0000:1F90 0 0A\n 2: x 0 0A\n")
          .empty());
}

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
