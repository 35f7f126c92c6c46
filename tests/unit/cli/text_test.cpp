#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/core/display_width.hpp"
#include "bgdeploy/core/text.hpp"
#include "cli/command.hpp"
#include "cli/page.hpp"
#include "cli/state_text.hpp"
#include "cli/texts.hpp"

namespace bgdeploy::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

plan::Container container(const std::string& name, plan::Container::Status status) {
  plan::Container made;
  made.name = name;
  made.managed = true;
  made.status = status;
  made.release = {"id", "1.0", "shop", "sha256:" + std::string(64, 'a')};
  return made;
}

plan::State blue_serves() {
  plan::State state;
  plan::AppHost host{.host = "web-1"};
  host.slots[0].container = container("shop-blue", plan::Container::Status::running);
  host.slots[0].answers = true;
  host.slots[0].answer = "HTTP 200";
  state.app_hosts.push_back(host);
  plan::ProxyHost proxy{.host = "web-1"};
  proxy.written = true;
  proxy.traffic = plan::Traffic::all_to(0);
  proxy.include = "/etc/nginx/conf.d/service-url.inc";
  state.proxies.push_back(proxy);
  return state;
}

TEST(History, AsJsonIsNewestFirstAndAsLongAsAsked) {
  std::vector<deploy::HistoryEntry> entries(3);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].to.tag = fmt::format("1.{}", i);
    entries[i].served = i < 2;
  }
  const auto tags = [&](std::optional<int> number) {
    std::vector<std::string> found;
    Arguments arguments;
    arguments.entries = number;
    for (const auto& entry : nlohmann::json::parse(history_json(entries, arguments)))
      found.push_back(entry["to"]["tag"].get<std::string>() + (entry["serves"].get<bool>() ? " serves" : ""));
    return found;
  };
  EXPECT_THAT(tags({}), ElementsAre("1.2", "1.1 serves", "1.0")) << "all of them";
  EXPECT_THAT(tags(0), IsEmpty());
  EXPECT_THAT(tags(-1), ElementsAre("1.2", "1.1 serves", "1.0"));
  EXPECT_THAT(tags(1), ElementsAre("1.2"));
  EXPECT_THAT(tags(2), ElementsAre("1.2", "1.1 serves"));
  EXPECT_THAT(tags(9), ElementsAre("1.2", "1.1 serves", "1.0"));
}

TEST(Unwritten, IsAFailureUnlessTheReaderHasGone) {
  EXPECT_EQ(with_output(0, 0), 0);
  EXPECT_EQ(with_output(0, EPIPE), 0);
  testing::internal::CaptureStderr();
  EXPECT_EQ(with_output(0, ENOSPC), 1);
  EXPECT_EQ(with_output(0, ENOSPC, 6), 6);
  EXPECT_EQ(with_output(5, ENOSPC, 6), 5);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("stdout cannot be written: No space left"));
}

TEST(Table, PadsColumnsAndMakesCellsSafe) {
  EXPECT_EQ(table({{"A", "LONGER"}, {"wide cell", "x"}, {"\x1b[31m", ""}}),
            "A          LONGER\nwide cell  x\n\\x1b[31m\n");
}

TEST(Table, LeavesOutOnATerminalWhatItCanDoWithout) {
  const Rows rows = {{{"WHEN"}, {"WHAT"}, {"WHO"}}, {{"today"}, {"deploy"}, {"ann"}}};
  EXPECT_EQ(table(rows, {.width = 18, .terminal = true}, {2, 0}), "WHEN   WHAT    WHO\ntoday  deploy  ann\n");
  EXPECT_EQ(table(rows, {.width = 17, .terminal = true}, {2, 0}), "WHEN   WHAT\ntoday  deploy\n");
  EXPECT_EQ(table(rows, {.width = 12, .terminal = true}, {2, 0}), "WHAT\ndeploy\n");
  EXPECT_EQ(table(rows, {.width = 12}, {2, 0}), "WHEN   WHAT    WHO\ntoday  deploy  ann\n");
}

