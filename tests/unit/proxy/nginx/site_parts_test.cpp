#include "bgdeploy/proxy/site_parts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../plan/spec_for_tests.hpp"
#include "site_for_tests.hpp"

namespace bgdeploy::proxy {
namespace {

using core::ErrorKind;
using ::testing::HasSubstr;
using ::testing::Not;

class SiteParts : public ::testing::Test {
protected:
  std::vector<SitePart> parts(const SiteWish& wish = {}) const {
    auto made = site_parts(spec, slots, wish);
    EXPECT_TRUE(made) << made.error().message;
    return made.value_or(std::vector<SitePart>{});
  }
  std::string site(const SiteWish& wish = {}) const { return parts(wish).back().text; }
  void expect_refused(const std::string& words, const SiteWish& wish = {}) const {
    const auto made = site_parts(spec, slots, wish);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::usage);
    EXPECT_THAT(made.error().message, HasSubstr(words));
  }

  spec::Spec spec = test::small_spec();
  std::array<Routing, 2> slots = shop().slots;
};

TEST_F(SiteParts, AreTheSiteAndWhatItIncludesBeforeAFirstDeploy) {
  const auto made = parts();
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(made[0].path, k_include_path);
  EXPECT_EQ(made[0].text, "set $service_url http://127.0.0.1:8081;\n");
  EXPECT_EQ(made[0].kind, SitePart::Kind::include);
  EXPECT_EQ(made[1].path, "/etc/nginx/conf.d/shop-site.conf");
  EXPECT_EQ(made[1].kind, SitePart::Kind::site);
  EXPECT_THAT(made[1].text, HasSubstr("include " + k_include_path + ";"));
  EXPECT_THAT(made[1].text, Not(HasSubstr("resolver")));
  EXPECT_EQ(parts({{}, "/srv/site.conf"})[1].path, "/srv/site.conf");
  EXPECT_TRUE(std::ranges::all_of(made[1].text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
}

// `deploy` finds the same in them as in what people write by hand.
TEST_F(SiteParts, UseTheInclude) {
  const auto made = parts();
  const auto answer = asked({{made[1].path, made[1].text}, {made[0].path, made[0].text}});
  EXPECT_FALSE(answer.problem) << answer.problem->message;
  ASSERT_EQ(answer.fronts.size(), 1U);
  EXPECT_EQ(answer.fronts[0].port, 80);
}

TEST_F(SiteParts, KnowWhetherTheyWereChanged) {
  const auto text = site();
  EXPECT_TRUE(is_unchanged_part(text, "shop"));
  EXPECT_FALSE(is_unchanged_part(text + " ", "shop"));
  EXPECT_FALSE(is_unchanged_part(text, "shop-2"));
  EXPECT_FALSE(is_unchanged_part("server {}\n", "shop"));
  EXPECT_FALSE(is_unchanged_part("", "shop"));
}

TEST_F(SiteParts, IncludeAFileOfAnyName) {
  for (const char* path : {"/etc/nginx/my shop's.inc", "/etc/nginx/a\"b;{c}.inc", "/etc/nginx/a\\b.inc"}) {
    spec.nginx.include = path;
    const auto directives = parse_directives(site());
    const auto& block = directives.back().block;
    const auto line = std::ranges::find(block, "include", &Directive::name);
    ASSERT_NE(line, block.end());
    EXPECT_EQ(line->args, std::vector<std::string>{path});
  }
}

TEST_F(SiteParts, HaveNamesThatCanBeReadBack) {
  using ::testing::ElementsAre;
  using ::testing::IsEmpty;
  EXPECT_THAT(server_names_in(site({{"a.example.com b.example.com"}, ""})),
              ElementsAre("a.example.com", "b.example.com"));
  EXPECT_THAT(server_names_in(site()), IsEmpty()) << "_ is nobody's";
  // As certbot leaves it.
  EXPECT_THAT(
      server_names_in(site({{"a.example.com"}, ""}) + "server { server_name a.example.com; return 404; }"),
      ElementsAre("a.example.com"));
}

TEST_F(SiteParts, HaveTheNameThatTheSpecHas) {
  EXPECT_THAT(site(), HasSubstr("server_name _;"));
  spec.health.probe = spec::HealthHttp{.headers = {{"Host", "health.example.com"}}};
  EXPECT_THAT(site(), HasSubstr("server_name health.example.com;"));
  spec.verify = spec::Verify{.host = "example.com"};
  EXPECT_THAT(site(), HasSubstr("server_name example.com;"));
  EXPECT_THAT(site({{"a.example.com"}, ""}), HasSubstr("server_name a.example.com;"));
  EXPECT_THAT(site({{"a.example.com", "b.example.com c.example.com"}, ""}),
              HasSubstr("server_name a.example.com b.example.com c.example.com;"));
  for (const char* name : {"a;b", "a\tb", "a\n}", "{", "'", " "})
    expect_refused("characters that end a word", {{name}, ""});
  expect_refused("characters that end a word", {{"a.example.com", "b;"}, ""});
  expect_refused("characters that end a word", {{}, "/etc/nginx/a b.conf"});
  expect_refused("the site's path is absolute, as nginx sees it: conf.d/a.conf", {{}, "conf.d/a.conf"});
}

TEST_F(SiteParts, ResolveNamesWhereNginxDoesItWhileItServes) {
  slots[0][0].address = "shop-blue";
  EXPECT_THAT(site(), HasSubstr("resolver 127.0.0.53 ipv6=off;"));
  spec.nginx.address = "{container}";
  EXPECT_THAT(site(), HasSubstr("resolver 127.0.0.11 ipv6=off;"));
  spec.nginx.upstream = "shop";
  EXPECT_THAT(site(), Not(HasSubstr("resolver")));
}

TEST_F(SiteParts, IncludeAnUpstreamOnce) {
  spec.nginx.upstream = "shop";
  EXPECT_THAT(site(), HasSubstr("\ninclude " + k_include_path + ";"));
  spec.nginx.include = "/etc/nginx/conf.d/shop.conf";
  EXPECT_THAT(site(), Not(HasSubstr("include " + spec.nginx.include)));
  EXPECT_THAT(site({{}, "/etc/nginx/sites-enabled/shop"}),
              HasSubstr("\ninclude " + spec.nginx.include + ";"));
}

TEST_F(SiteParts, AreRefusedWhereNobodyKnowsWhatUsesTheTemplate) {
  spec.nginx.template_text = "allow {{address}};\n";
  expect_refused("proxy.nginx.template has no `set`");
  spec.nginx.template_text = "set $a {{address}}; set $b {{port}};\n";
  expect_refused("proxy.nginx.template has no `set`");
}

}  // namespace
}  // namespace bgdeploy::proxy
