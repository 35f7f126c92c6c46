#include <gmock/gmock.h>

#include "../../../src/cli/command.hpp"
#include "../../../src/cli/state_text.hpp"
#include "../plan/spec_for_tests.hpp"

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
  proxy.routing = plan::ProxyHost::Routing::slot;
  proxy.include = "/etc/nginx/conf.d/service-url.inc";
  state.proxies.push_back(proxy);
  return state;
}

TEST(Table, PadsColumnsAndMakesCellsSafe) {
  EXPECT_EQ(table({{"A", "LONGER"}, {"wide cell", "x"}, {"\x1b[31m", ""}}),
            "A          LONGER\nwide cell  x\n\\x1b[31m\n");
}

TEST(Age, IsInTheUnitThatFits) {
  const core::SystemTime now{};
  EXPECT_EQ(age(now, now), "0 seconds ago");
  EXPECT_EQ(age(now - std::chrono::seconds(61), now), "1 minute ago");
  EXPECT_EQ(age(now - std::chrono::hours(50), now), "2 days ago");
}

TEST(Status, ShowsWhatServes) {
  const std::string text = state_text(test::small_spec(), blue_serves(), {});
  EXPECT_THAT(text, HasSubstr("lock:    free"));
  EXPECT_THAT(text, testing::ContainsRegex(
                        "web-1 +blue +8081 +live +1.0 .sha256:aaaaaaaaaaaa. +shop-blue +running +HTTP 200"));
  EXPECT_THAT(text, testing::ContainsRegex("web-1 +green +8082 +idle"));
  EXPECT_THAT(oddities(test::small_spec(), blue_serves()), IsEmpty());
}

TEST(Status, NamesWhatIsOdd) {
  const spec::Spec spec = test::small_spec();
  plan::State state = blue_serves();
  state.app_hosts[0].slots[1].container = container("shop-green", plan::Container::Status::running);
  EXPECT_THAT(oddities(spec, state), ElementsAre("web-1: both slots run"));

  state = blue_serves();
  state.app_hosts[0].slots[0].container.reset();
  EXPECT_THAT(oddities(spec, state), ElementsAre("web-1: the live slot blue has no container"));

  state = blue_serves();
  state.app_hosts[0].slots[0].answers = false;
  state.app_hosts[0].slots[0].answer = "HTTP 503";
  state.app_hosts[0].slots[1].others = {container("shop-green-2", plan::Container::Status::running)};
  EXPECT_THAT(oddities(spec, state),
              ElementsAre("web-1: the live slot blue does not answer: HTTP 503",
                          "web-1: shop-green-2 (running) looks like slot green but does not bear its name"));

  state = blue_serves();
  state.proxies[0].routing = plan::ProxyHost::Routing::unknown;
  EXPECT_THAT(oddities(spec, state),
              Contains("/etc/nginx/conf.d/service-url.inc on web-1 names neither slot alone"));
}

}  // namespace
}  // namespace bgdeploy::cli
