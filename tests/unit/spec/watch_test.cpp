// The keys below `watch:`.
#include <gtest/gtest.h>

#include "loading.hpp"

namespace bgdeploy::spec {
namespace {

using namespace std::chrono_literals;

Watch watch_of(const std::string& keys) {
  return must_load(minimal("watch: {" + keys + "}\n")).watch.value_or(Watch{});
}
std::string complaint(const std::string& keys) {
  return messages_of(minimal("watch: {" + keys + "}\n"));
}

TEST(WatchKeys, HaveTheirDefaults) {
  const Watch watch = watch_of("for: 30s");
  EXPECT_EQ(watch, (Watch{.for_at_least = 30s, .interval = 1s, .failures = 3, .health = true}));
  EXPECT_FALSE(must_load(minimal()).watch.has_value());
}

TEST(WatchKeys, AUrlIsATextAMapOrAListOfBoth) {
  const WatchUrl plain{.url = "https://shop.example.com/"};
  EXPECT_EQ(watch_of("for: 1m, url: 'https://shop.example.com/'").urls, std::vector{plain});
  const WatchUrl whole{.url = "http://[::1]:8080/health?deep=1",
                       .status = {{200, 200}, {204, 299}},
                       .body = "up",
                       .headers = {{"Accept", "text/plain"}},
                       .timeout = 500ms};
  const std::string map =
      "{url: 'http://[::1]:8080/health?deep=1', status: '200,204-299', body: up, "
      "headers: {Accept: text/plain}, timeout: 500ms}";
  EXPECT_EQ(watch_of("for: 1m, url: " + map).urls, std::vector{whole});
  EXPECT_EQ(watch_of("for: 1m, url: ['https://shop.example.com/', " + map + "]").urls,
            (std::vector{plain, whole}));
}

TEST(WatchKeys, ResponsesAndCommands) {
  const Watch watch = watch_of(
      "for: 1m, interval: 2s, failures: 1, health: false, inconclusive: return, "
      "responses: {log: /var/log/nginx/a.log, bad: '404,500-599', ratio: 0.5%, requests: 20, format: json}, "
      "run: [{run: './a.sh \"$X\" | grep b'}, {run: b, timeout: 3s}]");
  EXPECT_FALSE(watch.health);
  EXPECT_TRUE(watch.return_when_inconclusive);
  EXPECT_EQ(watch.responses, (WatchResponses{.log = "/var/log/nginx/a.log",
                                             .bad = {{404, 404}, {500, 599}},
                                             .ratio = 0.005,
                                             .requests = 20,
                                             .format = "json"}));
  EXPECT_EQ(watch.runs, (std::vector<WatchRun>{{.command = "./a.sh \"$X\" | grep b", .timeout = 10s},
                                               {.command = "b", .timeout = 3s}}));
  EXPECT_EQ(watch_of("for: 1m, responses: {log: /a, ratio: 0.02}").responses->ratio, 0.02);
  EXPECT_EQ(watch_of("for: 1m, responses: {log: /a, ratio: 0%}").responses->ratio, 0);
}

TEST(WatchKeys, SayWhatIsWrongAndWhere) {
  EXPECT_EQ(messages_of(minimal("watch:\n  interval: 1s\n")), "7:1: watch.for is missing");
  EXPECT_EQ(complaint("for: 0s"), "7:14: watch.for must be longer than 0, not '0s'");
  EXPECT_EQ(complaint("for: 1m, heath: true"), "7:18: unknown key 'heath', did you mean 'health'?");
  EXPECT_EQ(complaint("for: 1m, health: false"),
            "7:1: watch must have something to look at: health, url, responses or run");
  EXPECT_EQ(complaint("for: 1m, url: shop.example.com"),
            "7:23: watch.url must be a URL such as https://shop.example.com/health, without a login, "
            "not 'shop.example.com'");
  EXPECT_EQ(complaint("for: 1m, url: ['https://u:p@shop.example.com']"),
            "7:24: watch.url[0] must be a URL such as https://shop.example.com/health, without a login, "
            "not 'https://u:p@shop.example.com'");
  EXPECT_EQ(complaint("for: 1m, url: {status: 200}"), "7:18: watch.url.url is missing");
  EXPECT_EQ(complaint("for: 1m, url: {url: 'http://a', status: 99}"),
            "7:49: watch.url.status must be statuses from 100 to 599 such as 200, \"200-299\" or "
            "\"200,204\", not '99'");
  EXPECT_EQ(complaint("for: 1m, responses: {bad: 500}"), "7:18: watch.responses.log is missing");
  EXPECT_EQ(complaint("for: 1m, responses: {log: a.log}"),
            "7:35: watch.responses.log must be the absolute path of a file, not 'a.log'");
  for (const char* ratio : {"2", "101%", "-1%", "few", "1.5"})
    EXPECT_EQ(
        complaint(std::string("for: 1m, responses: {log: /a, ratio: ") + ratio + "}"),
        std::string("7:46: watch.responses.ratio must be a share such as 2% or 0.02, not '") + ratio + "'");
  EXPECT_EQ(complaint("for: 1m, run: [{timeout: 1s}]"), "7:24: watch.run[0].run is missing");
  EXPECT_EQ(complaint("for: 1m, run: [{run: ' '}]"), "7:30: watch.run[0].run must not be empty");
  EXPECT_EQ(complaint("for: 1m, inconclusive: maybe"),
            "7:32: watch.inconclusive must be keep or return, not 'maybe'");
}

TEST(WatchKeys, AFormatIsAnExpressionWithAGroup) {
  const auto format = [](const std::string& text) {
    return complaint("for: 1m, responses: {log: /a, format: '" + text + "'}");
  };
  EXPECT_EQ(format("^\\S+ (?<status>\\d{3}) "), "loaded");
  EXPECT_EQ(format("^\\S+ \\d{3} "),
            "7:47: watch.responses.format must be combined, json, or a regular expression with a group for "
            "the status");
  EXPECT_EQ(format("(["),
            "7:47: watch.responses.format must be combined, json or a regular expression: missing "
            "terminating ] for character class at character 3");
  EXPECT_EQ(format("regex"),
            "7:47: watch.responses.format must be the expression itself, as '^\\S+ (\\d{3}) ': its first "
            "group is the status");
}

TEST(WatchKeys, ResponsesNeedAProxy) {
  std::string text = minimal("watch: {for: 1m, responses: {log: /a}}\n");
  const std::string proxy = "proxy: {nginx: {include: /etc/nginx/app.inc}}";
  text.replace(text.find(proxy), proxy.size(), "proxy: none");
  EXPECT_EQ(messages_of(text), "7:18: watch.responses has no meaning with `proxy: none`");
}

}  // namespace
}  // namespace bgdeploy::spec
