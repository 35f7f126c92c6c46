#include <gmock/gmock.h>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/deploy/prune.hpp"

namespace bgdeploy::deploy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

plan::Release of_tag(const std::string& tag) {
  return {"id-" + tag, tag, "registry.example.com/shop", "sha256:" + tag};
}

// A deploy of `tag` in the environment that the small spec is of.
HistoryEntry deployed(const std::string& tag, bool served = true,
                      const std::string& include = "/etc/nginx/conf.d/service-url.inc",
                      std::vector<int> ports = {8081, 8082}) {
  return {.command = "deploy",
          .served = served,
          .to = of_tag(tag),
          .include = include,
          .ports = std::move(ports)};
}

class Leftovers : public testing::Test {
protected:
  std::vector<std::string> old_tags(const std::string& live) const {
    std::vector<std::string> tags;
    for (const auto& release : leftovers(m_spec, m_histories, of_tag(live)).old) tags.push_back(release.tag);
    return tags;
  }
  spec::Spec m_spec = test::small_spec();
  Histories m_histories;
};

TEST_F(Leftovers, AreWhatServedBeforeThoseThatAreKept) {
  m_histories["shop"] = {deployed("1"), deployed("2"), deployed("3"), deployed("4"), deployed("5")};
  EXPECT_THAT(old_tags("6"), ElementsAre("2", "1"));
  m_spec.prune.images = 1;
  EXPECT_THAT(old_tags("6"), ElementsAre("4", "3", "2", "1"));
}

TEST_F(Leftovers, NeverHoldWhatARollbackGoesTo) {
  m_spec.prune.images = 0;
  m_histories["shop"] = {deployed("1"), deployed("2")};
  EXPECT_THAT(old_tags("3"), ElementsAre("1"));
  EXPECT_THAT(old_tags("2"), IsEmpty());
}

TEST_F(Leftovers, HoldWhatNeverServed) {
  m_spec.prune.images = 1;
  m_histories["shop"] = {deployed("1"), deployed("2", false), deployed("3")};
  EXPECT_THAT(old_tags("4"), ElementsAre("2", "1"));
}

TEST_F(Leftovers, CountEachDigestOnce) {
  m_spec.prune.images = 1;
  m_histories["shop"] = {deployed("1"), deployed("2"), deployed("1"), deployed("2"), deployed("3")};
  EXPECT_THAT(old_tags("3"), ElementsAre("1"));
}

TEST_F(Leftovers, KeepWhatOtherEnvironmentsGoBackTo) {
  m_spec.prune.images = 1;
  auto staging = deployed("1", true, "/etc/nginx/conf.d/staging.inc", {9081, 9082});
  staging.keep_images = 1;
  auto earlier = staging;
  earlier.to = of_tag("0");
  m_histories["shop"] = {earlier, staging, deployed("2"), deployed("3"), deployed("4")};
  EXPECT_THAT(old_tags("5"), UnorderedElementsAre("2", "3")) << "0 and 1 are the other environment's";
}

TEST_F(Leftovers, KeepWhatOtherServicesOfTheSameImageGoBackTo) {
  m_spec.prune.images = 1;
  m_histories["shop"] = {deployed("1"), deployed("2"), deployed("3"), deployed("4")};
  m_histories["shop-worker"] = {deployed("1"), deployed("2")};
  m_histories["shop-worker"].back().keep_images = 0;
  EXPECT_THAT(old_tags("5"), ElementsAre("3")) << "its live one, and the one that rollback goes to";
  m_histories["shop-worker"].push_back(deployed("3"));
  m_histories["shop-worker"].back().keep_images = 0;
  EXPECT_THAT(old_tags("5"), ElementsAre("1"));
}

TEST_F(Leftovers, AreNothingWithoutAHistory) {
  EXPECT_THAT(old_tags("1"), IsEmpty());
  EXPECT_THAT(leftovers(m_spec, {}, of_tag("1")).keep, ElementsAre("sha256:1"));
}

}  // namespace
}  // namespace bgdeploy::deploy
