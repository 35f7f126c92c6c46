#include "proxy/nginx/site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "site_for_tests.hpp"

namespace bgdeploy::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string k_set = "set $service_url http://127.0.0.1:8081;\n";
const std::string k_upstream = "upstream shop { server 127.0.0.1:8081; keepalive 32; }\n";
const std::string k_reads = "include " + k_include_path + ";\n";

Files with(const std::string& site, const std::string& include = k_set) {
  return {{k_include_path, include}, {k_site_path, site}};
}
std::string problem(const SiteAnswer& answer) {
  if (!answer.problem) return "";
  const auto& [kind, message, details, next] = *answer.problem;
  return message + (next.empty() ? "" : " -> " + next);
}
// At the http level, where `shop` is known by then.
std::string problem_at_http(const std::string& site, const std::string& include = k_upstream) {
  return problem(asked(with(site, include), k_reads));
}
std::string problem_of(const std::string& site, const std::string& include = k_set) {
  return problem(asked(with(site, include)));
}
std::string server(const std::string& text) {
  return "server {\n" + k_reads + text + "\n}\n";
}

TEST(Site, UsesAVariable) {
  EXPECT_EQ(problem_of(server("location / { proxy_pass $service_url; }")), "");
  EXPECT_EQ(problem_of(server("location / { proxy_pass ${service_url}/api; }")), "");
  EXPECT_EQ(problem_of(server("location / { location /a { if ($x) { grpc_pass $service_url; } } }")), "");
  EXPECT_EQ(problem_of(server("location / { set $to $service_url; proxy_pass $to; }")), "");
  EXPECT_EQ(problem_of("map $service_url $to { default $service_url/x; }\n" +
                       server("location / { proxy_pass $to; }")),
            "");
  EXPECT_EQ(problem_of(server("location / { proxy_pass $service_url$request_uri; }")), "");
  EXPECT_EQ(problem_of("server { location / {\n" + k_reads + "fastcgi_pass $service_url; } }"), "");
  EXPECT_EQ(
      problem_of(server("location / { proxy_pass http://127.0.0.1:$shop_port; }"), "set $shop_port 8081;"),
      "");
}

TEST(Site, UsesAnUpstream) {
  EXPECT_EQ(problem_at_http("server { location / { proxy_pass http://shop; } }"), "");
  EXPECT_EQ(problem_at_http("server { location / { uwsgi_pass shop; } }"), "");
  EXPECT_EQ(problem_at_http("server { set $up shop; location / { proxy_pass http://$up/x; } }"), "");
  EXPECT_EQ(problem_of("upstream app {\n" + k_reads + "}\nserver { location / { proxy_pass http://app; } }",
                       "server 127.0.0.1:8081;"),
            "");
  EXPECT_EQ(problem_of("map $host $to {\n" + k_reads + "}\nserver { location / { proxy_pass http://$to; } }",
                       "default 127.0.0.1:8081;"),
            "");
  // A group for each slot, and the include names one of them.
  EXPECT_EQ(
      problem_of(
          "upstream shop_blue { server 127.0.0.1:8081; }\nupstream shop_green { server 127.0.0.1:8082; }\n" +
              server("location / { proxy_pass http://shop_$shop_slot; }"),
          "set $shop_slot blue;"),
      "");
}

TEST(Site, UsesAPassOfItsOwn) {
  EXPECT_EQ(problem_of("server { location / {\n" + k_reads + "} }", "proxy_pass http://127.0.0.1:8081;"), "");
  EXPECT_EQ(problem_of("server {\n" + k_reads + "}", "location / { proxy_pass http://127.0.0.1:8081; }"), "");
}

TEST(Site, SaysWhatIsThereAndWhatToWrite) {
  EXPECT_EQ(problem_of(server("location / {\nproxy_pass http://127.0.0.1:8082;\n}")),
            k_site_path + ":2 includes " + k_include_path + ", but nothing uses $service_url; " +
                k_site_path + ":4 sends to 127.0.0.1:8082, slot green -> write in " + k_site_path +
                ":4: proxy_pass $service_url;");
  EXPECT_EQ(problem_of(server("location / { grpc_pass grpc://other:1; }")),
            k_site_path + ":2 includes " + k_include_path + ", but nothing uses $service_url; " +
                k_site_path + ":3 has grpc_pass grpc://other:1 -> write in " + k_site_path +
                ":3: grpc_pass $service_url;");
  EXPECT_THAT(
      problem_at_http("server { location / { proxy_pass http://127.0.0.1:8081; } }"),
      HasSubstr("nothing uses shop; " + k_site_path + ":1 sends to 127.0.0.1:8081, slot blue -> write in " +
                k_site_path + ":1: proxy_pass http://shop;"));
  EXPECT_THAT(problem_of(server("location / { return 204; }")),
              HasSubstr("nothing uses $service_url -> write: proxy_pass $service_url;"));
  EXPECT_THAT(problem_of(server("location / { proxy_pass $service_url; }"), "# nothing yet\n"),
              HasSubstr("tells nginx nothing that a site could use"));
}

