// Containers from their start to their removal, as the runtime reports and changes them.
#include <gmock/gmock.h>

#include <array>
#include <future>
#include <thread>

#include "support/docker_lab.hpp"

namespace bgdeploy {
namespace {

using core::ErrorKind;
using ::testing::Contains;
using testing::Docker;
using testing::DockerLab;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::soon;
using Status = plan::Container::Status;

// What an await_exit that failed reads as, other than any exit code and than none.
constexpr std::optional<int> k_failed = -1;

TEST(DockerLifecycle, AnEmptyHostHasEmptySlots) {
  Docker docker;
  const auto slots = docker.runtime().observe({}, soon());
  ASSERT_TRUE(slots) << slots.error().message;
  EXPECT_EQ((*slots)[0], plan::SlotState{});
  EXPECT_EQ((*slots)[1], plan::SlotState{});
}

TEST(DockerLifecycle, ALookAlikeIsNotTheSlot) {
  Docker docker;
  auto& lab = DockerLab::get();
  lab.docker({"run", "-d", "--name", "shop-blue-2", "app:1"});
  const auto squatter = lab.docker({"run", "-d", "--name", "other", "-p", "127.0.0.1:8082:80", "app:1"});
  const auto labelled = lab.docker({"create", "--name", "strayed", "--label", "bgdeploy.service=shop",
                                    "--label", "bgdeploy.slot=blue", "app:1"});
  const auto slots = docker.runtime().observe({}, soon()).value();
  EXPECT_FALSE(slots[0].container);
  ASSERT_THAT(slots[0].others, SizeIs(1));
  EXPECT_EQ(slots[0].others[0].id, labelled);
  ASSERT_THAT(slots[1].others, SizeIs(1));
  EXPECT_EQ(slots[1].others[0].id, squatter);
}

TEST(DockerLifecycle, AForeignContainerUnderTheNameIsReportedAsSuch) {
  Docker docker;
  auto& lab = DockerLab::get();
  const auto digest = lab.publish("legacy", "v7", "legacy");
  const auto image = lab.open_registry() + "/legacy";
  const auto id = lab.docker({"run", "-d", "--name", "shop-green", "-p", "8082:80", image + ":v7"});
  const auto slots = docker.runtime().observe({std::nullopt, docker.launch()}, soon()).value();
  ASSERT_TRUE(slots[1].container);
  const auto& found = *slots[1].container;
  EXPECT_EQ(found.id, id);
  EXPECT_FALSE(found.managed);
  EXPECT_EQ(found.release, (plan::Release{"", "v7", image, digest}));
  EXPECT_THAT(*found.differences, Contains("image"));
  EXPECT_THAT(slots[1].others, IsEmpty());
  const auto where = docker.runtime().reachable(1, id, {}, soon());
  ASSERT_TRUE(where);
  EXPECT_EQ(where->address, "127.0.0.1");
  EXPECT_EQ(where->port, 8082);
}

TEST(DockerLifecycle, AnotherEnvironmentsContainersAreStrangers) {
  Docker docker;
  auto& lab = DockerLab::get();
  const auto labels = [](const std::string& service, const std::string& slot) {
    return std::vector<std::string>{"--label", "bgdeploy.service=" + service, "--label",
                                    "bgdeploy.slot=" + slot};
  };
  const auto create = [&](const std::string& name, const std::string& port, std::vector<std::string> more) {
    std::vector<std::string> argv{"create", "--name", name, "-p", "127.0.0.1:" + port + ":80"};
    argv.insert(argv.end(), more.begin(), more.end());
    argv.push_back("app:1");
    return lab.docker(argv);
  };
  const auto named = create("shop-blue", "9081", labels("shop", "blue"));
  const auto staging = create("staging-green", "9082", labels("shop", "green"));
  const auto pay = create("pay-green", "8082", labels("pay", "green"));
  auto slots = docker.runtime().observe({docker.launch(), docker.launch()}, soon()).value();
  EXPECT_FALSE(slots[0].container);
  ASSERT_THAT(slots[0].strangers, SizeIs(1));
  EXPECT_EQ(slots[0].strangers[0].container.id, named);
  EXPECT_EQ(slots[0].strangers[0].container.published.front().first, 9081) << "although it does not run";
  ASSERT_THAT(slots[1].strangers, SizeIs(2));
  for (const auto& stranger : slots[1].strangers)
    EXPECT_EQ(stranger.owner, stranger.container.id == pay ? "pay" : "") << stranger.container.id << staging;
  EXPECT_THAT(slots[0].others, IsEmpty());
  EXPECT_THAT(slots[1].others, IsEmpty());
}

TEST(DockerLifecycle, APausedContainerIsStoppedAndGoesOn) {
  Docker docker;
  const auto container = docker.launch_ready(0, docker.launch());
  const auto pause = [&] {
    DockerLab::get().docker({"pause", container.id});
    return docker.runtime().observe({}, soon()).value()[0].container.value_or(plan::Container{}).status;
  };
  EXPECT_EQ(pause(), Status::paused);
  ASSERT_TRUE(docker.runtime().start(container.id, soon()));
  EXPECT_EQ(docker.inspect(container.id, "{{.State.Status}}"), "running");
  EXPECT_EQ(pause(), Status::paused);
  EXPECT_EQ(docker.runtime().stop(container.id, std::chrono::seconds(30), soon()), false);
  EXPECT_EQ(docker.inspect(container.id, "{{.State.Status}}"), "exited");
  EXPECT_TRUE(docker.runtime().remove(container.id, soon()));
}

TEST(DockerLifecycle, AnUnpublishedContainerIsReachedAtItsOwnAddress) {
  Docker docker([](spec::Spec& spec) {
    spec.docker.host_ip = "none";
    spec.docker.networks = {"inside"};
    spec.docker.container_port = "3000";
  });
  const auto container = docker.launch_ready(0, docker.launch());
  const auto where = docker.runtime().reachable(0, container.id, {}, soon());
  ASSERT_TRUE(where) << where.error().message;
  EXPECT_EQ(where->address, docker.inspect(container.id, "{{.NetworkSettings.Networks.inside.IPAddress}}"));
  EXPECT_EQ(where->port, 3000);
}

TEST(DockerLifecycle, StopTellsWhetherItHadToKill) {
  Docker docker;
  const auto polite = docker.launch_ready(0, docker.launch());
  const auto stubborn = docker.launch_ready(1, docker.launch({"/app", "stubborn"}));
  EXPECT_EQ(docker.runtime().stop(polite.id, std::chrono::seconds(30), soon()), false);
  EXPECT_EQ(docker.runtime().stop(stubborn.id, std::chrono::seconds(1), soon()), true);
  // Again, and after it is gone.
  EXPECT_EQ(docker.runtime().stop(polite.id, std::chrono::seconds(30), soon()), false);
  EXPECT_TRUE(docker.runtime().remove(polite.id, soon()));
  EXPECT_TRUE(docker.runtime().remove(polite.id, soon()));
  EXPECT_EQ(docker.runtime().stop(polite.id, std::chrono::seconds(30), soon()), false);
}

TEST(DockerLifecycle, ARunningContainerIsNotRemoved) {
  Docker docker;
  const auto container = docker.launch_ready(0, docker.launch());
  const auto removed = docker.runtime().remove(container.id, soon());
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind, ErrorKind::conflict);
  EXPECT_EQ(docker.inspect(container.id, "{{.State.Running}}"), "true");
}

TEST(DockerLifecycle, NoPolicyRevivesAStoppedContainerAndAStartBringsItBack) {
  const std::vector<std::array<std::string, 2>> cases{{"always", "unless-stopped 0"},
                                                      {"on-failure:3", "unless-stopped 0"},
                                                      {"on-failure", "unless-stopped 0"},
                                                      {"unless-stopped", "unless-stopped 0"},
                                                      {"no", "no 0"}};
  for (const auto& [asked, stopped] : cases) {
    SCOPED_TRACE(asked);
    Docker docker([&](spec::Spec& spec) { spec.docker.restart = asked; });
    const auto container = docker.launch_ready(0, docker.launch());
    const auto policy = [&] {
      return docker.inspect(
          container.id, "{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}");
    };
    const auto before = policy();
    EXPECT_EQ(before, asked == "on-failure:3" ? "on-failure 3" : asked + " 0");
    ASSERT_TRUE(docker.runtime().stop(container.id, std::chrono::seconds(30), soon()));
    EXPECT_EQ(policy(), stopped);
    const auto slots = docker.runtime().observe({docker.launch(), std::nullopt}, soon()).value();
    EXPECT_THAT(*slots[0].container->differences, IsEmpty());
    ASSERT_TRUE(docker.runtime().start(container.id, soon()));
    EXPECT_EQ(policy(), before);
    EXPECT_TRUE(docker.runtime().start(container.id, soon())) << "running already";
  }
}

TEST(DockerLifecycle, AStoppedContainerIsSetAsideAndPutBack) {
  Docker docker;
  const auto old = docker.launch_ready(0, docker.launch());
  ASSERT_TRUE(docker.runtime().stop(old.id, std::chrono::seconds(30), soon()));
  for (int twice = 0; twice < 2; ++twice) ASSERT_TRUE(docker.runtime().aside()->set_aside(0, old.id, soon()));
  auto slots = docker.runtime().observe({}, soon()).value();
  EXPECT_FALSE(slots[0].container);
  ASSERT_TRUE(slots[0].aside);
  EXPECT_EQ(slots[0].aside->id, old.id);
  EXPECT_THAT(slots[0].others, IsEmpty());

  const auto failed = docker.launch_ready(0, docker.launch());
  const auto in_the_way = docker.runtime().aside()->put_back(0, old.id, soon());
  ASSERT_FALSE(in_the_way);
  EXPECT_EQ(in_the_way.error().kind, ErrorKind::conflict);
  ASSERT_TRUE(docker.runtime().stop(failed.id, std::chrono::seconds(30), soon()));
  ASSERT_TRUE(docker.runtime().remove(failed.id, soon()));
  for (int twice = 0; twice < 2; ++twice) ASSERT_TRUE(docker.runtime().aside()->put_back(0, old.id, soon()));
  slots = docker.runtime().observe({docker.launch(), std::nullopt}, soon()).value();
  ASSERT_TRUE(slots[0].container);
  EXPECT_EQ(slots[0].container->id, old.id);
  EXPECT_EQ(slots[0].container->status, Status::exited);
  EXPECT_THAT(*slots[0].container->differences, IsEmpty());
  EXPECT_FALSE(slots[0].aside);
  EXPECT_EQ(docker.runtime().aside()->set_aside(0, "0123456789ab", soon()).error().kind,
            ErrorKind::not_found);
}

TEST(DockerLifecycle, ACrashAtBootEndsTheWaitAndSaysWhy) {
  Docker docker([](spec::Spec& spec) { spec.docker.restart = "no"; });
  const auto container = docker.runtime().launch(
      0, docker.launch({"/app", "print", "starting\n", "no database\x1b[31m\xff\n", "3"}), soon());
  ASSERT_TRUE(container) << container.error().message;
  EXPECT_EQ(docker.runtime().await_exit(container->id, soon()).value_or(k_failed), 3);
  const auto diagnosis = docker.runtime().diagnose(container->id, soon());
  ASSERT_TRUE(diagnosis);
  EXPECT_EQ(diagnosis->status, Status::exited);
  EXPECT_EQ(diagnosis->exit_code, 3);
  EXPECT_FALSE(diagnosis->oom_killed);
  EXPECT_THAT(diagnosis->output,
              ::testing::UnorderedElementsAre("starting", "no database\\x1b[31m\xef\xbf\xbd"));
}

TEST(DockerLifecycle, WhatIsStartedAgainSaysNothingOfItsEarlierLife) {
  Docker docker([](spec::Spec& spec) { spec.docker.restart = "no"; });
  const auto container = docker.runtime().launch(
      0, docker.launch({"/app", "print", "starting\n", "no database\n", "3"}), soon());
  ASSERT_TRUE(container) << container.error().message;
  ASSERT_EQ(docker.runtime().await_exit(container->id, soon()).value_or(k_failed), 3);
  ASSERT_TRUE(docker.runtime().start(container->id, soon()));
  ASSERT_EQ(docker.runtime().await_exit(container->id, soon()).value_or(k_failed), 3);
  const auto again = docker.runtime().diagnose(container->id, soon());
  ASSERT_TRUE(again);
  EXPECT_THAT(again->output, ::testing::UnorderedElementsAre("starting", "no database"));
}

TEST(DockerLifecycle, ACrashLoopEndsTheWaitToo) {
  Docker docker;
  const auto container = docker.runtime().launch(0, docker.launch({"/app", "print", "", "", "1"}), soon());
  ASSERT_TRUE(container);
  EXPECT_EQ(docker.runtime().await_exit(container->id, soon()).value_or(k_failed), 1);
}

TEST(DockerLifecycle, ACrashLoopIsCounted) {
  Docker docker;
  const auto container = docker.runtime().launch(0, docker.launch({"/app", "print", "", "", "1"}), soon());
  ASSERT_TRUE(container);
  const auto wait = soon();
  runtime::Diagnosis seen;
  while (seen.restarts < 2 && wait.left() > core::Duration{0})
    seen = docker.runtime().diagnose(container->id, wait).value_or(runtime::Diagnosis{});
  EXPECT_GE(seen.restarts, 2);
  EXPECT_EQ(docker.runtime().await_exit(container->id, soon()).value_or(k_failed), 1);
}

// On a busy host docker sometimes hears of the exit and never of its reason: one of several has to be told.
TEST(DockerLifecycle, RunningOutOfMemoryIsToldApart) {
  Docker docker([](spec::Spec& spec) {
    spec.docker.restart = "no";
    spec.docker.mem_limit = 16 << 20;
  });
  bool told = false;
  for (int attempt = 0; attempt < 8 && !told; ++attempt) {
    const auto container = docker.runtime().launch(0, docker.launch({"/app", "eat"}), soon());
    ASSERT_TRUE(container) << container.error().message;
    ASSERT_EQ(docker.runtime().await_exit(container->id, soon()).value_or(k_failed), 137);
    const auto diagnosis = docker.runtime().diagnose(container->id, soon());
    ASSERT_TRUE(diagnosis);
    ASSERT_EQ(diagnosis->exit_code, 137);
    told = diagnosis->oom_killed;
    ASSERT_TRUE(docker.runtime().remove(container->id, soon()));
  }
  EXPECT_TRUE(told);
}

TEST(DockerLifecycle, DiagnosisHasTheLastFiftyLines) {
  Docker docker([](spec::Spec& spec) { spec.docker.restart = "no"; });
  const auto container = docker.runtime().launch(0, docker.launch({"/app", "lines", "80"}), soon());
  ASSERT_TRUE(container);
  ASSERT_TRUE(docker.runtime().await_exit(container->id, soon()));
  const auto diagnosis = docker.runtime().diagnose(container->id, soon());
  ASSERT_TRUE(diagnosis);
  ASSERT_THAT(diagnosis->output, SizeIs(50));
  EXPECT_EQ(diagnosis->output.front(), "line 30");
  EXPECT_EQ(diagnosis->output.back(), "line 79");
}

TEST(DockerLifecycle, WaitingForAnExitIsInterruptedAtOnce) {
  Docker docker;
  const auto container = docker.launch_ready(0, docker.launch());
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] {
    return docker.runtime().await_exit(container.id,
                                       core::Wait::for_at_most(std::chrono::seconds(60), stop.get_token()));
  });
  // Requests go on meanwhile, on connections of their own.
  EXPECT_TRUE(docker.runtime().observe({}, soon()));
  const auto asked = std::chrono::steady_clock::now();
  stop.request_stop();
  EXPECT_EQ(waiting.get().value_or(k_failed), std::nullopt);
  EXPECT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(5));
  const auto briefly = core::Wait::for_at_most(std::chrono::milliseconds(50));
  EXPECT_EQ(docker.runtime().await_exit(container.id, briefly).value_or(k_failed), std::nullopt);
}

