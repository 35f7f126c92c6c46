#include <gmock/gmock.h>

#include "fake.hpp"

namespace bgdeploy::report {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(GithubRenderer, FoldsADeployThatSucceedsAboveItsLastLine) {
  EXPECT_EQ(rendered("github", {}, event("deploy.started", "deploy auction 1.2.3"), step("finished", "wait"),
                     event("warning", "2 connections were cut at 100%"), finished(0, "succeeded")),
            "::group::deploy auction 1.2.3\n"
            "05:07:10  deploy auction 1.2.3\n"
            "05:07:10  web-1: wait: done in 1.2s\n"
            "05:07:10  warning: 2 connections were cut at 100%\n"
            "::warning title=bgdeploy::2 connections were cut at 100%25\n"
            "::endgroup::\n"
            "05:07:10  deployed 1.2.3: green serves (was 1.2.2) in 2.4s\n");
}

TEST(GithubRenderer, AFailureIsOutsideTheGroupAndAnnotated) {
  EXPECT_EQ(
      rendered("github", {}, event("deploy.started", "deploy auction 1.2.3"), failed_step(),
               finished(1, "failed")),
      "::group::deploy auction 1.2.3\n"
      "05:07:10  deploy auction 1.2.3\n"
      "::endgroup::\n"
      "05:07:10  web-1: wait until auction-green is healthy: FAILED after 20.0s\n"
      "05:07:10  web-1:   | exit code 1, not killed for lack of memory\n"
      "05:07:10  web-1:   never became healthy within 20s: HTTP 503: starting\n"
      "05:07:10  deploy of 1.2.3 FAILED after 2.4s (1.2.2 serves as before): web-1: never became healthy "
      "within 20s: HTTP 503: starting\n"
      "::error title=bgdeploy::deploy of 1.2.3 FAILED after 2.4s (1.2.2 serves as before): web-1: never "
      "became healthy within 20s: HTTP 503: starting%0A  | exit code 1, not killed for lack of memory%0A  "
      "never became healthy within 20s: HTTP 503: starting\n");
}

TEST(GithubRenderer, ForeignTextCannotSpeakToTheRunner) {
  const auto text = rendered("github", {}, output("##[set-env name=PATH]x"), output("::set-env name=PATH::x"),
                             event("warning", "a\n::error::forged"));
  EXPECT_THAT(text, Not(HasSubstr("##[")));
  EXPECT_THAT(text, Not(HasSubstr("\n::set-env")));
  EXPECT_THAT(text, Not(HasSubstr("\n::error")));
}

TEST(GithubRenderer, ClosesTheGroupWhenItEndsUnfinished) {
  EXPECT_THAT(rendered("github", {}, event("deploy.started", "deploy")), testing::EndsWith("::endgroup::\n"));
}

}  // namespace
}  // namespace bgdeploy::report
