#include "bgdeploy/report/veil.hpp"

#include <gtest/gtest.h>

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::report {
namespace {

class Kept final : public Sink {
public:
  explicit Kept(std::vector<Event>& events) : m_events(events) {}
  void emit(Event event) override { m_events.push_back(std::move(event)); }

private:
  std::vector<Event>& m_events;
};

class VeilTest : public ::testing::Test {
protected:
  std::vector<Event> m_events;
  Veil m_veil{std::make_unique<Kept>(m_events)};
};

TEST_F(VeilTest, HidesASecretInEveryTextOfAnEvent) {
  m_veil.hide(core::Secret("hunter22"));
  m_veil.emit({.name = "step.failed",
               .message = "hunter22, hunter22",
               .error = core::Error{core::ErrorKind::unhealthy, "it said hunter22", {"log: xhunter22x"}},
               .fields = {{"text", "hunter22"}, {"exit_code", std::int64_t{1}}}});
  ASSERT_EQ(m_events.size(), 1U);
  const Event& event = m_events.front();
  EXPECT_EQ(event.message, "***, ***");
  ASSERT_TRUE(event.error);
  EXPECT_EQ(event.error->kind, core::ErrorKind::unhealthy);
  EXPECT_EQ(event.error->message, "it said ***");
  EXPECT_EQ(event.error->details, std::vector<std::string>{"log: x***x"});
  EXPECT_EQ(std::get<std::string>(event.fields.at("text")), "***");
  EXPECT_EQ(std::get<std::int64_t>(event.fields.at("exit_code")), 1);
}

TEST_F(VeilTest, HidesEachLineOfAKeyAndWhatIsShownOfBytesThatCannotBePrinted) {
  m_veil.hide(core::Secret("first line\nsecond line"));
  m_veil.hide(core::Secret("bell\a rings"));
  EXPECT_EQ(m_veil.veiled(std::string("a second line alone")), "a *** alone");
  EXPECT_EQ(m_veil.veiled(std::string("first line\nsecond line")), "***");
  EXPECT_EQ(m_veil.veiled(core::printable("x bell\a rings")), "x ***");
}

TEST_F(VeilTest, HidesTheWholeOfASecretThatHoldsAnother) {
  m_veil.hide(core::Secret("pass"));
  m_veil.hide(core::Secret("password1"));
  EXPECT_EQ(m_veil.veiled(std::string("password1 pass")), "*** ***");
}

TEST_F(VeilTest, LeavesWordsOfLessThanFourBytesReadable) {
  m_veil.hide(core::Secret(""));
  m_veil.hide(core::Secret("1"));
  m_veil.hide(core::Secret("abc"));
  EXPECT_EQ(m_veil.veiled(std::string("probe 1: abc")), "probe 1: abc");
}

}  // namespace
}  // namespace bgdeploy::report
