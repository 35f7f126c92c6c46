#include <gmock/gmock.h>

#include "bgdeploy/report/words.hpp"

namespace bgdeploy::report {
namespace {

Finished ended(Command command, Verdict verdict, int exit_code) {
  return {.command = command,
          .verdict = verdict,
          .exit_code = exit_code,
          .from = {"1.0"},
          .to = {"2.0"},
          .slot = "green",
          .took = std::chrono::milliseconds(900)};
}

TEST(HoldWords, SayWhatServesAndWhatToTypeNext) {
  Finished held = ended(Command::deploy, Verdict::held, 0);
  held.remark = "reach it with ssh -L 8081:127.0.0.1:8081 web-1";
  EXPECT_THAT(closing(held, 0), testing::ElementsAre("2.0 is healthy and waits (0.9s). 1.0 serves as before.",
                                                     "  held    reach it with ssh -L 8081:127.0.0.1:8081 web-1",
                                                     "  next    bgdeploy promote, or bgdeploy abort"));
  EXPECT_EQ(headline(ended(Command::promote, Verdict::succeeded, 0)),
            "2.0 serves (green), was 1.0. 0.9s. Back: bgdeploy rollback");
  EXPECT_EQ(headline(ended(Command::promote, Verdict::failed, 1)),
            "2.0 was NOT promoted (0.9s). 1.0 serves as before.");
  EXPECT_EQ(headline(ended(Command::abort, Verdict::succeeded, 0)),
            "2.0 is taken away (0.9s). 1.0 serves as before.");
  EXPECT_EQ(headline(ended(Command::abort, Verdict::unchanged, 0)),
            "Nothing waits, so there is nothing to abort. 1.0 serves as before.");
  EXPECT_EQ(headline(ended(Command::rehearse, Verdict::succeeded, 0)),
            "2.0 would come back: it got healthy, and was stopped again (0.9s). 1.0 serves as before.");
  Finished running = ended(Command::rehearse, Verdict::succeeded, 0);
  running.remark = "is healthy, and goes on running";
  EXPECT_EQ(headline(running),
            "2.0 would come back: it is healthy, and goes on running (0.9s). 1.0 serves as before.");
  EXPECT_EQ(headline(ended(Command::rehearse, Verdict::failed, 1)),
            "The rehearsal of a rollback to 2.0 FAILED (0.9s). 1.0 serves as before.");
}

TEST(HoldWords, DoNotSayThatSomethingServesWhichDoesNot) {
  for (const auto command : {Command::deploy, Command::abort, Command::rehearse}) {
    Finished last = ended(command, command == Command::deploy ? Verdict::held : Verdict::succeeded, 0);
    last.serving = Serving{{"1.0"}, "green", {"web-1"}, false, "NOBODY IS SERVED: shop-green is not running"};
    EXPECT_THAT(headline(last), testing::EndsWith(" (0.9s). NOBODY IS SERVED: shop-green is not running."));
  }
}

}  // namespace
}  // namespace bgdeploy::report
