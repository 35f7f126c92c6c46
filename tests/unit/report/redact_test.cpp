#include "bgdeploy/report/redact.hpp"

#include <gtest/gtest.h>

#include <set>

#include "bgdeploy/core/printable.hpp"
#include "fake.hpp"

namespace bgdeploy::report {
namespace {

class Kept final : public Sink {
public:
  explicit Kept(std::vector<Event>& events) : m_events(events) {}
  void emit(Event event) override { m_events.push_back(std::move(event)); }

private:
  std::vector<Event>& m_events;
};

class RedactTest : public ::testing::Test {
protected:
  std::vector<Event> m_events;
  Redactor m_redactor{std::make_unique<Kept>(m_events)};
};

TEST_F(RedactTest, HidesASecretInEveryTextOfAnEvent) {
  m_redactor.hide(core::Secret("hunter22"));
  const StepName step{"web-1", "green", "health"};
  const core::Error error{core::ErrorKind::unhealthy, "it said hunter22", {"log: xhunter22x"}};
  const std::string text = "hunter22, hunter22";
  m_redactor.emit(StepFailed{step, text, {}, error});
  m_redactor.emit(LogLine{step, "hunter22"});
  ASSERT_EQ(m_events.size(), 2U);
  const auto& failed = std::get<StepFailed>(m_events[0]);
  EXPECT_EQ(failed.what, "***, ***");
  EXPECT_EQ(failed.error.kind, core::ErrorKind::unhealthy);
  EXPECT_EQ(failed.error.message, "it said ***");
  EXPECT_EQ(failed.error.details, std::vector<std::string>{"log: x***x"});
  EXPECT_EQ(std::get<LogLine>(m_events[1]).line, "***");
}

TEST_F(RedactTest, HidesASecretInEveryKindOfEvent) {
  const std::string secret = "hunter22";
  const core::Error error{core::ErrorKind::unhealthy, secret, {secret}};
  const StepName step{"web-1", "green", "health"};
  const std::vector<Event> events = {
      Started{Command::deploy, secret, "shop", secret},
      LockAcquired{},
      PastRuns{{PastRun{.from = {secret, secret}, .to = {secret, secret}, .message = secret, .who = secret}}},
      PlanMade{.from = {secret, secret}, .to = {secret, secret}},
      LockReleased{},
      Finished{.command = Command::deploy,
               .verdict = Verdict::failed,
               .exit_code = 1,
               .from = {secret, secret},
               .to = {secret, secret},
               .remark = secret,
               .error = error},
      StepStarted{step, secret, secret},
      StepFinished{step, secret, {}, secret},
      StepFailed{step, secret, {}, error, secret},
      StepUndone{step, secret, {}, secret},
      PullProgress{step, secret, secret},
      BuildOutput{step, secret},
      HealthProbe{step, false, 1, secret, secret},
      LogLine{step, secret},
      HookOutput{step, secret},
      WatchSeen{step, secret, "", false, secret},
      Info{secret},
      Warning{secret},
  };
  std::set<std::size_t> kinds;
  m_redactor.hide(core::Secret(secret));
  for (const Event& event : events) {
    kinds.insert(event.index());
    m_redactor.emit(event);
    const auto line = rendered("json", {}, m_events.back());
    EXPECT_EQ(line.find(secret), std::string::npos) << line;
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Event>);
}

TEST_F(RedactTest, HidesEachLineOfAKeyAndWhatIsShownOfBytesThatCannotBePrinted) {
  m_redactor.hide(core::Secret("first line\nsecond line"));
  m_redactor.hide(core::Secret("bell\a rings"));
  EXPECT_EQ(m_redactor.redacted(std::string("a second line alone")), "a *** alone");
  EXPECT_EQ(m_redactor.redacted(std::string("first line\nsecond line")), "***");
  EXPECT_EQ(m_redactor.redacted(core::printable("x bell\a rings")), "x ***");
}

TEST_F(RedactTest, HidesTheWholeOfASecretThatHoldsAnother) {
  m_redactor.hide(core::Secret("pass"));
  m_redactor.hide(core::Secret("password1"));
  EXPECT_EQ(m_redactor.redacted(std::string("password1 pass")), "*** ***");
}

TEST_F(RedactTest, LeavesWordsOfLessThanFourBytesReadable) {
  m_redactor.hide(core::Secret(""));
  m_redactor.hide(core::Secret("1"));
  m_redactor.hide(core::Secret("abc"));
  EXPECT_EQ(m_redactor.redacted(std::string("probe 1: abc")), "probe 1: abc");
}

// Every byte of it occurs once in each 61.
std::string long_secret(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i)
    text += "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxy"[i % 61] + std::to_string(i);
  return text.substr(0, size);
}

TEST_F(RedactTest, HidesWhatIsLeftOfASecretWhereATextWasCut) {
  const std::string secret = long_secret(3000);
  m_redactor.hide(core::Secret(secret));
  const auto redacted = [&](const std::string& text) { return m_redactor.redacted(text); };
  for (const std::size_t length : {std::size_t{5}, std::size_t{12}, std::size_t{190}, std::size_t{2999}})
    EXPECT_EQ(redacted("last answer: no token " + secret.substr(0, length) + "…"),
              "last answer: no token ***…")
        << length;
  EXPECT_EQ(redacted("pool: " + secret.substr(0, 2000)), "pool: ***") << "a log line that docker cut";
  EXPECT_EQ(redacted(secret.substr(2000) + " is wrong"), "*** is wrong") << "the rest of that line";
  EXPECT_EQ(redacted(secret.substr(1000, 1000)), "***") << "a line from the middle";
  EXPECT_EQ(redacted("a: " + secret.substr(0, 100) + "\n" + secret.substr(2900) + " b"), "a: ***\n*** b");
  EXPECT_EQ(redacted("web-1: cut " + secret.substr(0, 40) + "…; and more"), "web-1: cut ***…; and more");
}

TEST_F(RedactTest, LeavesTextsThatOnlyEndAsASecretBegins) {
  m_redactor.hide(core::Secret("postgres://shop:pa55word@db.internal:5432/shop"));
  for (const std::string text :
       {"cannot reach postgres", "starting…", "db.internal:5432", "shop", "the shop"})
    EXPECT_EQ(m_redactor.redacted(text), text);
}

TEST_F(RedactTest, HidesASecretAsJsonHasItAndWithoutTheBlanksAroundIt) {
  m_redactor.hide(core::Secret(" say \"hi\"\\\tnow "));
  EXPECT_EQ(m_redactor.redacted(std::string(R"({"token":" say \"hi\"\\\tnow "})")), R"({"token":"***"})");
  EXPECT_EQ(m_redactor.redacted(std::string("token: say \"hi\"\\\tnow")), "token: ***");
}

}  // namespace
}  // namespace bgdeploy::report