TEST(Fitted, BreaksLinesBetweenWordsOnATerminalOnly) {
  const std::string text = "error: one two three\n  next: four five six\n\n";
  EXPECT_EQ(fitted(text, {.width = 16, .terminal = true}),
            "error: one two\n  three\n  next: four\n    five six\n\n");
  EXPECT_EQ(fitted(text, {.width = 16}), text);
}

TEST(Age, IsInTheUnitThatFits) {
  const core::SystemTime now{};
  EXPECT_EQ(age(now, now), "0 seconds ago");
  EXPECT_EQ(age(now - std::chrono::seconds(61), now), "1 minute ago");
  EXPECT_EQ(age(now - std::chrono::hours(50), now), "2 days ago");
}

TEST(Status, ShowsWhatServes) {
  const std::string text = slots_text(test::small_spec(), blue_serves(), {}, {});
  EXPECT_THAT(text, testing::ContainsRegex("web-1 +blue +8081 +LIVE +1.0 +HTTP 200"));
  EXPECT_THAT(text, testing::ContainsRegex("web-1 +green +8082 +idle, empty"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(slots_text(test::small_spec(), blue_serves(), {.verbose = true}, {.width = 200}),
              testing::ContainsRegex("1.0 .sha256:aaaaaaaaaaaa. +shop-blue"));
  EXPECT_THAT(slots_text(test::small_spec(), blue_serves(), {}, {.color = true}),
              HasSubstr("\x1b[32mLIVE\x1b[0m"));
  EXPECT_THAT(oddities(test::small_spec(), blue_serves()), IsEmpty());
}

TEST(Status, MarksWhatARollbackWouldStart) {
  const core::SystemTime now = core::SystemTime(std::chrono::hours(9));
  plan::State state = blue_serves();
  state.app_hosts[0].slots[1].container = container("shop-green", plan::Container::Status::exited);
  state.app_hosts[0].slots[1].container->release.id = "before";
  // With `proxy: none` both slots are asked.
  state.app_hosts[0].slots[1].answers = false;
  state.app_hosts[0].slots[1].answer = "not running, exit code 0";
  const plan::Release before{.id = "before", .tag = "0.9", .image = "", .digest = ""};
  const std::string text =
      slots_text(test::small_spec(), state,
                 {.now = now, .since = now - std::chrono::minutes(5), .way_back = &before}, {});
  EXPECT_THAT(text, testing::ContainsRegex("green +8082 +idle, stopped +1.0 +- +5m +<- rollback\n"));
  EXPECT_THAT(text, testing::ContainsRegex("blue +8081 +LIVE +1.0 +HTTP 200 +5m\n"));
}

TEST(Status, FitsThePageAlsoWithLongNames) {
  plan::State state = blue_serves();
  state.app_hosts[0].host = "deploy@ip-10-0-0-11.eu-central-1.compute.internal.example.com:2222";
  state.app_hosts[0].slots[0].container->release.tag = std::string(100, 't');
  state.app_hosts[0].slots[0].answer =
      "body does not contain 'server is on': <html><title>Maintenance</title>";
  state.proxies[0].host = state.app_hosts[0].host;
  for (const int width : {72, 80, 120})
    for (const std::string& text : {slots_text(test::small_spec(), state, {}, {.width = width}),
                                    proxies_text(test::small_spec(), state, {.width = width})})
      for (const std::string& line : core::split_lines(text))
        EXPECT_LE(core::display_width(line), width) << line;
}

TEST(Status, FitsATerminalOf60ColumnsAndAVerboseOneOf80) {
  const core::SystemTime now = core::SystemTime(std::chrono::hours(9));
  plan::State state = blue_serves();
  state.app_hosts[0].slots[1].container = container("shop-green", plan::Container::Status::exited);
  state.app_hosts[0].slots[1].container->release.id = "before";
  const plan::Release before{.id = "before", .tag = "0.9", .image = "", .digest = ""};
  for (const bool verbose : {false, true}) {
    const int width = verbose ? 80 : 60;
    const Shown how{.now = now, .verbose = verbose, .since = now, .way_back = &before};
    const std::string text = slots_text(test::small_spec(), state, how, {.width = width, .terminal = true});
    EXPECT_THAT(text, HasSubstr("<- rollback"));
    for (const std::string& line : core::split_lines(text))
      EXPECT_LE(core::display_width(line), width) << line;
  }
}

TEST(Status, NamesWhatIsOdd) {
  const spec::Spec spec = test::small_spec();
  plan::State state = blue_serves();
  state.app_hosts[0].slots[1].container = container("shop-green", plan::Container::Status::running);
  EXPECT_THAT(oddities(spec, state), ElementsAre("web-1: both slots run"));
  state.app_hosts[0].slots[1].aside = container("shop-green.aside", plan::Container::Status::exited);
  EXPECT_THAT(oddities(spec, state),
              ElementsAre("web-1: shop-green.aside was moved aside by a deploy that was cut short",
                          "web-1: both slots run"));
  // A deploy that runs now does just that.
  EXPECT_THAT(oddities(spec, state, {.holder = deploy::LockOwner{}, .freeze = {}}), IsEmpty());

  state = blue_serves();
  state.app_hosts[0].slots[0].container.reset();
  EXPECT_THAT(oddities(spec, state), ElementsAre("web-1: the live slot blue has no container"));

  state = blue_serves();
  state.app_hosts[0].slots[0].answers = false;
  state.app_hosts[0].slots[0].answer = "HTTP 503";
  state.app_hosts[0].slots[1].others = {container("shop-green-2", plan::Container::Status::running)};
  EXPECT_THAT(oddities(spec, state),
              ElementsAre("web-1: the live slot blue is not healthy: HTTP 503",
                          "web-1: shop-green-2 (running) looks like slot green but does not bear its name"));

  state = blue_serves();
  state.proxies[0].traffic.reset();
  EXPECT_THAT(oddities(spec, state),
              Contains("/etc/nginx/conf.d/service-url.inc on web-1 does not name exactly one slot"));
}

TEST(Status, SaysInWordsWhereRequestsGo) {
  const spec::Spec spec = test::small_spec();
  plan::State state = blue_serves();
  const auto row = [&] {
    const std::string text = proxies_text(spec, state, {.width = 200});
    const auto begin = text.find("yes   ") + 6;
    return text.substr(begin, text.find("  /etc", begin) - begin);
  };
  EXPECT_THAT(row(), testing::StartsWith("blue"));
  EXPECT_EQ(state_json(spec, state, {})["proxies"][0]["traffic"]["blue"], 1.0);
  state.proxies[0].traffic = plan::Traffic{{0.9, 0.1}};
  EXPECT_THAT(row(), testing::StartsWith("90% to blue, 10% to green"));
  const auto json = state_json(spec, state, {})["proxies"][0];
  EXPECT_EQ(json["traffic"]["green"], 0.1);
  EXPECT_EQ(json["names"], "");
  state.proxies[0].traffic = plan::Traffic{{0.75, 0}};
  EXPECT_THAT(row(), testing::StartsWith("75% to blue, 25% elsewhere"));
  state.proxies[0].traffic.reset();
  EXPECT_THAT(row(), testing::StartsWith("not exactly one slot"));
  EXPECT_TRUE(state_json(spec, state, {})["proxies"][0]["traffic"].is_null());
  state.proxies[0].written = false;
  EXPECT_THAT(row(), testing::StartsWith("(no such file yet)"));
}

TEST(Status, WithoutAProxyToBeSwitchedThereIsNoTableOfThem) {
  spec::Spec spec = test::small_spec();
  spec.proxied = false;
  plan::State state = blue_serves();
  state.proxies.clear();
  EXPECT_EQ(proxies_text(spec, state, {}), "");
}

}  // namespace
}  // namespace bgdeploy::cli