TEST(Site, AVariableCountsWhereItIsSetOnly) {
  EXPECT_THAT(problem_of(server("return 204;") + "server { location / { proxy_pass $service_url; } }"),
              HasSubstr("nothing uses $service_url"));
  // What comes later wins.
  EXPECT_THAT(
      problem_of(server("set $service_url http://127.0.0.1:8082;\nlocation / { proxy_pass $service_url; }")),
      HasSubstr(k_site_path + ":3 sends to 127.0.0.1:8082, slot green"));
  EXPECT_EQ(problem_of("server { set $service_url http://127.0.0.1:8082;\n" + k_reads +
                       "location / { proxy_pass $service_url; } }"),
            "");
  EXPECT_EQ(problem_of("server { location /a { proxy_pass $service_url; } location / {\n" + k_reads +
                       "rewrite ^ /a last; } }"),
            "");
}

TEST(Site, ARestOfTheOldWayIsAnOutageOnceThatSlotStops) {
  for (const std::string to :
       {"127.0.0.1:8082", "localhost:8082", "[::1]:8082", "127.0.0.1:8082/api", "slots",
        "127.0.0.1:8082$request_uri", "127.0.0.1:8082$1$is_args$args", "slots$uri"})
    EXPECT_THAT(
        problem_of("upstream slots { server 127.0.0.1:8082; }\n" +
                   server("location / { proxy_pass $service_url; }\nlocation /api {\nproxy_pass http://" +
                          to + ";\n}")),
        HasSubstr("8082, slot green, whatever " + k_include_path + " says"))
        << to;
  const std::string map = "map $uri $old { default http://127.0.0.1:8081; }\n";
  EXPECT_THAT(
      problem_of(map + server("location / { proxy_pass $service_url; } location /a { proxy_pass $old; }")),
      HasSubstr(k_site_path + ":1 sends to 127.0.0.1:8081, slot blue"));
  auto known_as = shop();
  known_as.own_address = "10.1.2.3";
  const auto site = with(
      server("location / { proxy_pass $service_url; } location /a { proxy_pass http://10.1.2.3:8082; }"));
  EXPECT_EQ(problem(asked(site)), "");
  EXPECT_THAT(problem(asked(site, "", known_as)), HasSubstr("slot green"));
}

TEST(Site, WhatElseASiteSendsToIsItsOwnMatter) {
  const auto answer =
      asked(with(server("location / { mirror /m; auth_request /auth; proxy_pass $service_url; }\n"
                        "location = /m { internal; proxy_pass $service_url; }\n"
                        "location = /auth { internal; proxy_pass http://127.0.0.1:9000; }\n"
                        "location /other { proxy_pass http://10.0.0.1:8081; }\n"
                        "location /spare { proxy_pass http://spare; }") +
                 "upstream spare { server 10.0.0.9:80; server 127.0.0.1:8082 backup; }\n"));
  EXPECT_EQ(problem(answer), "");
  EXPECT_THAT(answer.notes, IsEmpty());
  EXPECT_THAT(answer.claims, IsEmpty());
}

TEST(Site, ALookAtOneSlotIsOnlyNoted) {
  const auto answer =
      asked(with(server("if ($http_x_preview) { set $service_url http://127.0.0.1:8082; }\nlocation / { "
                        "proxy_pass $service_url; }")));
  EXPECT_EQ(problem(answer), "");
  EXPECT_THAT(answer.notes, ElementsAre(HasSubstr(k_site_path + ":3 sends to 127.0.0.1:8082, slot green")));
}

TEST(Site, ALiteralInAnotherServerClaimsTheSlotUnlessItLooksAtBoth) {
  const auto preview = [](const std::string& locations) {
    return asked(
        with(server("location / { proxy_pass $service_url; }") + "server { listen 81; " + locations + " }"));
  };
  const std::string green = "location /green { proxy_pass http://127.0.0.1:8082; } ";
  const auto one = preview(green);
  EXPECT_EQ(problem(one), "");
  EXPECT_THAT(one.claims, ElementsAre(testing::Field(&plan::Claim::slot, 1)));
  EXPECT_THAT(one.notes, IsEmpty());
  const auto both = preview(green + "location /blue { proxy_pass http://127.0.0.1:8081; }");
  EXPECT_THAT(both.claims, IsEmpty());
  EXPECT_THAT(both.notes, testing::Contains(HasSubstr("that fails while green is stopped")));
}

