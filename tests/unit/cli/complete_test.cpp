#include "cli/complete.hpp"

#include <gmock/gmock.h>

namespace bgdeploy::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

// "deploy --ta|": what stands before the cursor.
Completion completed(const std::string& line) {
  const auto words = words_of_line("bgdeploy " + line, "/home/ann");
  return complete(std::span(words).subspan(1));
}

std::vector<std::string> offered(const std::string& line) {
  std::vector<std::string> texts;
  for (const Candidate& candidate : completed(line).candidates) texts.push_back(candidate.text);
  return texts;
}

TEST(Complete, OffersCommandsByTheirBeginning) {
  EXPECT_THAT(offered("ro"), ElementsAre("rollback"));
  EXPECT_THAT(offered("-f a.yml ro"), ElementsAre("rollback"));
  EXPECT_THAT(offered("--progress plain ro"), ElementsAre("rollback"));
  EXPECT_THAT(offered(""), Contains("deploy"));
  EXPECT_THAT(offered(""), Not(Contains("__complete")));
  EXPECT_FALSE(completed("ro").candidates.front().help.empty());
}

TEST(Complete, OffersTheOptionsOfTheCommandAndThoseOfAll) {
  EXPECT_THAT(offered("deploy --ta"), ElementsAre("--tag"));
  EXPECT_THAT(offered("rollback --reh"), ElementsAre("--rehearse"));
  EXPECT_THAT(offered("deploy --no"), ElementsAre("--no-color"));
  EXPECT_THAT(offered("deploy "), Contains("--tag"));
  EXPECT_THAT(offered("--ta"), IsEmpty());
  EXPECT_THAT(offered("validate --exit"), IsEmpty());
}

TEST(Complete, OffersTheChoicesOfAnOption) {
  EXPECT_THAT(offered("status -o "), ElementsAre("text", "json"));
  EXPECT_THAT(offered("status --output=j"), ElementsAre("--output=json"));
  EXPECT_THAT(offered("--progress g"), ElementsAre("github"));
  EXPECT_THAT(offered("completion z"), ElementsAre("zsh"));
  EXPECT_THAT(offered("completion zsh f"), IsEmpty());
}

TEST(Complete, SaysWhichValuesFit) {
  EXPECT_EQ(completed("-f ").values, Values::file);
  EXPECT_EQ(completed("status -e s").values, Values::environment);
  EXPECT_EQ(completed("logs --slot ").values, Values::slot);
  EXPECT_EQ(completed("exec --host w").values, Values::host);
  EXPECT_EQ(completed("setup --host w").values, Values::any_host);
  EXPECT_EQ(completed("rollback --to ").values, Values::release);
  EXPECT_EQ(completed("lock -m ").values, Values::any);
  EXPECT_EQ(completed("lock -").values, Values::any);

  const Completion joined = completed("-f shop.yml --environment=staging deploy --tag=1.");
  EXPECT_EQ(joined.values, Values::release);
  EXPECT_EQ(joined.typed, "1.");
  EXPECT_EQ(joined.before, "--tag=");
  EXPECT_EQ(joined.file, "shop.yml");
  EXPECT_EQ(joined.environment, "staging");
}

TEST(Complete, TakesValuesHoweverTheyAreWritten) {
  const auto file = [](const std::string& line) { return completed(line + " deploy --tag ").file; };
  EXPECT_EQ(file("-f shop.yml"), "shop.yml");
  EXPECT_EQ(file("-fshop.yml"), "shop.yml");
  EXPECT_EQ(file("-vfshop.yml"), "shop.yml");
  EXPECT_EQ(file("-qf shop.yml"), "shop.yml");
  EXPECT_EQ(file("--file=shop.yml"), "shop.yml");
  EXPECT_EQ(file("--file=\"our shop.yml\""), "our shop.yml");
  EXPECT_EQ(file("-f'our shop.yml'"), "our shop.yml");
  EXPECT_EQ(file("-f our\\ shop.yml"), "our shop.yml");
  EXPECT_EQ(file("-f ~/shop.yml"), "/home/ann/shop.yml");
  EXPECT_EQ(file("-f \"~/shop.yml\""), "~/shop.yml");
  EXPECT_EQ(completed("deploy -fshop.yml --tag ").file, "shop.yml");
  EXPECT_EQ(completed("logs -fx --slot ").file, "");  // follow: a flag of that command
  EXPECT_EQ(completed("-vestaging logs --slot ").environment, "staging");
  EXPECT_THAT(offered("status -oj"), ElementsAre("-ojson"));
  EXPECT_EQ(completed("status -es").typed, "s");
  EXPECT_EQ(completed("status -es").before, "-e");
}

TEST(Complete, TakesALineApartAsAShellDoes) {
  const auto words = [](const std::string& line) { return words_of_line(line, "/home/ann"); };
  EXPECT_THAT(words(""), ElementsAre(""));
  EXPECT_THAT(words(" a  b "), ElementsAre("a", "b", ""));
  EXPECT_THAT(words(R"(a"b c"'d "e'f)"), ElementsAre(R"(ab cd "ef)"));
  EXPECT_THAT(words(R"("a\"b\c" 'a\b' \"a\ b a\)"), ElementsAre(R"(a"b\c)", R"(a\b)", "\"a b", "a"));
  EXPECT_THAT(words("a \"b c"), ElementsAre("a", "b c"));
  EXPECT_THAT(words("'' ''"), ElementsAre("", ""));
  EXPECT_THAT(words("a~/b ~ ~ann/b"), ElementsAre("a~/b", "~", "~ann/b"));
}

TEST(Complete, LeavesTheWordsOfAnotherCommandAlone) {
  EXPECT_THAT(offered("exec -- --ta"), IsEmpty());
  EXPECT_THAT(offered("no-such-command x"), IsEmpty());
  EXPECT_THAT(complete({}).candidates, IsEmpty());
}

}  // namespace
}  // namespace bgdeploy::cli
