#include "bgdeploy/deploy/release/failed_log.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/core/timestamp.hpp"

namespace bgdeploy::deploy {
namespace {

namespace fs = std::filesystem;

FailedLog failed() {
  return {.time = *core::parse_time("2026-11-21T05:07:10.042Z"),
          .log = {.release = "1.1.0 (sha256:0123456789ab)",
                  .slot = "green",
                  .why = "green was found bad",
                  .hosts = {{"web-1", "c1", {"one \"quoted\"", "twö"}}, {"web-2", "c2", {}}}}};
}

TEST(FailedLogText, ReadsBackWhatItWrote) {
  const auto back = parse_failed_log(to_json(failed()));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->time, failed().time);
  EXPECT_EQ(back->log.release, "1.1.0 (sha256:0123456789ab)");
  EXPECT_EQ(back->log.slot, "green");
  EXPECT_EQ(back->log.why, "green was found bad");
  ASSERT_EQ(back->log.hosts.size(), 2U);
  EXPECT_EQ(back->log.hosts[0].host, "web-1");
  EXPECT_THAT(back->log.hosts[0].lines, testing::ElementsAre("one \"quoted\"", "twö"));
}

TEST(FailedLogText, IsBoundedAndKeepsTheEnd) {
  FailedLog log = failed();
  log.log.hosts[0].lines.assign(500, std::string(10'000, 'x'));
  log.log.hosts[0].lines.push_back("the last words");
  const auto text = to_json(log);
  EXPECT_LT(text.size(), std::size_t{1} << 20);
  EXPECT_EQ(parse_failed_log(text)->log.hosts[0].lines.back(), "the last words");
}

TEST(FailedLogText, SurvivesWhatIsNone) {
  for (const char* text :
       {"", "[]", "{}", "{\"time\":7}", "{\"time\":\"2026-11-21T05:07:10Z\",\"hosts\":[7]"})
    EXPECT_FALSE(parse_failed_log(text)) << text;
  EXPECT_TRUE(parse_failed_log("{\"time\":\"2026-11-21T05:07:10Z\",\"hosts\":[7,{\"lines\":[1]}]}"));
}

TEST(FailedLogFile, IsThereForItsEnvironmentAndItsOwner) {
  std::string pattern = fs::temp_directory_path() / "bgdeploy-failed-XXXXXX";
  const fs::path folder = ::mkdtemp(pattern.data());
  const auto wait = core::Wait::for_at_most(std::chrono::seconds(20));
  const auto host = std::move(*host::connect({.name = "local", .local = true}, wait));
  spec::Spec spec = test::small_spec();
  spec.history.dir = folder / "history";
  auto none = read_failed_log(*host, spec, wait);
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_FALSE(*none);
  ASSERT_TRUE(write_failed_log(*host, spec, failed(), wait));
  ASSERT_TRUE(write_failed_log(*host, spec, failed(), wait));
  const auto found = read_failed_log(*host, spec, wait);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->log.why, "green was found bad");
  struct stat seen {};
  ASSERT_EQ(::stat((folder / "history/shop.8081.failed").c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 0777, 0600U);
  spec.slots[0].port = 9081;
  EXPECT_FALSE(*read_failed_log(*host, spec, wait)) << "another environment's";
  fs::remove_all(folder);
}

}  // namespace
}  // namespace bgdeploy::deploy
