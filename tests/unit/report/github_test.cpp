#include <gmock/gmock.h>

#include "fake.hpp"

namespace bgdeploy::report {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(GithubRenderer, FoldsADeployThatSucceedsAboveItsLastLine) {
  EXPECT_EQ(rendered("github", {}, started(), plan_made(), done("shop-green"),
                     Warning{"2 connections were cut at 100%", "web-1"}, finished(0, Verdict::succeeded)),
            "::group::shop: deploy 1.2.3\n"
            "05:07:10  shop: deploy 1.2.3 (sha256:bbbbbbbbbbbb); 1.2.2 serves on blue\n"
            "05:07:10  web-1  health  ok      1.2s  shop-green\n"
            "05:07:10  web-1  warning: 2 connections were cut at 100%\n"
            "::warning title=bgdeploy on web-1::2 connections were cut at 100%25\n"
            "::endgroup::\n"
            "1.2.3 serves (green), was 1.2.2. 2.4s. Back: bgdeploy rollback\n");
}

TEST(GithubRenderer, AFailureIsOutsideTheGroupAndAnnotatedOnce) {
  const auto text = rendered("github", {}, started(), plan_made(), failed_step(), failed_run());
  EXPECT_THAT(text, HasSubstr("\n::endgroup::\n"
                              "\n"
                              "1.2.3 was NOT deployed (2.4s). 1.2.2 serves as before, checked just now.\n"
                              "  why     shop-green on web-1 exited with code 3\n"));
  EXPECT_THAT(text,
              testing::EndsWith(
                  "\n::error title=shop%3A 1.2.3 was NOT deployed (2.4s). 1.2.2 serves as before%2C checked "
                  "just now.::shop-green on web-1 exited with code 3%0A| docker says: no space left%0A| "
                  "listening on 8080%0A| panic: no database%0AGET http://127.0.0.1:8082/health: connection "
                  "refused (3 times)%0Aall of the log: bgdeploy logs --failed; mend it, then run this "
                  "again\n"));
  EXPECT_EQ(text.find("::error"), text.rfind("::error"));
}

TEST(GithubRenderer, ForeignTextCannotSpeakToTheRunner) {
  Finished last = failed_run();
  last.to.name = "::error::x";
  last.error->message = "a\n::error::forged,title=x::y";
  const HookOutput hook{{"web-1", "green", "hook"}, "::set-env name=PATH::x"};
  const auto text = rendered("github", {}, HookOutput{hook.step, "##[set-env name=PATH]x"}, hook,
                             Warning{"a\n::error::forged", "b,c::d"}, last);
  EXPECT_THAT(text, Not(HasSubstr("##[")));
  EXPECT_THAT(text, Not(HasSubstr("\n::set-env")));
  EXPECT_THAT(text, Not(HasSubstr("\n::error::")));
  EXPECT_THAT(text, HasSubstr("::warning title=bgdeploy on b%2Cc%3A%3Ad::"));
}

TEST(GithubAnnotations, StandBesideTheirLineOrBesideTheRun) {
  const core::Error spec{
      core::ErrorKind::usage,
      "bgdeploy.yml: 2 errors",
      {"deploy/shop,1.yml:7:3: unknown key 'inti'", "inti: true", "^", "shop.yml:9:1: x\n::error::y"}};
  EXPECT_EQ(github_annotations(spec),
            "::error file=deploy/shop%2C1.yml,line=7,col=3::unknown key 'inti'\n"
            "::error file=shop.yml,line=9,col=1::x\\x0a\\x3a:error::y\n");
  const core::Error host{
      core::ErrorKind::unreachable, "web-1: no route\n::error::forged", {"10:2: x", "a: b"}};
  EXPECT_EQ(github_annotations(host),
            "::error title=bgdeploy::web-1: no route\\x0a\\x3a:error::forged%0A10:2: x%0Aa: b\n");
}

TEST(GithubRenderer, ClosesTheGroupWhenItEndsUnfinished) {
  EXPECT_THAT(rendered("github", {}, started()), testing::EndsWith("::endgroup::\n"));
}

}  // namespace
}  // namespace bgdeploy::report
