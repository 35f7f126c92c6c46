// Tags, digests and pulls against real registries.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "support/docker_lab.hpp"

namespace bgdeploy {
namespace {

using core::ErrorKind;
using testing::Docker;
using testing::DockerLab;
using ::testing::HasSubstr;
using testing::soon;

runtime::SecretValues password(const std::string& value) {
  return {{}, core::Secret(value)};
}

void with_registry(spec::Spec& spec) {
  spec.registry = spec::Registry{DockerLab::k_username, spec::FromEnv{"X"}};
}

std::string megabytes_of_noise(std::size_t count) {
  std::mt19937_64 random(1);
  std::string noise(count << 20, '\0');
  for (auto& byte : noise) byte = static_cast<char>(random());
  return noise;
}

TEST(DockerImages, ADigestIsPulledWithProgressByLayerAndRuns) {
  auto& lab = DockerLab::get();
  const auto digest = lab.publish("shop", "v1", megabytes_of_noise(4));
  const std::string image = lab.open_registry() + "/shop";
  Docker docker;

  EXPECT_EQ(docker.images().resolve(image, "v1", soon()), digest);
  const plan::Release release{"r1", "v1", image, digest};
  EXPECT_EQ(docker.images().present(release, soon()), false);

  std::int64_t most = 0, total = 0;
  bool complete = false;
  const auto pulled = docker.images().pull(
      release,
      [&](const runtime::PullProgress& progress) {
        if (progress.status == "Downloading" && !progress.layer.empty()) {
          most = std::max(most, progress.current);
          total = progress.total;
        }
        complete |= progress.status == "Pull complete" && !progress.layer.empty();
      },
      soon());
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_TRUE(complete);
  EXPECT_GT(most, 0);
  EXPECT_GE(total, 4 << 20);
  EXPECT_EQ(docker.images().present(release, soon()), true);

  bool any = false;
  ASSERT_TRUE(docker.images().pull(
      release, [&](const auto&) { any = true; }, soon()));
  EXPECT_FALSE(any) << "what is present is not pulled again";

  const auto container = docker.launch_ready(0, {release, docker.spec().docker});
  EXPECT_EQ(docker.inspect(container.id, "{{.Config.Image}}"), image + "@" + digest);
  EXPECT_EQ(container.release, release);
}

TEST(DockerImages, AMovedTagIsAnotherDigestAndTheOldOneStillRuns) {
  auto& lab = DockerLab::get();
  const auto before = lab.publish("moving", "latest", "one");
  const std::string image = lab.open_registry() + "/moving";
  Docker docker;
  const plan::Release old{"r1", "latest", image, before};
  ASSERT_TRUE(docker.images().pull(old, {}, soon()));
  docker.launch_ready(0, {old, docker.spec().docker});

  const auto after = lab.publish("moving", "latest", "two");
  ASSERT_NE(before, after);
  EXPECT_EQ(docker.images().resolve(image, "latest", soon()), after);
  plan::Launch launch{{"r2", "latest", image, after}, docker.spec().docker};
  ASSERT_TRUE(docker.images().pull(launch.release, {}, soon()));
  const auto slots = docker.runtime().observe({launch, std::nullopt}, soon());
  ASSERT_TRUE(slots && (*slots)[0].container);
  EXPECT_EQ((*slots)[0].container->release.digest, before);
  EXPECT_EQ((*slots)[0].container->differences, std::vector<std::string>{"image"});

  // Which port the new image exposes is not known before it is here.
  std::get<spec::Docker>(launch.with).container_port.reset();
  const auto without = docker.runtime().observe({launch, std::nullopt}, soon());
  ASSERT_TRUE(without && (*without)[0].container);
  EXPECT_EQ((*without)[0].container->differences, std::vector<std::string>{"image"});
}

TEST(DockerImages, CredentialsOpenAClosedRegistry) {
  auto& lab = DockerLab::get();
  const auto digest = lab.publish("secret", "v1", "closed");
  const plan::Release release{"r1", "v1", lab.closed_registry() + "/secret", digest};
  {
    Docker docker(with_registry, password("wrong"));
    const auto resolved = docker.images().resolve(release.image, "v1", soon());
    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().kind, ErrorKind::denied) << resolved.error().message;
    EXPECT_EQ(resolved.error().message,
              fmt::format("the registry {} refuses the login of {} for {}", lab.closed_registry(),
                          DockerLab::k_username, release.image));
    const auto pulled = docker.images().pull(release, {}, soon());
    ASSERT_FALSE(pulled);
    EXPECT_EQ(pulled.error().kind, ErrorKind::denied) << pulled.error().message;
  }
  {
    Docker docker;
    const auto resolved = docker.images().resolve(release.image, "v1", soon());
    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().kind, ErrorKind::denied) << resolved.error().message;
  }
  Docker docker(with_registry, password(DockerLab::k_password));
  EXPECT_EQ(docker.images().resolve(release.image, "v1", soon()), digest);
  const auto pulled = docker.images().pull(release, {}, soon());
  EXPECT_TRUE(pulled) << pulled.error().message;
}

