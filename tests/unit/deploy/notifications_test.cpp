#include "bgdeploy/deploy/notify/notifications.hpp"

#include <gmock/gmock.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/deploy/deadlines.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* k_hook = "https://hooks.example.com/T0/secret-path";

class Shown final : public report::Sink {
public:
  explicit Shown(std::vector<std::string>& texts) : m_texts(texts) {}
  void emit(report::Event event) override {
    if (const auto* warning = std::get_if<report::Warning>(&event)) m_texts.push_back(warning->message);
    if (std::holds_alternative<report::Finished>(event)) m_texts.push_back("finished");
  }

private:
  std::vector<std::string>& m_texts;
};

// Pauses take no time of ours.
class QuickClock final : public core::Clock {
public:
  core::SteadyTime now() const override { return m_began + core::Duration(m_slept.load()); }
  core::SystemTime wall() const override { return core::SystemTime(std::chrono::hours(24)); }
  bool sleep_for(core::Duration duration, std::stop_token stop) override {
    m_slept += duration.count();
    return !stop.stop_requested();
  }
  std::atomic<std::int64_t> m_slept = 0;

private:
  const core::SteadyTime m_began = std::chrono::steady_clock::now();
};

class Notify : public testing::Test {
protected:
  struct Posted {
    std::string url, body;
  };

  // Who answers what, in order; then 200.
  void run(std::vector<core::Result<int>> answers, report::Verdict verdict = report::Verdict::succeeded) {
    report::Redactor sink(std::make_unique<Shown>(m_shown), m_last_ends);
    const Context context{m_spec,
                          [this](std::string_view name) -> std::optional<std::string> {
                            const auto found = m_variables.find(std::string(name));
                            return found == m_variables.end() ? std::nullopt : std::optional(found->second);
                          },
                          m_clock,
                          sink,
                          m_stop.get_token(),
                          "jo@ci (pid 1)"};
    std::size_t next = 0;
    const Notifications notifications(
        context, [&](const core::Secret& url, std::string_view body, const core::Wait&) -> core::Result<int> {
          const std::scoped_lock lock(m_mutex);
          m_posted.push_back({url.reveal(), std::string(body)});
          m_shown_first = !m_shown.empty();
          return next < answers.size() ? answers[next++] : core::Result<int>(200);
        });
    sink.emit(report::Finished{.command = report::Command::deploy,
                               .verdict = verdict,
                               .exit_code = verdict == report::Verdict::succeeded ? 0 : 1,
                               .from = {"1.0"},
                               .to = {"1.1"},
                               .slot = "green",
                               .took = std::chrono::milliseconds(1500)});
  }

  Notify() { m_spec.notify = {{spec::Notify::Kind::slack, spec::FromEnv{"HOOK"}, {}}}; }

  spec::Spec m_spec = test::small_spec();
  std::map<std::string, std::string> m_variables{{"HOOK", k_hook}};
  QuickClock m_clock;
  std::stop_source m_stop;
  std::mutex m_mutex;
  std::vector<Posted> m_posted;
  std::vector<std::string> m_shown;
  bool m_last_ends = false, m_shown_first = false;
};

TEST_F(Notify, TellsSlackInAText) {
  m_spec.environment = "staging";
  m_spec.service = "shop<&>";
  run({});
  ASSERT_EQ(m_posted.size(), 1U);
  EXPECT_EQ(m_posted[0].url, k_hook);
  const auto body = nlohmann::json::parse(m_posted[0].body);
  EXPECT_EQ(body, (nlohmann::json{{"text",
                                   "shop&lt;&amp;&gt; (staging): 1.1 serves (green), was 1.0. 1.5s. "
                                   "Back: bgdeploy rollback"}}));
  EXPECT_THAT(m_shown, ElementsAre("finished"));
}