TEST(DockerLifecycle, StdoutAndStderrAreToldApartAndATerminalIsRaw) {
  Docker docker([](spec::Spec& spec) { spec.docker.restart = "no"; });
  const auto container =
      docker.runtime().launch(0, docker.launch({"/app", "print", "out 1\nout 2", "err\n", "0"}), soon());
  ASSERT_TRUE(container);
  ASSERT_TRUE(docker.runtime().await_exit(container->id, soon()));
  std::vector<std::string> out, err;
  const auto collect = [&](const runtime::LogLine& line) {
    (line.is_stderr ? err : out).push_back(line.text);
  };
  ASSERT_TRUE(docker.runtime().logs(container->id, {}, collect, soon()));
  EXPECT_THAT(out, ElementsAre("out 1", "out 2"));
  EXPECT_THAT(err, ElementsAre("err"));

  auto& lab = DockerLab::get();
  const auto terminal = lab.docker({"run", "-d", "-t", "app:1", "/app", "print", "a\nb\n", "c\n", "0"});
  ASSERT_TRUE(docker.runtime().await_exit(terminal, soon()));
  out.clear();
  ASSERT_TRUE(docker.runtime().logs(terminal, {.tail = 2}, collect, soon()));
  EXPECT_THAT(out, ElementsAre("b", "c"));
}

