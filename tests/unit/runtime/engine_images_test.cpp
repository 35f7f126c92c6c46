// Images that a host has under docker's id.
#include "runtime/engine_images.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "../engine/fake_daemon.hpp"
#include "../host/idle_host.hpp"

namespace bgdeploy::runtime {
namespace {

using bgdeploy::testing::FakeDaemon;

const std::string k_id(64, 'a'), k_hash(64, 'b');
const Wait k_wait = Wait::for_at_most(std::chrono::seconds(20));

class ImagesById : public ::testing::Test {
protected:
  static std::string image(const std::string& id, const std::string& labels = "{}") {
    return R"({"Id": "sha256:)" + id + R"(", "Config": {"ExposedPorts": {"3000/tcp": {}}, "Labels": )" +
           labels + "}}";
  }
  static std::string labels(const std::string& service) {
    return R"({"bgdeploy.build": "build:)" + k_hash + R"(", "bgdeploy.build.service": ")" + service + "\"}";
  }
  std::string digest() {
    const auto known = images.digest_of_id(release, k_wait);
    EXPECT_TRUE(known) << known.error().message;
    return known.value_or(std::nullopt).value_or("none");
  }

  std::map<std::string, std::string> there;  // by name
  FakeDaemon daemon{[this](const std::string& line, const std::string&) {
    if (line.ends_with("/_ping")) return FakeDaemon::pong("1.45");
    for (const auto& [name, json] : there)
      if (line.ends_with("/images/" + name + "/json")) return FakeDaemon::response(200, json);
    return FakeDaemon::response(404, R"({"message": "No such image"})");
  }};
  host::IdleHost host;
  EngineImages images{host, engine::Client::open(daemon.socket(), k_wait).value(), {}, {}, "shop"};
  const plan::Release release{.image = "shop", .digest = "image:" + k_id};
};

TEST_F(ImagesById, AreKnownBeforeTheyHaveATagOfTheRelease) {
  EXPECT_FALSE(images.exposed(release, k_wait).value());
  EXPECT_EQ(digest(), "none");
  there["sha256:" + k_id] = image(k_id);
  EXPECT_EQ(images.exposed(release, k_wait).value(), std::vector<int>{3000});
  EXPECT_EQ(digest(), release.digest);
}

TEST_F(ImagesById, AreTheBuildThatTheyCameFrom) {
  const std::string built = "shop:build-" + k_hash.substr(0, 32);
  there["sha256:" + k_id] = image(k_id, labels("shop"));
  EXPECT_EQ(digest(), release.digest) << "no name of the build leads to it";
  there[built] = image(k_id, labels("shop"));
  EXPECT_EQ(digest(), "build:" + k_hash);
  there["sha256:" + k_id] = image(k_id, labels("other"));
  EXPECT_EQ(digest(), release.digest) << "another service's";
  there["sha256:" + k_id] = image(k_id, R"({"bgdeploy.build": "part", "bgdeploy.build.service": "shop"})");
  EXPECT_EQ(digest(), release.digest);
  // What was made FROM it has its labels.
  there["sha256:" + k_id] = image(k_id, labels("shop"));
  there[built] = image(std::string(64, 'c'), labels("shop"));
  EXPECT_EQ(digest(), release.digest);
}

}  // namespace
}  // namespace bgdeploy::runtime
