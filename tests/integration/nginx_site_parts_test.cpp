// What `bgdeploy site` makes passes nginx's own test, and serves.
#include "bgdeploy/proxy/site_parts.hpp"

#include <fmt/format.h>
#include <signal.h>

#include "bgdeploy/core/shell_words.hpp"
#include "support/nginx_test.hpp"

namespace bgdeploy::proxy {
namespace {

using testing::eventually;
using testing::get;

class NginxSiteParts : public testing::NginxTest {
protected:
  void SetUp() override {
    NginxTest::SetUp();
    spec = lab.around(lab.spec);
    spec.nginx.include = lab.folder / "made.inc";
  }

  // Puts the parts where they say, but to a port that is free here.
  void put(const std::vector<SitePart>& parts) {
    for (const SitePart& part : parts) {
      std::string text = part.text;
      constexpr std::string_view k_listen = "listen 80;";
      if (const auto at = text.find(k_listen); at != std::string::npos)
        text.replace(at, k_listen.size(), fmt::format("listen 127.0.0.1:{};", port));
      lab.write(part.path, text);
    }
  }
  void expect_served(const std::string& who) {
    auto made = site_parts(spec, slots, {{}, lab.sites / "made.conf"});
    ASSERT_TRUE(made) << made.error().message;
    put(*made);
    expect_serving_now(who, made->back().text);
  }
  void expect_serving_now(const std::string& who, const std::string& text) {
    const auto tested = host->run({lab.spec.test, host::Tool::nginx, {}}, testing::soon());
    ASSERT_TRUE(tested);
    ASSERT_TRUE(tested->ok()) << tested->err << text;
    ASSERT_EQ(::kill(lab.master(), SIGHUP), 0);
    EXPECT_TRUE(eventually([&] { return get(port) == who; })) << text;
  }
  // And after a switch the other slot.
  void expect_switched() {
    expect_served("blue");
    lab.write(spec.nginx.include, render(spec.nginx, slots[1]).value());
    expect_serving_now("green", spec.nginx.include);
  }

  int port = testing::free_port();
  spec::Spec spec;
  std::array<Routing, 2> slots = lab.slots();
};

TEST_F(NginxSiteParts, WithAVariable) {
  expect_switched();
}

TEST_F(NginxSiteParts, WithTemplatesOfOnesOwn) {
  for (const char* text :
       {"set $shop_host {{address}}:{{port}};", "upstream shop { server {{address}}:{{port}}; }",
        "map $uri $shop_url { default http://{{address}}:{{port}}; }",
        "{{#backends}}server {{address}}:{{port}} weight={{weight}};{{/backends}}",
        "proxy_pass http://{{address}}:{{port}};",
        "set $shop http://{{address}}:{{port}}; set $shop_tag '{{tag}}';"}) {
    SCOPED_TRACE(text);
    spec.nginx.template_text = text;
    expect_switched();
  }
}

TEST_F(NginxSiteParts, WithAnUpstream) {
  spec.nginx.upstream = "shop";
  expect_switched();
  // Among the files that nginx reads anyway.
  std::filesystem::remove(spec.nginx.include);
  spec.nginx.include = lab.sites / "shop.conf";
  expect_switched();
}

TEST_F(NginxSiteParts, WithSeveralBackends) {
  spec.nginx.upstream = "shop";
  for (auto& slot : slots) slot.push_back(slot.front());
  expect_switched();
}

TEST_F(NginxSiteParts, WithWholeSites) {
  spec.nginx.include.clear();
  spec.nginx.sites = spec::Sites{lab.folder / "own-{slot}.conf", lab.sites / "made-{port}.conf"};
  for (const bool several : {false, true}) {
    if (several)
      for (auto& slot : slots) slot.push_back(slot.front());
    for (const std::size_t slot : {0, 1}) {
      const auto made = site_parts(spec, slots, {});
      ASSERT_TRUE(made);
      ASSERT_EQ(made->size(), 2U);
      put(*made);
      const auto name = spec.slots[slot].name;
      lab.write(lab.sites / "made.conf", lab.read(lab.folder / ("own-" + name + ".conf")));
      expect_serving_now(name, (*made)[slot].text);
    }
  }
}

TEST_F(NginxSiteParts, WithBothPortsWhereNothingIsSwitched) {
  spec.proxied = false;
  for (const char* address : {"127.0.0.1", "127.0.0.2"}) {
    // Nothing listens at the second one.
    slots[1].front().address = address;
    slots[1].front().port = "1";
    expect_served("blue");
  }
}

TEST_F(NginxSiteParts, WithAName) {
  slots[0].front().address = "app-blue";
  const auto made = site_parts(spec, slots, {{}, lab.sites / "made.conf"});
  ASSERT_TRUE(made);
  put(*made);
  // Who resolves it here, nobody knows: only that nginx takes it.
  const auto tested = host->run({lab.spec.test, host::Tool::nginx, {}}, testing::soon());
  ASSERT_TRUE(tested);
  EXPECT_TRUE(tested->ok()) << tested->err;
}

}  // namespace
}  // namespace bgdeploy::proxy
