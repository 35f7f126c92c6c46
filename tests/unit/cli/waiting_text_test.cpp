#include "cli/waiting_text.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "../plan/spec_for_tests.hpp"

namespace bgdeploy::cli {
namespace {

const core::SystemTime k_evening = core::SystemTime(std::chrono::hours(100));

deploy::Survey survey_of_one_that_waits() {
  deploy::Survey survey;
  survey.state.held = plan::Held{.slot = 1,
                                 .release = {"id-2", "2.0", "shop", "sha256:" + std::string(64, '2')},
                                 .who = "ann@desk (pid 1)\x1b[31m",
                                 .since = k_evening - std::chrono::hours(2)};
  survey.ways_to_held = {"ssh -L 8082:127.0.0.1:8082 web-1, then http://127.0.0.1:8082"};
  survey.way_back = deploy::WayBack{.release = {"id-1", "1.0.0", "shop", "sha256:" + std::string(64, '1')},
                                    .container = deploy::WayBack::Container::stopped,
                                    .image = true,
                                    .about = std::chrono::milliseconds(1100)};
  return survey;
}

TEST(Waiting, SaysWhatSinceWhenByWhomAndHowToReachIt) {
  EXPECT_EQ(waiting_text(test::small_spec(), survey_of_one_that_waits(), k_evening),
            "2.0 (sha256:222222222222) waits in green since 1970-01-05T02:00:00Z (by ann@desk (pid "
            "1)\\x1b[31m), 2 hours ago: `bgdeploy promote` or `bgdeploy abort`\n"
            "reach it with ssh -L 8082:127.0.0.1:8082 web-1, then http://127.0.0.1:8082\n"
            "back to 1.0.0: about 1 s, container stopped, image present; never rehearsed\n");
  const auto json = waiting_json(test::small_spec(), survey_of_one_that_waits());
  EXPECT_EQ(json["slot"], "green");
  EXPECT_EQ(json["since"], "1970-01-05T02:00:00Z");
  EXPECT_EQ(json["reach"].size(), 1U);
}

TEST(WayBackText, SaysWhenItWasRehearsed) {
  deploy::Survey survey = survey_of_one_that_waits();
  survey.state.held.reset();
  survey.ways_to_held.clear();
  survey.way_back->rehearsed = deploy::WayBack::Rehearsal{k_evening - std::chrono::hours(73), true};
  EXPECT_EQ(waiting_text(test::small_spec(), survey, k_evening),
            "back to 1.0.0: about 1 s, container stopped, image present; rehearsed 3 days ago\n");
  survey.way_back->rehearsed->succeeded = false;
  survey.way_back->about.reset();
  survey.way_back->image = false;
  survey.way_back->container = deploy::WayBack::Container::absent;
  EXPECT_EQ(waiting_text(test::small_spec(), survey, k_evening),
            "back to 1.0.0: container absent, image absent; a rehearsal FAILED 3 days ago\n");
  survey.way_back->rehearsed->interrupted = true;
  EXPECT_THAT(waiting_text(test::small_spec(), survey, k_evening),
              testing::HasSubstr("; a rehearsal was interrupted 3 days ago\n"));
  EXPECT_EQ(way_back_json(survey)["rehearsed"]["interrupted"], true);
  EXPECT_TRUE(waiting_json(test::small_spec(), survey).is_null());
  EXPECT_EQ(way_back_json(survey)["rehearsed"]["succeeded"], false);
  survey.way_back.reset();
  EXPECT_EQ(waiting_text(test::small_spec(), survey, k_evening), "");
  EXPECT_TRUE(way_back_json(survey).is_null());
  survey.history_unknown = "web-1: no";
  EXPECT_THAT(waiting_text(test::small_spec(), survey, k_evening),
              testing::HasSubstr("not known: web-1: no"));
}

}  // namespace
}  // namespace bgdeploy::cli
