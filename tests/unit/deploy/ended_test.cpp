#include "deploy/execute/ended.hpp"

#include <gtest/gtest.h>

namespace bgdeploy::deploy {
namespace {

std::string next(const runtime::Diagnosis& diagnosis, const runtime::Clues& clues = {}) {
  return after_its_end(spec::Spec{}, "web-1", diagnosis, clues);
}

TEST(Ended, ExitCodesHaveWords) {
  EXPECT_EQ(how_it_ended({.exit_code = 3}), "exited with exit code 3");
  EXPECT_EQ(how_it_ended({.exit_code = 137, .oom_killed = true}),
            "exited with exit code 137: it ran out of memory (OOM) and was killed");
  EXPECT_EQ(how_it_ended({.exit_code = 139}), "exited with exit code 139: SIGSEGV: it crashed");
  EXPECT_EQ(how_it_ended({.exit_code = 143}), "exited with exit code 143: SIGTERM: something stopped it");
  EXPECT_EQ(how_it_ended({.exit_code = 127}), "exited with exit code 127: its command was not found");
}

TEST(Ended, SaysWhatToDo) {
  EXPECT_EQ(next({.exit_code = 3}), "mend what its log says, then deploy again");
  EXPECT_EQ(next({.exit_code = 0}), "let its command stay in the foreground: a container ends with it");
  EXPECT_EQ(next({.exit_code = 137, .oom_killed = true}, {.memory_limit = 20 << 20}),
            "raise docker.mem_limit (20m), or let the app take less");
  EXPECT_EQ(next({.exit_code = 137}), "see who killed it: sudo dmesg | tail, on web-1");
  EXPECT_EQ(next({.exit_code = 255}, {.image_architecture = "arm64", .host_architecture = "amd64"}),
            "build the image for amd64, as web-1 is: docker build --platform linux/amd64 …");
  EXPECT_EQ(next({.exit_code = 127}),
            "check docker.command and docker.entrypoint against what the image has");
}

}  // namespace
}  // namespace bgdeploy::deploy