TEST_F(Notify, DelaysTheLastLineOnlyWhereNothingMayFollowIt) {
  run({404});
  EXPECT_TRUE(m_shown_first);
  EXPECT_THAT(m_shown, ElementsAre("finished", "notify 1 (slack): nobody was told: HTTP 404"));
  m_shown.clear();
  m_last_ends = true;
  run({404});
  EXPECT_FALSE(m_shown_first);
  EXPECT_THAT(m_shown, ElementsAre("notify 1 (slack): nobody was told: HTTP 404", "finished"));
}

TEST_F(Notify, TellsAWebhookTheLastEvent) {
  m_spec.notify[0].kind = spec::Notify::Kind::webhook;
  run({});
  const auto body = nlohmann::json::parse(m_posted.at(0).body);
  EXPECT_EQ(body["event"], "deploy.finished");
  EXPECT_EQ(body["service"], "shop");
  EXPECT_EQ(body["result"], "succeeded");
  EXPECT_EQ(body["exit_code"], 0);
  EXPECT_EQ(body["to"], "1.1");
  EXPECT_EQ(body["duration_ms"], 1500);
}

TEST_F(Notify, TellsOnlyOfTheResultsThatAreWanted) {
  m_spec.notify[0].on = {"failed", "rolled_back"};
  run({});
  EXPECT_THAT(m_posted, IsEmpty());
  run({}, report::Verdict::rolled_back);
  EXPECT_EQ(m_posted.size(), 1U);
}

TEST_F(Notify, TriesAgainWhatMayPassWithLongerPauses) {
  run({core::fail(ErrorKind::refused, "Couldn't connect to server"), 503, 429});
  EXPECT_EQ(m_posted.size(), 4U);
  EXPECT_EQ(m_clock.m_slept, 1000 + 2000 + 4000);
  EXPECT_THAT(m_shown, ElementsAre("finished"));
}

TEST_F(Notify, GivesUpInTheEndAndSaysSoWithoutTheUrl) {
  run(std::vector<core::Result<int>>(50, 500));
  EXPECT_LT(m_clock.m_slept, core::Duration(deadlines::k_notify).count());
  EXPECT_GE(m_posted.size(), 4U);
  EXPECT_THAT(m_shown, ElementsAre("finished", "notify 1 (slack): nobody was told: HTTP 500"));
}

TEST_F(Notify, DoesNotTryAgainWhatStaysWrong) {
  run({404});
  EXPECT_EQ(m_posted.size(), 1U);
  run({core::fail(ErrorKind::untrusted, "SSL peer certificate was not OK")});
  EXPECT_EQ(m_posted.size(), 2U);
  EXPECT_THAT(m_shown, ElementsAre("finished", "notify 1 (slack): nobody was told: HTTP 404", "finished",
                                   "notify 1 (slack): nobody was told: SSL peer certificate was not OK"));
}

TEST_F(Notify, OneThatCannotBeToldKeepsNobodyElseFromIt) {
  m_spec.notify.push_back({spec::Notify::Kind::webhook, spec::FromEnv{"MISSING"}, {}});
  run({});
  EXPECT_EQ(m_posted.size(), 1U);
  EXPECT_THAT(
      m_shown,
      ElementsAre("finished",
                  "notify 2 (webhook): nobody was told: the environment variable MISSING is not set"));
}

TEST_F(Notify, NeverShowsTheUrl) {
  m_variables["HOOK"] = "hooks.example.com/T0/secret-path";  // no scheme
  run({});
  EXPECT_THAT(m_posted, IsEmpty());
  EXPECT_THAT(m_shown.at(1), HasSubstr("not a URL"));
  EXPECT_THAT(m_shown.at(1), Not(HasSubstr("secret-path")));
  m_variables["HOOK"] = k_hook;
  m_shown.clear();
  run({core::fail(ErrorKind::denied, std::string("no way to ") + k_hook)});
  EXPECT_THAT(m_shown.at(1), HasSubstr("no way to ***"));
}

TEST_F(Notify, ASignalThatEndedTheRunDoesNotEndIt) {
  m_stop.request_stop();
  run({503}, report::Verdict::interrupted);
  EXPECT_EQ(m_posted.size(), 2U);
}

}  // namespace
}  // namespace bgdeploy::deploy
