#include "runtime/pruning.hpp"

#include <gmock/gmock.h>

#include "bgdeploy/runtime/docker_container.hpp"

namespace bgdeploy::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* k_repository = "registry.example.com/shop";

std::string digest_of(char c) {
  return "sha256:" + std::string(64, c);
}

plan::Release old_release(const std::string& tag, char c) {
  return {"", tag, k_repository, digest_of(c)};
}

engine::ImageSummary pulled(const std::string& id, char c, std::vector<std::string> tags) {
  for (auto& tag : tags)
    if (tag.find(':') == std::string::npos) tag = std::string(k_repository) + ":" + tag;
  return {id, std::move(tags), {std::string(k_repository) + "@" + digest_of(c)}, {}, 12'300'000};
}

std::vector<std::string> shown(const std::vector<Superfluous>& found) {
  std::vector<std::string> words;
  for (const auto& one : found) words.push_back(one.shown.what);
  return words;
}

TEST(Pruning, TakesOldReleasesByAllTheirNames) {
  const plan::Leftovers leftovers{
      "shop", {old_release("1.0", 'a'), old_release("1.1", 'b')}, {digest_of('b')}};
  const auto found =
      superfluous_images({pulled("i1", 'a', {"1.0"}), pulled("i2", 'b', {"1.1"})}, {}, leftovers);
  EXPECT_THAT(shown(found), ElementsAre("image registry.example.com/shop:1.0 (sha256:aaaaaaaaaaaa)"));
  EXPECT_THAT(found[0].references,
              ElementsAre("registry.example.com/shop:1.0", std::string(k_repository) + "@" + digest_of('a')));
  EXPECT_EQ(found[0].shown.bytes, 12'300'000);
}

TEST(Pruning, NeverTakesWhatAContainerUses) {
  const plan::Leftovers leftovers{"shop", {old_release("1.0", 'a')}, {}};
  EXPECT_THAT(superfluous_images({pulled("i1", 'a', {"1.0"})}, {"i1"}, leftovers), IsEmpty());
}

TEST(Pruning, NeverTakesWhatTheHistoryDoesNotKnow) {
  const plan::Leftovers leftovers{"shop", {old_release("1.0", 'a')}, {}};
  EXPECT_THAT(superfluous_images({pulled("i1", 'c', {"debug"})}, {}, leftovers), IsEmpty());
  // The same content under somebody else's name.
  const engine::ImageSummary other{"i2", {"other/shop:1.0"}, {"other/shop@" + digest_of('a')}, {}, 1};
  EXPECT_THAT(superfluous_images({other}, {}, leftovers), IsEmpty());
}

TEST(Pruning, NeverTakesWhatSomebodyGaveAnotherName) {
  const plan::Leftovers leftovers{"shop", {old_release("1.0", 'a')}, {}};
  EXPECT_THAT(superfluous_images({pulled("i1", 'a', {"1.0", "golden"})}, {}, leftovers), IsEmpty());
  EXPECT_THAT(superfluous_images({pulled("i1", 'a', {"1.0", "backup:1"})}, {}, leftovers), IsEmpty());
  // A tag that moved on is at another image.
  EXPECT_EQ(superfluous_images({pulled("i1", 'a', {})}, {}, leftovers).size(), 1U);
}

TEST(Pruning, ATagOfAnotherReleaseIsNoNameOfOurs) {
  const plan::Leftovers leftovers{"shop", {old_release("1.0", 'a'), old_release("2.0", 'b')}, {}};
  EXPECT_THAT(superfluous_images({pulled("i1", 'a', {"2.0"})}, {}, leftovers), IsEmpty());
}

TEST(Pruning, KeepsADigestWhateverItsRepository) {
  auto image = pulled("i1", 'a', {"1.0"});
  image.repo_digests.push_back("mirror/shop@" + digest_of('b'));
  const plan::Leftovers leftovers{"shop", {old_release("1.0", 'a')}, {digest_of('b')}};
  EXPECT_THAT(superfluous_images({image}, {}, leftovers), IsEmpty());
}

TEST(Pruning, TakesOldBuildsOfThisServiceOnly) {
  const std::string hash = "build:" + std::string(64, 'd');
  const plan::Release release{"", "1.0", "shop", hash};
  engine::ImageSummary image{
      "i1", {image_reference(release)}, {}, {{label::k_build, hash}, {label::k_build_of, "shop"}}, 5};
  EXPECT_EQ(superfluous_images({image}, {}, {"shop", {}, {}}).size(), 1U);
  EXPECT_THAT(superfluous_images({image}, {}, {"shop", {}, {hash}}), IsEmpty());
  EXPECT_THAT(superfluous_images({image}, {}, {"other", {}, {}}), IsEmpty());
  image.labels.erase(label::k_build_of);  // of an earlier version of the program
  EXPECT_THAT(superfluous_images({image}, {}, {"shop", {}, {}}), IsEmpty());
  EXPECT_EQ(superfluous_images({image}, {}, {"shop", {release}, {}}).size(), 1U);
  image.repo_tags.push_back("shop:1.0");
  EXPECT_EQ(superfluous_images({image}, {}, {"shop", {release}, {}}).size(), 1U);
}

TEST(Pruning, TakesWhatWasSentByItsOwnTag) {
  const std::string digest = "image:" + std::string(64, 'a');
  const std::string own = std::string(k_repository) + ":image-" + std::string(32, 'a');
  const engine::ImageSummary image{"i1", {own, std::string(k_repository) + ":1.0"}, {}, {}, 1};
  plan::Leftovers leftovers{"shop", {{"", "1.0", k_repository, digest}}, {}};
  EXPECT_THAT(shown(superfluous_images({image}, {}, leftovers)),
              ElementsAre("image registry.example.com/shop:1.0 (image:aaaaaaaaaaaa)"));
  leftovers.keep = {digest};
  EXPECT_THAT(superfluous_images({image}, {}, leftovers), IsEmpty());
  EXPECT_THAT(superfluous_images({image}, {}, {"shop", {}, {}}), IsEmpty());
  const engine::ImageSummary part{
      "i2", {}, {}, {{label::k_build, label::k_part}, {label::k_build_of, "shop"}}, 1};
  EXPECT_THAT(shown(superfluous_images({part}, {}, leftovers)),
              ElementsAre("layers of an image that was not sent to its end"));
  EXPECT_THAT(superfluous_images({part}, {}, {"other", {}, {}}), IsEmpty());
}

TEST(Pruning, DockersAndPodmansNamesAreTheSame) {
  const plan::Release release{"", "1", "nginx", digest_of('a')};
  const engine::ImageSummary image{
      "i1", {"docker.io/library/nginx:1"}, {"docker.io/library/nginx@" + digest_of('a')}, {}, 5};
  EXPECT_EQ(superfluous_images({image}, {}, {"shop", {release}, {}}).size(), 1U);
}

}  // namespace
}  // namespace bgdeploy::runtime
