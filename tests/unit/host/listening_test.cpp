#include "bgdeploy/host/listening.hpp"

#include <gmock/gmock.h>

namespace bgdeploy::host {
namespace {

std::vector<std::string> sockets(std::string_view text) {
  std::vector<std::string> words;
  for (const auto& socket : parse_listening(text).value_or(std::vector<TcpEndpoint>{}))
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

TEST(Listening, LeavesOutWhatIsNoSocketThatListens) {
  EXPECT_THAT(sockets(R"(  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000
   1: 0100007F:1F91 0100007F:0050 01 00000000:00000000
   2: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0
junk
 3: : : 0A)"),
              ::testing::ElementsAre("127.0.0.1 8080", ":: 22"));
}

}  // namespace
}  // namespace bgdeploy::host
