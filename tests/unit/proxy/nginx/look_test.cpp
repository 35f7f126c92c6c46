#include "proxy/nginx/look.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../plan/spec_for_tests.hpp"
#include "site_for_tests.hpp"

namespace bgdeploy::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string k_site =
    "server {\ninclude " + k_include_path + ";\nlocation / { proxy_pass $service_url; }\n}";

class Look : public ::testing::Test {
protected:
  Look() { observed.file = {k_include_path, "file", ""}; }

  Subject subject() const { return {spec, "web-1", "10.1.1.1", shop().slots}; }
  std::optional<std::size_t> live(const std::string& text) {
    observed.file.content = text;
    const auto traffic = traffic_of(subject(), observed);
    return traffic ? traffic->live() : std::nullopt;
  }
  bool outdated(const std::string& text) {
    const auto slot = live(text);
    EXPECT_TRUE(slot) << text;
    return slot && is_outdated(subject(), observed, *slot);
  }
  void two_sites(const std::string& from_0, const std::string& from_1, const std::string& to_0) {
    spec.nginx.sites = spec::Sites{"/srv/shop-{port}.conf", "/etc/nginx/sites-enabled/shop-{port}.conf"};
    observed.sites[0] = {
        {"/srv/shop-8081.conf", "file", from_0},
        {"/etc/nginx/sites-enabled/shop-8081.conf", to_0.empty() ? "missing" : "file", to_0}};
    observed.sites[1] = {{"/srv/shop-8082.conf", "file", from_1},
                         {"/etc/nginx/sites-enabled/shop-8082.conf", "missing", ""}};
    observed.file = observed.sites[0].to;
    observed.read_as = to_0.empty() ? "" : observed.file.path;
  }

  spec::Spec spec = test::small_spec();
  Observation observed;
};

TEST_F(Look, ComparesWhatIsThereWithWhatTheSpecWouldWrite) {
  EXPECT_FALSE(outdated("set $service_url http://127.0.0.1:8081;\n"));
  EXPECT_FALSE(outdated("# by hand\nset  $service_url\thttp://127.0.0.1:8082;"));
  EXPECT_TRUE(outdated("set $service_url http://localhost:8081;"));
  EXPECT_TRUE(outdated("set $service_url http://:8082;"));
  EXPECT_TRUE(outdated("set $backend_port 8082;"));
  spec.nginx.template_text = "set $service_url http://{{address}}:{{port}}; set $tag {{tag}};";
  EXPECT_FALSE(outdated("set $service_url http://127.0.0.1:8081; set $tag 1.2.3;"));
  EXPECT_TRUE(outdated("set $service_url http://127.0.0.1:8081;"));
}

TEST_F(Look, KnowsTheSlotOfWhatWasWrittenForAnotherSpec) {
  EXPECT_EQ(live("set $service_url http://shop-green:8080;"), 1U);
  EXPECT_EQ(live("set $service_url http://shop_blue;"), std::nullopt);
  observed.dump = dump_of(
      {}, "upstream shop_blue { server 10.0.0.1:8081; }\nupstream shop_green { server 10.0.0.1:8082; }\n");
  EXPECT_EQ(live("set $service_url http://shop_blue;"), 0U);
  EXPECT_EQ(live("set $service_url http://shop_green/api;"), 1U);
  EXPECT_EQ(live("set $service_url http://shop_red;"), std::nullopt);
  EXPECT_EQ(live("set $a http://shop_green; set $b http://shop_blue;"), std::nullopt);
  EXPECT_TRUE(outdated("upstream shop { server 127.0.0.1:8082; keepalive 32; }"));
}

TEST_F(Look, TellsOfTheConfigurationWithTheNewIncludeInIt) {
  observed.dump = dump_of({{k_site_path, k_site}, {k_include_path, "# nothing"}});
  observed.read_as = k_include_path;
  auto answer = look_at_sites(subject(), observed, 0);
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->problem) << answer->problem->message;
  EXPECT_EQ(answer->fronts.size(), 1U);
  // Before a first deploy: by its name, or by a glob.
  observed.read_as.clear();
  observed.dump = dump_of({{k_site_path, k_site}});
  EXPECT_FALSE(look_at_sites(subject(), observed, std::nullopt)->problem);
  observed.dump = dump_of(
      {{k_site_path, "server { include /etc/nginx/conf.d/*.inc; location / { proxy_pass http://x; } }"}});
  EXPECT_THAT(look_at_sites(subject(), observed, std::nullopt)->problem->message,
              HasSubstr("nothing uses $service_url"));
  observed.dump.clear();
  EXPECT_FALSE(look_at_sites(subject(), observed, 0));
}

