// Connections that outlive the switch.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scenario.hpp"

namespace e2e {
namespace {

class Drain : public Scenario {};

// A connection as a WebSocket is: upgraded through nginx, then open until one side ends it.
class Held {
public:
  explicit Held(const Lab& lab) : m_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{15, 0};
    ::setsockopt(m_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(80);
    ::inet_pton(AF_INET, lab.env("LAB_ADDRESS").c_str(), &address.sin_addr);
    m_open = ::connect(m_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
             exchange("GET /hold HTTP/1.1\r\nHost: lab\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
                 .starts_with("HTTP/1.1 101");
  }
  ~Held() { ::close(m_fd); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  bool open() const { return m_open; }
  bool echoes(const std::string& words) { return exchange(words) == words; }

private:
  std::string exchange(const std::string& words) {
    if (::send(m_fd, words.data(), words.size(), MSG_NOSIGNAL) < 0) return "";
    char data[1024];
    const auto got = ::recv(m_fd, data, sizeof data, 0);
    return got > 0 ? std::string(data, static_cast<std::size_t>(got)) : "";
  }

  int m_fd;
  bool m_open = false;
};

TEST_F(Drain, EndsAtItsCapAndSaysWhatItCut) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec({{"drain", "drain: {timeout: 4s}"},
              {"docker", "docker: {container_port: 8080, stop_grace_period: 1s}"}});
  deploy_well("1.0");
  Held held(lab());
  ASSERT_TRUE(held.open());
  start_load({.slow_ms = 1000});
  auto run = start_bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  ASSERT_TRUE(run.wait_for_line(std::chrono::seconds{60}, [](std::string_view line) {
    const auto event = parse_event(line);
    return event && event->name == "step.started" && event->step == "drain";
  })) << run.err();
  EXPECT_TRUE(held.echoes("still here")) << "an open connection survives the switch until the cap";
  const auto finished = run.wait();
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_GE(finished.took, std::chrono::seconds{4}) << finished;
  EXPECT_LT(finished.took, std::chrono::seconds{15}) << finished;
  EXPECT_NE(finished.both().find("1 connection"), std::string::npos)
      << "it does not say what it cut" << finished;
  EXPECT_EQ(served(), "1.1");
  EXPECT_FALSE(held.echoes("gone"));
  stop_load();
}

TEST_F(Drain, EndsAsSoonAsNothingUsesTheOldSlot) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec({{"drain", "drain: {timeout: 1m}"}});
  deploy_well("1.0");
  const auto finished = deploy("1.1");
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_LT(finished.took, std::chrono::seconds{30}) << finished;
}

TEST_F(Drain, AnApplicationDeafToSigtermIsKilledAfterItsGracePeriod) {
  lab().image("deaf", {{"APP_IGNORE_SIGTERM", "1"}, {"VERSION", "deaf"}});
  lab().image("1.1");
  write_spec({{"docker", "docker: {container_port: 8080, stop_grace_period: 1s}"}});
  deploy_well("deaf");
  start_load({.slow_ms = 1000});
  const auto finished = deploy("1.1");
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_EQ(served(), "1.1");
  EXPECT_EQ(container_state("blue"), "exited");
  stop_load();
}

}  // namespace
}  // namespace e2e
