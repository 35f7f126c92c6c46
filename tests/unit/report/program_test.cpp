#include "bgdeploy/report/program.hpp"

#include <gmock/gmock.h>

#include "bgdeploy/report/redact.hpp"
#include "bgdeploy/report/render.hpp"
#include "fake.hpp"

namespace bgdeploy::report {
namespace {

const Program k_program{"bgdeploy -f shop.yml -e staging", {"rollback", "status", "logs", "run"}};

TEST(Program, PutsItsOptionsIntoTheCommandsThatATextNames) {
  EXPECT_EQ(k_program.in("Back: bgdeploy rollback"), "Back: bgdeploy -f shop.yml -e staging rollback");
  EXPECT_EQ(
      k_program.in("`bgdeploy status`, then bgdeploy logs --failed; go"),
      "`bgdeploy -f shop.yml -e staging status`, then bgdeploy -f shop.yml -e staging logs --failed; go");
  EXPECT_EQ(k_program.in(k_program.in("bgdeploy rollback")), "bgdeploy -f shop.yml -e staging rollback");
  EXPECT_EQ(Program{}.in("bgdeploy rollback"), "bgdeploy rollback");
}

TEST(Program, LeavesWhatIsNoCallOfIt) {
  for (const char* text :
       {"bgdeploy runs in", "/etc/bgdeploy status", "bgdeploy.yml", "bgdeploy", "bgdeploy ",
        "bgdeploy --help", "what bgdeploy does not know", "my-bgdeploy status"})
    EXPECT_EQ(k_program.in(text), text);
}

TEST(Program, IsInWhatAnEndAdvises) {
  Paper paper;
  StillClock clock;
  {
    Redactor redactor(pick("plain", {.stream = paper.stream()}, clock), false, k_program);
    redactor.emit(Finished{.command = Command::deploy,
                           .verdict = Verdict::succeeded,
                           .exit_code = 0,
                           .from = {"1.0"},
                           .to = {"1.1"}});
    redactor.emit(Finished{.command = Command::deploy,
                           .verdict = Verdict::inconsistent,
                           .exit_code = 5,
                           .to = {"1.2"},
                           .error = core::Error{core::ErrorKind::inconsistent, "no", {"try bgdeploy logs"}}});
    redactor.emit(Warning{"undo it with `bgdeploy rollback`"});
    const auto error = redactor.redacted(core::Error{core::ErrorKind::nothing, "no", {}, "bgdeploy status"});
    EXPECT_EQ(error.next, "bgdeploy -f shop.yml -e staging status");
  }
  const std::string text = paper.text();
  EXPECT_THAT(text, testing::HasSubstr("Back: bgdeploy -f shop.yml -e staging rollback\n"));
  EXPECT_THAT(text, testing::HasSubstr("| try bgdeploy -f shop.yml -e staging logs\n"));
  EXPECT_THAT(text, testing::HasSubstr("look with: bgdeploy -f shop.yml -e staging status\n"));
  EXPECT_THAT(text, testing::HasSubstr("`bgdeploy -f shop.yml -e staging rollback`"));
}

}  // namespace
}  // namespace bgdeploy::report