TEST_F(Look, KnowsTheIncludeByWhatNginxCallsIt) {
  observed.read_as = "/srv/link/service-url.inc";
  observed.dump =
      dump_of({{k_site_path, "server { include /srv/link/*.inc; location / { proxy_pass $service_url; } }"},
               {observed.read_as, "set $service_url http://127.0.0.1:8081;"}});
  EXPECT_FALSE(look_at_sites(subject(), observed, 0)->problem);
}

TEST_F(Look, ChecksTheSitesOfBothSlots) {
  const std::string blue =
      "server { listen 80; server_name a; location / { proxy_pass http://127.0.0.1:8081; } }";
  const std::string green =
      "server { listen 80; server_name b; location / { proxy_pass http://127.0.0.1:8082; } }";
  two_sites(blue, green, blue);
  observed.dump = dump_of({{observed.file.path, blue}});
  auto answer = look_at_sites(subject(), observed, 0);
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->problem) << answer->problem->message;
  EXPECT_THAT(answer->fronts, ElementsAre(plan::Front{"127.0.0.1", 80, false, false, "a"}));
  EXPECT_FALSE(is_outdated(subject(), observed, 0));
  observed.sites[0].from.content = blue + "\n# a remark";
  EXPECT_FALSE(is_outdated(subject(), observed, 0));
  observed.sites[0].from.content = blue + green;
  EXPECT_TRUE(is_outdated(subject(), observed, 0));
  two_sites(blue, "server { location / { root /8082; } }", blue);
  answer = look_at_sites(subject(), observed, 0);
  EXPECT_THAT(answer->problem->message,
              HasSubstr("shop-8082.conf on web-1 has no server block that sends to"));
  // Before a first deploy.
  two_sites(blue, green, "");
  observed.dump = dump_of({});
  answer = look_at_sites(subject(), observed, std::nullopt);
  EXPECT_FALSE(answer->problem) << answer->problem->message;
  EXPECT_THAT(answer->fronts, ElementsAre(plan::Front{"127.0.0.1", 80, false, false, "a"}));
}

TEST_F(Look, KnowsAComplaintAboutTheIncludeItself) {
  observed.file.content = "set $service_url http://127.0.0.1:8081";
  observed.test_output = {"nginx: [emerg] unexpected end of file, expecting \";\" in " + k_include_path +
                          ":1"};
  EXPECT_TRUE(complains_of_own_file(subject(), observed));
  observed.test_output = {"nginx: [emerg] unknown directive \"x\" in " + k_site_path + ":1"};
  EXPECT_FALSE(complains_of_own_file(subject(), observed));
}

TEST_F(Look, LooksAgainAtWhatTheSwitchHasWritten) {
  const Files files = {{k_site_path, "server {\ninclude " + k_include_path +
                                         ";\nlocation / { proxy_pass http://127.0.0.1:8082; } }"},
                       {k_include_path, "set $service_url http://127.0.0.1:8081;"}};
  observed.read_as = k_include_path;
  EXPECT_THAT(problem_after_switch(subject(), dump_of(files), 0, observed)->message,
              HasSubstr("nothing uses $service_url"));
  EXPECT_FALSE(problem_after_switch(subject(), dump_of({{k_site_path, k_site}, files[1]}), 1, observed));
  EXPECT_FALSE(problem_after_switch(subject(), "", 0, observed));
}

// A site of ours beside those that are there.
class Beside : public Look {
protected:
  std::string harm(const Files& files, const std::string& ours) {
    observed.dump = dump_of(files);
    const auto found = harm_to_others(subject(), observed, {k_ours}, ours);
    return found ? found->message : "";
  }
  static std::string server(const std::string& text) {
    return "server {\n" + text + "\ninclude " + k_include_path +
           ";\nlocation / { proxy_pass $service_url; }\n}";
  }
  static std::string others(const std::string& text) { return "server {\n" + text + "\nreturn 204;\n}"; }

  const std::string k_ours = "/etc/nginx/conf.d/shop-site.conf";
  const std::string named = server("listen 80;\nserver_name a.test b.test;");
};

TEST_F(Beside, WhatIsAloneTakesNothingFromAnybody) {
  EXPECT_EQ(harm({}, named), "");
  EXPECT_EQ(harm({{k_site_path, others("listen 8090;")}}, named), "");
  EXPECT_EQ(harm({{k_site_path, others("listen 10.0.0.1:80;\nserver_name a.test;")}}, named), "");
  EXPECT_EQ(harm({{k_site_path, others("listen 80 default_server;\nserver_name _ c.test *.a.test;")}}, named),
            "");
  observed.dump = "";
  EXPECT_FALSE(harm_to_others(subject(), observed, {k_ours}, named)) << "nobody knows";
}