TEST(DockerImages, ARegistryIsReachedWithoutATagThatNobodyNamed) {
  auto& lab = DockerLab::get();
  Docker docker;
  EXPECT_TRUE(docker.images().reach_registry(lab.open_registry() + "/nothing-was-ever-pushed", soon()));
  const auto closed = docker.images().reach_registry(lab.closed_registry() + "/secret", soon());
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().kind, ErrorKind::denied);
  EXPECT_EQ(closed.error().message, "the registry " + lab.closed_registry() + " wants a login for " +
                                        lab.closed_registry() + "/secret");
  for (const auto& failed :
       {docker.images().reach_registry("127.0.0.1:9/shop", soon()),
        docker.images().pull({"r1", "v1", "127.0.0.1:9/shop", "sha256:" + std::string(64, 'a')}, {},
                             soon())}) {
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind, ErrorKind::unreachable);
    EXPECT_THAT(failed.error().message, ::testing::StartsWith("the registry 127.0.0.1:9 does not answer "));
    EXPECT_THAT(failed.error().message, ::testing::EndsWith(": connection refused"));
  }
}

TEST(DockerImages, WhatTheRegistryDoesNotHaveIsNotFound) {
  auto& lab = DockerLab::get();
  lab.publish("shop", "v1", "some");
  const std::string image = lab.open_registry() + "/shop";
  Docker docker;
  for (const auto& [repository, tag] : {std::pair(image, "v2"), std::pair(image + "-typo", "v1")}) {
    const auto resolved = docker.images().resolve(repository, tag, soon());
    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().kind, ErrorKind::not_found) << resolved.error().message;
  }
  const auto pulled = docker.images().pull({"r1", "v1", image, "sha256:" + std::string(64, 'a')}, {}, soon());
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().kind, ErrorKind::not_found) << pulled.error().message;
}

TEST(DockerImages, ARegistryThatIsDownIsUnreachable) {
  Docker docker;
  const plan::Release release{"r1", "v1", "127.0.0.1:9/shop", "sha256:" + std::string(64, 'a')};
  const auto resolved = docker.images().resolve(release.image, "v1", soon());
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().kind, ErrorKind::unreachable) << resolved.error().message;
  const auto pulled = docker.images().pull(release, {}, soon());
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().kind, ErrorKind::unreachable) << pulled.error().message;
}

TEST(DockerImages, APullFromASilentRegistryIsInterruptedAtOnce) {
  Docker docker;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(5002);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener, 8), 0);
  std::stop_source stop;
  std::chrono::steady_clock::time_point asked;
  std::jthread interrupter([&] {
    const int connection = accept(listener, nullptr, nullptr);  // the daemon waits for an answer from now on
    asked = std::chrono::steady_clock::now();
    stop.request_stop();
    close(connection);
  });
  const auto pulled =
      docker.images().pull({"r1", "v1", "127.0.0.1:5002/shop", "sha256:" + std::string(64, 'a')}, {},
                           core::Wait::for_at_most(std::chrono::seconds(60), stop.get_token()));
  const auto returned = std::chrono::steady_clock::now();
  interrupter.join();
  close(listener);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().kind, ErrorKind::cancelled);
  EXPECT_LT(returned - asked, std::chrono::seconds(5));
}

}  // namespace
}  // namespace bgdeploy