TEST(Site, NamesOfVariablesAndUpstreamsKnowNoCase) {
  EXPECT_EQ(problem(asked(with(server("location / { proxy_pass $Service_URL; }")))), "");
}

TEST(Site, AnotherIncludeThatNamesASlotClaimsIt) {
  Files files = with(server("location / { proxy_pass $service_url; }"));
  files.emplace_back("/etc/nginx/production.inc", "# ours\nset $service_url http://127.0.0.1:8081;");
  files.emplace_back("/etc/nginx/sites-enabled/production.conf",
                     "server { include /etc/nginx/production.inc; location / { proxy_pass $service_url; } }");
  const auto answer = asked(files);
  EXPECT_EQ(problem(answer), "");
  EXPECT_THAT(answer.claims, ElementsAre(plan::Claim{0, "/etc/nginx/production.inc:2"}));
  files.back().second = "server { include /etc/nginx/production.inc; return 204; }";
  EXPECT_THAT(asked(files).claims, IsEmpty()) << "nobody uses it";
  files[2].second = "upstream up { server localhost:8082; }";
  files[3].second = "include /etc/nginx/production.inc;\nserver { location / { proxy_pass http://up; } }";
  EXPECT_THAT(asked(files).claims, ElementsAre(plan::Claim{1, "/etc/nginx/production.inc:1"}));
}

TEST(Site, NoFileIncludesIt) {
  const Files alone = {{k_include_path, k_set},
                       {k_site_path, "# mine\nserver { location / { proxy_pass http://127.0.0.1:8082; } }"},
                       {"/etc/nginx/sites-enabled/z.conf", "server { return 204; }"}};
  EXPECT_EQ(problem(asked(alone)), "no nginx file on web-1 includes " + k_include_path +
                                       " -> put \"include " + k_include_path +
                                       ";\" into the server block of " + k_site_path +
                                       ":2, and \"proxy_pass $service_url;\" in the place of \"proxy_pass " +
                                       "http://127.0.0.1:8082;\" (" + k_site_path + ":2)");
  const Files elsewhere = {{k_site_path, "server { include /etc/nginx/service-url.inc; }"},
                           {"/etc/nginx/service-url.inc", k_set}};
  EXPECT_THAT(
      problem(asked(elsewhere)),
      HasSubstr("nginx includes /etc/nginx/service-url.inc: did you mean that? -> set proxy.nginx.include: "
                "/etc/nginx/service-url.inc"));
  Files mistyped = elsewhere;
  mistyped[0].second = "server { include /etc/nginx/conf.d/servce-url.inc; }";
  mistyped[1].first = "/etc/nginx/conf.d/servce-url.inc";
  EXPECT_THAT(problem(asked(mistyped)),
              HasSubstr("nginx includes /etc/nginx/conf.d/servce-url.inc: did you mean that?"));
  const Files other = {
      {k_site_path, "server { include /etc/nginx/other.inc; location / { proxy_pass $service_url; } }"},
      {"/etc/nginx/other.inc", k_set}};
  EXPECT_THAT(
      problem(asked(other)),
      HasSubstr("/etc/nginx/other.inc:1 sends to 127.0.0.1:8081, slot blue: did you mean that file?"));
  EXPECT_THAT(asked(other).claims, IsEmpty());
  EXPECT_EQ(problem(asked({})), "no nginx file on web-1 includes " + k_include_path + " -> put \"include " +
                                    k_include_path + ";\" into the server block of a site");
  const Files proxying = {{k_include_path, k_set},
                          {k_site_path, "server { location / { proxy_pass http://elsewhere; } }"},
                          {"/etc/nginx/sites-enabled/z.conf", "server { return 204; }"}};
  EXPECT_THAT(problem(asked(proxying)), HasSubstr("into the server block of " + k_site_path + ":1, and"));
  const Files upstream = {{k_include_path, k_upstream}, {k_site_path, "server { return 204; }"}};
  EXPECT_THAT(problem(asked(upstream)), HasSubstr("into the http block of /etc/nginx/nginx.conf"));
  const Files many = {{k_site_path, "server { return 204; }\nserver { return 404; }"}};
  EXPECT_THAT(problem(asked(many)), HasSubstr("into the server block of the site (there: " + k_site_path +
                                              ":1, " + k_site_path + ":2)"));
}

