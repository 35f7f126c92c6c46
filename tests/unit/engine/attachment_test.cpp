#include "bgdeploy/engine/attachment.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>

#include "bgdeploy/engine/client.hpp"
#include "fake_daemon.hpp"

namespace bgdeploy::engine {
namespace {

using core::ErrorKind;
using testing::FakeDaemon;

Wait in_a_moment() {
  return Wait::for_at_most(std::chrono::seconds(20));
}

std::string framed(char stream, const std::string& text) {
  return std::string{stream, 0, 0, 0, 0, 0, 0, static_cast<char>(text.size())} + text;
}

const std::string k_upgraded = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

struct Seen {
  std::string out, err;
  Attachment::Output sink() {
    return [this](bool is_stderr, std::string_view piece) { (is_stderr ? err : out) += piece; };
  }
};

TEST(Attachment, TakesFramesApartAndATerminalAsItIs) {
  for (const bool terminal : {false, true}) {
    const auto bytes = terminal ? std::string("raw\x01\r\n") : framed(1, "out") + framed(2, "err");
    FakeDaemon daemon([&](const auto&, const auto&) { return k_upgraded + bytes + FakeDaemon::k_close; });
    Seen seen;
    Attachment streams(terminal, seen.sink());
    const auto response = streams.open(daemon.socket(), {"POST", "/x", "", {}}, in_a_moment());
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 101);
    EXPECT_TRUE(streams.join(nullptr, {}, in_a_moment()));
    EXPECT_EQ(seen.out, terminal ? bytes : "out");
    EXPECT_EQ(seen.err, terminal ? "" : "err");
  }
}

TEST(Attachment, ARefusalHasItsBody) {
  for (const char* end : {"", FakeDaemon::k_close}) {
    FakeDaemon daemon([&](const auto&, const auto&) { return FakeDaemon::response(409, "words") + end; });
    Attachment streams(false, [](bool, std::string_view) {});
    const auto response = streams.open(daemon.socket(), {"POST", "/x", "{}", {}}, in_a_moment());
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 409);
    EXPECT_EQ(response->body, "words");
  }
}

TEST(Attachment, NoDaemonASilentOneAndOneThatBreaksOff) {
  const auto kind = [](const std::filesystem::path& socket, core::Duration patience) {
    Attachment streams(false, [](bool, std::string_view) {});
    const auto response = streams.open(socket, {"POST", "/x", "", {}}, Wait::for_at_most(patience));
    return response ? ErrorKind::internal : response.error().kind;
  };
  EXPECT_EQ(kind("/nowhere/docker.sock", std::chrono::seconds(20)), ErrorKind::unreachable);
  FakeDaemon silent([](const auto&, const auto&) { return std::string(); });
  EXPECT_EQ(kind(silent.socket(), std::chrono::milliseconds(50)), ErrorKind::timeout);
  FakeDaemon broken([](const auto&, const auto&) { return std::string("HTTP/1.1 ") + FakeDaemon::k_close; });
  EXPECT_EQ(kind(broken.socket(), std::chrono::seconds(20)), ErrorKind::lost);
  FakeDaemon stranger([](const auto&, const auto&) { return std::string("SSH-2.0-x\r\n\r\n"); });
  EXPECT_EQ(kind(stranger.socket(), std::chrono::seconds(20)), ErrorKind::refused);
}

TEST(Attachment, AStopEndsTheWaitAndItCanGoOn) {
  FakeDaemon daemon([&](const auto&, const auto&) { return k_upgraded + framed(1, "first"); });
  Seen seen;
  Attachment streams(false, seen.sink());
  ASSERT_TRUE(streams.open(daemon.socket(), {"POST", "/x", "", {}}, in_a_moment()));
  const auto late = streams.join(nullptr, {}, Wait::for_at_most(std::chrono::milliseconds(300)));
  EXPECT_EQ(late.error().kind, ErrorKind::timeout);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(
      streams.join(nullptr, {}, Wait::for_at_most(std::chrono::seconds(20), stop.get_token())).error().kind,
      ErrorKind::cancelled);
  EXPECT_EQ(seen.out, "first");
}

TEST(Attachment, AskForInputWithKeysThatNobodyTypes) {
  std::string asked;
  FakeDaemon daemon([&](const std::string& line, const auto&) {
    if (line == "GET /_ping") return FakeDaemon::pong("1.41");
    asked = line;
    return FakeDaemon::response(404, R"({"message": "No such container: x"})");
  });
  const auto client = Client::open(daemon.socket(), in_a_moment()).value();
  const auto streams = client->attach(
      "x", true, false, [](bool, std::string_view) {}, in_a_moment());
  EXPECT_EQ(streams.error().kind, ErrorKind::not_found);
  EXPECT_THAT(asked, ::testing::HasSubstr("&stdin=1&detachKeys=ctrl-%5D%2Cctrl-%5D"));
}

}  // namespace
}  // namespace bgdeploy::engine
