// Images that a host has under docker's id.
#include "runtime/engine_images.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "../engine/fake_daemon.hpp"

namespace bgdeploy::runtime {
namespace {

using bgdeploy::testing::FakeDaemon;

const std::string k_id(64, 'a'), k_hash(64, 'b');
const Wait k_wait = Wait::for_at_most(std::chrono::seconds(20));

// Only the engine is asked.
class Unused final : public host::Host {
public:
  const std::string& name() const override { return m_name; }
  const std::string& address() const override { return m_name; }
  Result<host::Output> run(const host::Command&, const Wait&) override { return none(); }
  Result<std::unique_ptr<host::Process>> start(const host::Command&, const Wait&) override { return none(); }
  Result<void> write_file(const std::string&, std::string_view, const host::FileAttributes&,
                          const Wait&) override {
    return none();
  }
  Result<std::filesystem::path> socket_to(const host::Endpoint&) override { return none(); }
  bool reachable(const host::Endpoint&, const Wait&) override { return false; }
  std::vector<std::string> prefix(host::Tool) const override { return {}; }

private:
  static std::unexpected<core::Error> none() {
    return core::fail(core::ErrorKind::internal, "not asked for");
  }
  std::string m_name = "web-1";
};

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
  Unused host;
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
