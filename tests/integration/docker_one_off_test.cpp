// Containers that run one command and go.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "bgdeploy/core/text.hpp"
#include "support/docker_lab.hpp"

namespace bgdeploy {
namespace {

using core::ErrorKind;
using testing::Docker;
using testing::DockerLab;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using testing::soon;
using Json = nlohmann::json;

constexpr core::Duration k_a_minute = std::chrono::minutes(1);

// What a command writes, and somebody who waits for some of it.
class Streams {
public:
  runtime::Inspection::Output sink() {
    return [this](bool is_stderr, std::string_view piece) {
      const std::lock_guard lock(m_mutex);
      (is_stderr ? m_err : m_out) += piece;
      m_changed.notify_all();
    };
  }
  std::string out() {
    const std::lock_guard lock(m_mutex);
    return m_out;
  }
  std::string err() {
    const std::lock_guard lock(m_mutex);
    return m_err;
  }
  bool await(const std::string& text) {
    std::unique_lock lock(m_mutex);
    return m_changed.wait_for(lock, k_a_minute, [&] { return m_out.find(text) != std::string::npos; });
  }

private:
  std::mutex m_mutex;
  std::condition_variable m_changed;
  std::string m_out, m_err;
};

class TestConsole final : public engine::Console {
public:
  explicit TestConsole(std::optional<engine::Window> window = {}) : m_window(window) {
    if (::pipe2(m_pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    m_resized = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  }
  ~TestConsole() override {
    hang_up();
    ::close(m_pipe[0]);
    ::close(m_resized);
  }
  int input() const override { return m_pipe[0]; }
  std::optional<engine::Window> window() override {
    std::uint64_t count = 0;
    (void)!::read(m_resized, &count, sizeof count);
    const std::lock_guard lock(m_mutex);
    return m_window;
  }
  int resized() const override { return m_resized; }
  void begin() override { ++begun; }
  void end() override { ++ended; }

  void type(const std::string& text) const {
    ASSERT_EQ(::write(m_pipe[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void hang_up() {
    if (m_pipe[1] >= 0) ::close(m_pipe[1]);
    m_pipe[1] = -1;
  }
  void resize(engine::Window window) {
    {
      const std::lock_guard lock(m_mutex);
      m_window = window;
    }
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(m_resized, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }

  std::atomic<int> begun = 0, ended = 0;

private:
  std::array<int, 2> m_pipe{};
  int m_resized;
  std::mutex m_mutex;
  std::optional<engine::Window> m_window;
};

runtime::OneOff::Request request_of(const Docker& docker, std::vector<std::string> argv,
                                    engine::Console* console = nullptr) {
  return {
      .slot = 0, .launch = docker.launch(), .argv = std::move(argv), .purpose = "test", .console = console};
}

std::string containers() {
  return DockerLab::get().docker({"ps", "-a", "--format", "{{.Names}}"});
}

std::string one_offs() {
  return DockerLab::get().docker({"ps", "-aq", "--no-trunc", "--filter", "label=bgdeploy.one_off"});
}

TEST(DockerOneOff, TellsTheExitCodeAndKeepsStdoutAndStderrApart) {
  Docker docker;
  Streams streams;
  const auto code = docker.runtime().run_once(request_of(docker, {"/app", "print", "out", "err", "7"}),
                                              streams.sink(), soon());
  ASSERT_TRUE(code) << code.error().message;
  EXPECT_EQ(*code, 7);
  EXPECT_EQ(streams.out(), "out");
  EXPECT_EQ(streams.err(), "err");
  EXPECT_EQ(containers(), "");
}

TEST(DockerOneOff, HasTheWholeConfigurationButNoPortAndNoNameOfASlot) {
  runtime::SecretValues secrets;
  secrets.environment["DB_PASSWORD"] = core::Secret("hunter2");
  Docker docker(
      [](spec::Spec& spec) {
        spec.docker.environment = {{"MODE", "prod"}, {"SLOT", "{slot}"}};
        spec.docker.networks = {"inside", "outside"};
        spec.docker.volumes = {"/tmp:/data/{slot}", "/cache"};
        spec.docker.mem_limit = 64 << 20;
        spec.docker.labels = {{"traefik.enable", "true"}};
        spec.docker.restart = "always";
        spec.secrets["DB_PASSWORD"] = {};
      },
      secrets);
  Streams streams;
  std::stop_source stop;
  auto running = std::async(std::launch::async, [&] {
    return docker.runtime().run_once(request_of(docker, {"/app", "serve"}), streams.sink(),
                                     core::Wait::for_at_most(k_a_minute, stop.get_token()));
  });
  ASSERT_TRUE(streams.await("ready"));
  const auto id = one_offs();
  const auto seen = Json::parse(DockerLab::get().docker({"inspect", id})).at(0);
  EXPECT_THAT(seen["Name"].get<std::string>(), HasSubstr("/shop-run-"));
  EXPECT_THAT(seen["Config"]["Env"].dump(), HasSubstr("\"MODE=prod\""));
  EXPECT_THAT(seen["Config"]["Env"].dump(), HasSubstr("\"SLOT=blue\""));
  EXPECT_THAT(seen["Config"]["Env"].dump(), HasSubstr("\"DB_PASSWORD=hunter2\""));
  EXPECT_THAT(seen["HostConfig"]["Binds"].dump(), HasSubstr("/tmp:/data/blue"));
  EXPECT_EQ(seen["HostConfig"]["Memory"], 64 << 20);
  EXPECT_EQ(seen["HostConfig"]["RestartPolicy"]["Name"], "no");
  EXPECT_THAT(seen["HostConfig"].value("PortBindings", Json()).dump(), Not(HasSubstr("808")));
  EXPECT_EQ(seen["NetworkSettings"]["Networks"].size(), 2U);
  EXPECT_THAT(seen["NetworkSettings"].dump(), Not(HasSubstr("shop-blue")));
  EXPECT_FALSE(seen["Config"]["Labels"].contains("traefik.enable"));
  EXPECT_FALSE(seen["Config"]["Labels"].contains("bgdeploy.slot"));

  // Nobody takes it for a slot's container.
  const auto slots = docker.runtime().observe({docker.launch(), docker.launch()}, soon()).value();
  EXPECT_EQ(slots[0], plan::SlotState{});
  EXPECT_EQ(slots[1], plan::SlotState{});

  stop.request_stop();
  const auto code = running.get();
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().kind, ErrorKind::cancelled);
  EXPECT_EQ(containers(), "");
  EXPECT_EQ(DockerLab::get().docker({"volume", "ls", "-q"}), "") << "its anonymous volume goes with it";
}

TEST(DockerOneOff, ATimeoutEndsIt) {
  Docker docker;
  Streams streams;
  const auto code = docker.runtime().run_once(request_of(docker, {"/app", "serve"}), streams.sink(),
                                              core::Wait::for_at_most(std::chrono::seconds(2)));
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().kind, ErrorKind::timeout);
  EXPECT_EQ(containers(), "");
}

TEST(DockerOneOff, WhatCannotStartHasDockersCodeAndLeavesNothing) {
  Docker docker;
  Streams streams;
  EXPECT_EQ(docker.runtime().run_once(request_of(docker, {"/nothing"}), streams.sink(), soon()), 127);
  EXPECT_THAT(streams.err(), HasSubstr("/nothing"));
  EXPECT_EQ(docker.runtime().run_once(request_of(docker, {"/"}), streams.sink(), soon()), 126);
  auto missing = request_of(docker, {"/app"});
  missing.launch.release.tag = "never-built";
  EXPECT_EQ(docker.runtime().run_once(missing, streams.sink(), soon()).error().kind, ErrorKind::not_found);
  EXPECT_EQ(containers(), "");
}

TEST(DockerOneOff, ReadsItsInputToTheEnd) {
  Docker docker;
  Streams streams;
  TestConsole console;
  std::string text;
  for (int i = 0; i < 4000; ++i) text += "line " + std::to_string(i) + "\n";
  const std::jthread typing([&] {
    console.type(text);
    console.hang_up();
  });
  EXPECT_EQ(docker.runtime().run_once(request_of(docker, {"/app", "copy"}, &console), streams.sink(), soon()),
            0);
  EXPECT_EQ(streams.out(), text);
  EXPECT_EQ(console.begun, 1);
  EXPECT_EQ(console.ended, 1);
  EXPECT_EQ(containers(), "");
}

TEST(DockerOneOff, ATerminalHasTheSizeOfTheWindow) {
  Docker docker;
  Streams streams;
  TestConsole console(engine::Window{33, 77});
  auto running = std::async(std::launch::async, [&] {
    return docker.runtime().run_once(request_of(docker, {"/app", "size"}, &console), streams.sink(), soon());
  });
  EXPECT_TRUE(streams.await("33x77\r\n")) << streams.out();
  console.resize({50, 132});
  EXPECT_TRUE(streams.await("50x132\r\n")) << streams.out();
  console.type("\x03");
  EXPECT_EQ(running.get(), 130) << "the terminal makes it SIGINT";
  EXPECT_EQ(containers(), "");
}

TEST(DockerOneOff, ACommandInAContainerHasInputAndATerminal) {
  Docker docker;
  const auto container = docker.launch_ready(0, docker.launch());
  Streams copied;
  TestConsole pipe;
  pipe.type("over the wire");
  pipe.hang_up();
  EXPECT_EQ(docker.runtime().exec(container.id, {"/app", "copy"}, &pipe, copied.sink(), soon()), 0);
  EXPECT_EQ(copied.out(), "over the wire");

  Streams streams;
  TestConsole console(engine::Window{20, 60});
  auto running = std::async(std::launch::async, [&] {
    return docker.runtime().exec(container.id, {"/app", "size"}, &console, streams.sink(), soon());
  });
  EXPECT_TRUE(streams.await("20x60\r\n")) << streams.out();
  console.resize({21, 61});
  EXPECT_TRUE(streams.await("21x61\r\n")) << streams.out();
  console.type("*\n");
  EXPECT_EQ(running.get(), '*');
}

TEST(DockerOneOff, OnlyWhatNobodyUsesIsALeftover) {
  Docker docker;
  Streams streams;
  auto request = request_of(docker, {"/app", "serve"});
  request.lock = "/run/one";
  auto running = std::async(std::launch::async,
                            [&] { return docker.runtime().run_once(request, streams.sink(), soon()); });
  ASSERT_TRUE(streams.await("ready"));
  std::vector<std::string> asked;
  const auto left = [&](bool ended) {
    return docker.runtime().remove_leftovers(
        [&](const std::string& lock) {
          asked.push_back(lock);
          return ended;
        },
        soon());
  };
  EXPECT_THAT(left(false).value(), IsEmpty());
  EXPECT_EQ(asked, std::vector<std::string>{"/run/one"});
  Docker staging([](spec::Spec& spec) { spec.slots[0].port = 9081; });
  EXPECT_THAT(staging.runtime().remove_leftovers([](const auto&) { return true; }, soon()).value(), IsEmpty())
      << "another environment's";
  EXPECT_NE(one_offs(), "");
  EXPECT_THAT(left(true).value(), SizeIs(1));
  EXPECT_EQ(one_offs(), "");
  (void)running.get();
}

}  // namespace
}  // namespace bgdeploy