TEST(Site, SaysWhereAnIncludeBelongs) {
  EXPECT_THAT(problem(asked(with("server { location / { proxy_pass $service_url; } }"), k_reads)),
              HasSubstr("/etc/nginx/nginx.conf:3 includes " + k_include_path + " outside of a server block"));
  EXPECT_THAT(problem_of(server("location / { proxy_pass http://shop; }"), k_upstream),
              HasSubstr("inside of a server block, where nginx takes no `upstream`"));
}

TEST(Site, AScriptMayUseAnything) {
  EXPECT_EQ(problem_of(server("location / { content_by_lua_block { ngx.say(ngx.var.service_url) } }")), "");
  EXPECT_EQ(problem_of(server("location / { js_content main.handle; }")), "");
  EXPECT_EQ(problem_of(server("location / { content_by_lua_file /srv/x.lua; }")), "");
  EXPECT_NE(
      problem_of(server(
          "access_by_lua_block { ngx.var.other = 1 } location / { proxy_pass http://127.0.0.1:8081; }")),
      "");
  EXPECT_NE(problem_of(server("return 204;") + "server { location / { js_content main.handle; } }"), "");
}

TEST(Site, AWholeSiteSendsToItsSlot) {
  auto question = shop();
  question.whole_site = true;
  question.ours = {"/etc/nginx/sites-enabled/momo-8081.conf"};
  question.include = question.ours[0];
  const auto of = [&](const std::string& site) { return asked({{question.ours[0], site}}, "", question); };
  EXPECT_EQ(problem(of("server { location / { proxy_pass http://app.internal:8081; } }")), "");
  EXPECT_EQ(problem(of("server { set $port 8081; location / { proxy_pass http://127.0.0.1:$port; } }")), "");
  EXPECT_THAT(problem(of("server { listen 8081; location / { root /srv; } }")),
              HasSubstr("no server block that sends to 127.0.0.1:8081, slot blue"));
  EXPECT_THAT(problem(of("server { location / { proxy_pass http://127.0.0.1:8081; }\n"
                         "location /b { proxy_pass http://127.0.0.1:8082; } }")),
              HasSubstr(question.include + ":2 sends to 127.0.0.1:8082, slot green"));
}

TEST(Site, AWholeSiteIsNotTheOtherSlotsWhereOnlyNamesTellThemApart) {
  auto question = shop();
  question.whole_site = true;
  question.ours = {"/etc/nginx/sites-enabled/app.conf"};
  question.include = question.ours[0];
  for (auto& routing : question.slots)
    routing[0].address = std::exchange(routing[0].port, "8080") == "8081" ? "app-blue" : "app-green";
  const auto of = [&](const std::string& to) {
    return problem(asked({{question.ours[0], "server { location / { proxy_pass http://" + to + ":8080; } }"}},
                         "", question));
  };
  EXPECT_EQ(of("app-blue"), "");
  EXPECT_EQ(of("blue.internal"), "");
  EXPECT_THAT(of("app-green"), HasSubstr("no server block that sends to app-blue:8080"));
}

TEST(Site, AConfigurationThatIsNotWholeIsNotJudged) {
  auto question = shop();
  question.partial = true;
  const auto files = with(server("location / { proxy_pass http://127.0.0.1:8082; }"));
  EXPECT_NE(problem(asked(files, "", question)), "");
  EXPECT_EQ(problem(asked(files, "include /opt/more.conf;\n", question)), "");
}

TEST(Site, EndsWhereIncludesGoRound) {
  const auto answer = asked({{"/etc/nginx/conf.d/a.conf", "include conf.d/*.conf; include conf.d/*.conf;"},
                             {"/etc/nginx/conf.d/b.conf", "include conf.d/*.conf;"}});
  EXPECT_FALSE(answer.problem) << "nobody knows";
}

TEST(Site, EndsWhereVariablesGoRound) {
  std::string sets;
  for (const std::string a : {"a", "b", "c", "d"})
    sets += "if ($x) { set $" + a + " $a$b$c$d; }\nif ($y) { set $" + a + " ${d}1$b; }\n";
  const auto answer = asked(with(server(sets + "location / { proxy_pass http://$a$b$c$d; }")));
  EXPECT_TRUE(answer.problem);
}

}  // namespace
}  // namespace bgdeploy::proxy
