#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/nginx_lab.hpp"

namespace bgdeploy::testing {

// A started lab, and the proxy of its service.
class NginxTest : public ::testing::Test {
protected:
  void SetUp() override { lab.start(); }

  void expect_serving(const std::string& who) const {
    for (int i = 0; i < 30; ++i) EXPECT_EQ(get(lab.port), who);
  }
  // What must be true after any failure.
  void expect_untouched() const {
    EXPECT_EQ(lab.read(lab.include), lab.text_for(0));
    EXPECT_THAT(lab.leftovers(), ::testing::IsEmpty());
    expect_serving("blue");
  }
  plan::ProxyHost observed() {
    auto seen = proxy->observe(lab.slots(), soon());
    EXPECT_TRUE(seen) << (seen ? "" : seen.error().message);
    return seen.value_or(plan::ProxyHost{});
  }

  NginxLab lab;
  std::unique_ptr<host::Host> host = local_host();
  std::unique_ptr<proxy::Proxy> proxy = proxy::nginx_on(*host, lab.around(lab.spec));
};

}  // namespace bgdeploy::testing
