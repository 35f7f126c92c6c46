#include "cli/help.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "bgdeploy/core/display_width.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const Command& named(const std::string& name) {
  return *std::ranges::find(commands(), name, &Command::name);
}

TEST(Help, OfACommandHasTheOptionsThatEachTakesToo) {
  const std::string help = help_text(&named("deploy"), 80);
  EXPECT_THAT(help, HasSubstr("Usage: bgdeploy deploy [OPTIONS]\n"));
  EXPECT_THAT(help, HasSubstr("  --tag T "));
  EXPECT_THAT(help, HasSubstr("  -f, --file FILE "));
  EXPECT_THAT(help, HasSubstr("auto|tty|plain|json|github"));
  EXPECT_THAT(help, HasSubstr("  -h, --help "));
  EXPECT_THAT(help_text(&named("exec"), 80), HasSubstr("Usage: bgdeploy exec [OPTIONS] -- CMD…\n"));
}

TEST(Help, OfTheProgramHasItsCommandsAndExitCodes) {
  const std::string help = help_text(nullptr, 80);
  for (const Command& command : commands())
    EXPECT_EQ(command.run != nullptr && !command.hidden,
              help.find("\n  " + command.name + " ") != std::string::npos)
        << command.name;
  EXPECT_THAT(help, HasSubstr("\n  130  interrupted"));
}

TEST(Help, KeepsWithinTheTerminal) {
  for (const int width : {60, 80, 100})
    for (const Command& command : commands()) {
      if (command.run == nullptr) continue;
      for (const std::string& line : core::split_lines(help_text(&command, width))) {
        const bool example = line.starts_with("  bgdeploy ") || line.starts_with("# yaml");
        EXPECT_TRUE(example || core::display_width(line) <= width) << command.name << ": " << line;
      }
    }
}

}  // namespace
}  // namespace bgdeploy::cli