TEST(DockerLifecycle, ExecGivesOutputAndExitCode) {
  Docker docker;
  const auto container = docker.launch_ready(0, docker.launch());
  std::string out, err;
  const auto collect = [&](bool is_stderr, std::string_view piece) { (is_stderr ? err : out) += piece; };
  const auto exit_code = docker.runtime().exec(container.id, {"/app", "print", "to stdout", "to stderr", "7"},
                                               nullptr, collect, soon());
  ASSERT_TRUE(exit_code) << exit_code.error().message;
  EXPECT_EQ(*exit_code, 7);
  EXPECT_EQ(out, "to stdout");
  EXPECT_EQ(err, "to stderr");
  const auto missing = docker.runtime().exec(container.id, {"/no-such-command"}, nullptr, collect, soon());
  ASSERT_TRUE(missing) << missing.error().message;
  EXPECT_THAT(*missing, ::testing::AnyOf(126, 127));
  EXPECT_THAT(out + err, HasSubstr("/no-such-command"));
}

TEST(DockerLifecycle, HealthOfTheImageIsReported) {
  auto& lab = DockerLab::get();
  lab.import_image("app:sick",
                   {"CMD [\"/app\", \"serve\"]",
                    "HEALTHCHECK --interval=100ms --retries=1 CMD [\"/app\", \"print\", \"sick\\n\", "
                    "\"\", \"1\"]"});
  Docker docker;
  auto launch = docker.launch();
  launch.release.tag = "sick";
  const auto container = docker.launch_ready(0, launch);
  const auto wait = soon();
  std::string health = container.health;
  EXPECT_FALSE(health.empty());
  while (health != "unhealthy" && wait.left().count() > 0)
    health = docker.runtime().observe({}, soon()).value()[0].container->health;
  EXPECT_EQ(health, "unhealthy");
  EXPECT_THAT(docker.runtime().diagnose(container.id, soon()).value().health_log, HasSubstr("sick"));
}

TEST(DockerLifecycle, MemoryIsToldInBytes) {
  Docker docker;
  const auto memory = docker.runtime().memory_available(soon());
  ASSERT_TRUE(memory && *memory);
  EXPECT_GT(**memory, 1 << 20);
}

TEST(DockerLifecycle, ADaemonThatIsNotThereIsUnreachable) {
  Docker docker;
  const std::string real = std::getenv("DOCKER_HOST");
  setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock", 1);
  const auto host = host::connect(docker.spec().app_hosts[0], soon());
  const auto missing = runtime::open(**host, docker.spec(), {}, 0, {}, soon());
  setenv("DOCKER_HOST", real.c_str(), 1);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::unreachable);
  EXPECT_THAT(missing.error().details, Contains(HasSubstr("/nonexistent/docker.sock")));
}

}  // namespace
}  // namespace bgdeploy
