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

// Every byte of it occurs once in each 61.
std::string long_secret(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i)
    text += "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxy"[i % 61] + std::to_string(i);
  return text.substr(0, size);
}

TEST_F(VeilTest, HidesWhatIsLeftOfASecretWhereATextWasCut) {
  const std::string secret = long_secret(3000);
  m_veil.hide(core::Secret(secret));
  const auto veiled = [&](const std::string& text) { return m_veil.veiled(text); };
  for (const std::size_t length : {std::size_t{5}, std::size_t{12}, std::size_t{190}, std::size_t{2999}})
    EXPECT_EQ(veiled("last answer: no token " + secret.substr(0, length) + "…"), "last answer: no token ***…")
        << length;
  EXPECT_EQ(veiled("pool: " + secret.substr(0, 2000)), "pool: ***") << "a log line that docker cut";
  EXPECT_EQ(veiled(secret.substr(2000) + " is wrong"), "*** is wrong") << "the rest of that line";
  EXPECT_EQ(veiled(secret.substr(1000, 1000)), "***") << "a line from the middle";
  EXPECT_EQ(veiled("a: " + secret.substr(0, 100) + "\n" + secret.substr(2900) + " b"), "a: ***\n*** b");
  EXPECT_EQ(veiled("web-1: cut " + secret.substr(0, 40) + "…; and more"), "web-1: cut ***…; and more");
}

TEST_F(VeilTest, LeavesTextsThatOnlyEndAsASecretBegins) {
  m_veil.hide(core::Secret("postgres://shop:pa55word@db.internal:5432/shop"));
  for (const std::string text :
       {"cannot reach postgres", "starting…", "db.internal:5432", "shop", "the shop"})
    EXPECT_EQ(m_veil.veiled(text), text);
}

TEST_F(VeilTest, HidesASecretAsJsonHasItAndWithoutTheBlanksAroundIt) {
  m_veil.hide(core::Secret(" say \"hi\"\\\tnow "));
  EXPECT_EQ(m_veil.veiled(std::string(R"({"token":" say \"hi\"\\\tnow "})")), R"({"token":"***"})");
  EXPECT_EQ(m_veil.veiled(std::string("token: say \"hi\"\\\tnow")), "token: ***");
}

}  // namespace
}  // namespace bgdeploy::report