TEST_F(Beside, ASecondSiteOfTheIncludeIsOneTooMany) {
  const Files files = {{k_site_path, server("listen 80 default_server;")}};
  EXPECT_EQ(harm(files, named), k_site_path + ":3 uses " + k_include_path +
                                    " already: a second site could take "
                                    "its requests");
  // By the name of its upstream, and once ours is there: its owner knows.
  spec.nginx.upstream = "shop";
  spec.nginx.include = "/etc/nginx/conf.d/shop.conf";
  observed.file.path = spec.nginx.include;
  EXPECT_THAT(
      harm({{k_site_path, "server {\nlisten 80 default_server;\nlocation / {\nproxy_pass http://shop; }\n}"}},
           named),
      HasSubstr(k_site_path + ":1 uses /etc/nginx/conf.d/shop.conf already"));
  EXPECT_EQ(harm({{k_site_path, server("listen 80 default_server;")}, {k_ours, named}}, named), "");
}

// What `setup` goes by.
TEST_F(Beside, ASiteIsFoundInWhatNginxReads) {
  const std::vector<SitePart> parts = {{k_include_path, "", SitePart::Kind::include}, {k_ours, named}};
  const auto found = [&](const Files& files) {
    observed.dump = dump_of(files);
    return site_found(subject(), observed, parts);
  };
  EXPECT_TRUE(found({{k_site_path, k_site}}).used);
  EXPECT_FALSE(found({{k_site_path, k_site}}).problem);
  // A comment, and an upstream whose name only begins alike, are no site: ours may come.
  for (const std::string& text :
       std::vector<std::string>{"", "# include " + k_include_path + ";\n",
                                "server {\nlisten 8090;\nlocation / { proxy_pass http://shop-api; }\n}"}) {
    EXPECT_FALSE(found({{k_site_path, text}}).used);
    EXPECT_FALSE(found({{k_site_path, text}}).problem);
  }
  // As check says it.
  const auto unused = found({{k_site_path, "server {\ninclude " + k_include_path + ";\nreturn 204;\n}"}});
  EXPECT_TRUE(unused.used);
  ASSERT_TRUE(unused.problem);
  EXPECT_THAT(unused.problem->message, HasSubstr("but nothing uses $service_url"));
  const auto taken = found({{k_site_path, others("listen 80;\nserver_name a.test;")}});
  EXPECT_FALSE(taken.used);
  ASSERT_TRUE(taken.problem);
  EXPECT_THAT(taken.problem->message, HasSubstr("a.test on port 80 leads to"));
  observed.dump = "";
  EXPECT_THAT(site_found(subject(), observed, parts).problem->message,
              HasSubstr("what nginx on web-1 reads is not known"));
}

TEST_F(Beside, ANameLeadsToOneSiteAlone) {
  for (const char* name : {"b.test", "B.test", ".b.test"})
    EXPECT_THAT(harm({{k_site_path,
                       others("listen 80 default_server;\nserver_name c.test " + std::string(name) + ";")}},
                     named),
                HasSubstr("b.test on port 80 leads to " + k_site_path + ":1 already"));
  EXPECT_THAT(harm({{k_site_path, others("listen *:80;\nlisten 443 ssl;\nserver_name a.test;")}}, named),
              HasSubstr("a.test on port 80 leads to "));
  // What it had it may keep.
  const Files both = {{k_site_path, others("listen 80 default_server;\nserver_name a.test;")},
                      {k_ours, named}};
  EXPECT_EQ(harm(both, named), "");
}

TEST_F(Beside, WhatNoNameLeadsToStaysWhereItWent) {
  const Files files = {{k_site_path, others("listen 80;\nserver_name c.test;")}};
  EXPECT_EQ(harm(files, named), "requests on port 80 that no name leads to go to " + k_site_path +
                                    ":1, and would go to " + k_ours);
  EXPECT_NE(harm(files, server("listen 80;\nserver_name _;")), "");
  EXPECT_EQ(harm({{k_site_path, others("listen 80;")}, {k_ours, named}}, named), "") << "it got them before";
  // Behind it.
  EXPECT_EQ(harm({{"/etc/nginx/conf.d/first.conf", others("listen 80;")}}, named), "");
}

}  // namespace
}  // namespace bgdeploy::proxy
