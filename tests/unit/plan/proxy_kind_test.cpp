#include "bgdeploy/plan/proxy_kind.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bgdeploy/plan/plan.hpp"
#include "spec_for_tests.hpp"

namespace bgdeploy::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

spec::Spec without_proxy() {
  spec::Spec spec = test::small_spec();
  spec.proxied = false;
  spec.nginx = {};
  return spec;
}

TEST(ProxyKind, IsWhatTheSpecHas) {
  EXPECT_EQ(proxy_kind(test::small_spec()).name, "nginx");
  EXPECT_EQ(proxy_kind(without_proxy()).name, "none");
}

// A kind that leaves a word out would be called through a null pointer.
TEST(ProxyKind, EveryKindHasAllOfIt) {
  const spec::Spec with = test::small_spec();
  const spec::Spec without = without_proxy();
  for (const ProxyKind* kind : proxy_kinds()) {
    SCOPED_TRACE(std::string(kind->name));
    const spec::Spec& spec = kind->can.be_switched ? with : without;
    ASSERT_EQ(&proxy_kind(spec), kind);
    const Switch change{.slot = 1, .routing = {}, .old = {}};
    EXPECT_EQ(kind->file(spec, 0).empty(), !kind->can.be_switched);
    EXPECT_FALSE(kind->file_pattern(spec).empty()) << "the history tells environments apart by it";
    EXPECT_THAT(kind->switch_words(spec, change, "1.2.3.4:5"), HasSubstr("green"));
    EXPECT_EQ(kind->undo_words(spec).empty(), !kind->can.be_switched);
    EXPECT_FALSE(kind->drain_words(spec, 0).empty());
    EXPECT_EQ(kind->how_to_start(spec).empty(), !kind->can.be_switched);
    EXPECT_EQ(kind->blind_drain == core::Duration{}, kind->can.observe_drain);
    EXPECT_EQ(kind->by_hand(spec, {}, 0).empty(), !kind->can.be_switched);
    EXPECT_EQ(kind->lock_folder(spec).has_value(), kind->can.be_switched);
    EXPECT_FALSE(kind->told(spec).address);
    EXPECT_FALSE(kind->names_container_port(spec));
    EXPECT_FALSE(kind->unreachable(spec, {}, "", {}));
    EXPECT_EQ(kind->cautions(spec).empty(), kind->can.be_switched);
    EXPECT_FALSE(describe(spec, Step{AwaitLeaving{}}).empty() && kind->can.be_switched);
  }
}

TEST(ProxyKind, ASpecWithoutAProxyCannotSeeWhatADrainDoes) {
  const ProxyKind& none = proxy_kind(without_proxy());
  EXPECT_FALSE(none.can.be_switched || none.can.split_traffic || none.can.test_before_switch ||
               none.can.observe_drain);
  EXPECT_EQ(none.drain_words(without_proxy(), 0), "wait 12s, in which nginx tries the new port again");
  EXPECT_EQ(step_host(without_proxy(), Drain{.slot = 0, .old = {}}), "");
}

TEST(ProxyKind, SaysWhoIsNotServedAndHowToStartIt) {
  spec::Spec spec = test::small_spec();
  EXPECT_EQ(not_running(spec, "web-1"), "nginx is not running on web-1");
  const core::Error error = nobody_is_served(spec, "web-1");
  EXPECT_EQ(error.kind, core::ErrorKind::inconsistent);
  EXPECT_EQ(error.message, "nginx is not running on web-1: nobody is served");
  EXPECT_EQ(error.next, "start it: sudo systemctl start nginx");
  spec.nginx.container = "edge";
  EXPECT_EQ(nobody_is_served(spec, "web-1").next, "start it: docker start edge");
}

TEST(ProxyKind, TheLockLiesBesideTheFileOnlyWhereThatsFolderIsKnown) {
  spec::Spec spec = test::small_spec();
  const auto folder = [&] { return proxy_kind(spec).lock_folder(spec); };
  EXPECT_EQ(folder(), "/etc/nginx/conf.d");
  spec.nginx.container = "edge";
  EXPECT_EQ(folder(), std::nullopt);
  spec.nginx.container.reset();
  spec.nginx.sites = spec::Sites{"~/{slot}.conf", "~/sites/shop.conf"};
  EXPECT_EQ(folder(), std::nullopt);
}

}  // namespace
}  // namespace bgdeploy::plan
