#include "deploy/run_events.hpp"

#include <gtest/gtest.h>

#include "../plan/spec_for_tests.hpp"

namespace bgdeploy::deploy {
namespace {

TEST(PublicUrl, IsOfTheFirstSiteThatHasAName) {
  spec::Spec spec = test::small_spec();
  plan::State state;
  auto& fronts = state.proxies.emplace_back().fronts;
  EXPECT_EQ(public_url(spec, state), "");
  fronts.push_back({.address = "127.0.0.1", .host = "_"});
  EXPECT_EQ(public_url(spec, state), "") << "server_name _";
  fronts.push_back({.address = "127.0.0.1", .port = 8080, .host = "shop.example.com"});
  EXPECT_EQ(public_url(spec, state), "http://shop.example.com:8080/");
  spec.watch.emplace().urls.push_back({.url = "https://shop.example.com/health"});
  EXPECT_EQ(public_url(spec, state), "https://shop.example.com/health");
}

}  // namespace
}  // namespace bgdeploy::deploy
