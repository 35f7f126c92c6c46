#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "site_for_tests.hpp"

namespace bgdeploy::proxy {
namespace {

using plan::Front;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string k_uses = "include " + k_include_path + "; location / { proxy_pass $service_url; }";
const std::string k_own = "set $service_url http://127.0.0.1:8081;";

std::vector<Front> fronts(const std::string& sites, const Files& more = {}) {
  Files files = {{k_include_path, k_own}, {k_site_path, sites}};
  files.insert(files.end(), more.begin(), more.end());
  return asked(files).fronts;
}
std::string http_server(const std::string& head) {
  return "server { " + head + " " + k_uses + " }\n";
}

// "nginx: [warn] conflicting server name": the test passes, and the requests go elsewhere.
TEST(Fronts, TellsWhichNamesNginxIgnores) {
  const auto notes = [](const std::string& ours, const std::string& theirs) {
    return asked({{k_include_path, k_own}, {"/etc/nginx/conf.d/a.conf", theirs}, {k_site_path, ours}}).notes;
  };
  const std::string theirs = "server { server_name www.shop.example Shop.example; return 404; }";
  const std::string words = "nginx ignores shop.example in " + k_site_path +
                            ":1: on port 80 it leads to /etc/nginx/conf.d/a.conf:1 already";
  EXPECT_THAT(notes(http_server("server_name shop.example new.example _;"), theirs), ElementsAre(words));
  EXPECT_THAT(notes(http_server("listen 80; listen *:80; server_name shop.example;"), theirs),
              ElementsAre(words));
  EXPECT_THAT(notes(http_server("listen 81; server_name shop.example;"), theirs), IsEmpty());
  EXPECT_THAT(notes(http_server("server_name new.example;"), theirs), IsEmpty());
  EXPECT_THAT(notes(http_server(""), "server { return 404; }"), IsEmpty()) << "no name is nobody's";
  EXPECT_THAT(notes(http_server("server_name shop.example;"), http_server("server_name shop.example;")),
              IsEmpty())
      << "that one uses it too";
}

TEST(Fronts, ReadsListenAsNginxDoes) {
  EXPECT_THAT(fronts(http_server("")), ElementsAre(Front{"127.0.0.1", 80, false, false, ""}));
  EXPECT_THAT(fronts(http_server("listen 8080;")), ElementsAre(Front{"127.0.0.1", 8080, false, false, ""}));
  EXPECT_THAT(fronts(http_server("listen 10.0.0.5;")), ElementsAre(Front{"10.0.0.5", 80, false, false, ""}));
  EXPECT_THAT(fronts(http_server("listen *:81 proxy_protocol;")),
              ElementsAre(Front{"127.0.0.1", 81, false, true, ""}));
  EXPECT_THAT(fronts(http_server("listen unix:/run/n.sock;")),
              ElementsAre(Front{"unix:/run/n.sock", 80, false, false, ""}));
  EXPECT_THAT(fronts(http_server("listen [::]:80; listen 0.0.0.0:80;")),
              ElementsAre(Front{"127.0.0.1", 80, false, false, ""}, Front{"[::1]", 80, false, false, ""}));
  EXPECT_THAT(fronts(http_server("listen 443 quic; listen 443 ssl;")),
              ElementsAre(Front{"127.0.0.1", 443, true, false, ""}));
  EXPECT_THAT(fronts(http_server("listen 443; ssl on;")),
              ElementsAre(Front{"127.0.0.1", 443, true, false, ""}));
}

TEST(Fronts, TakesPlainHttpFirst) {
  EXPECT_THAT(fronts(http_server("listen 443 ssl http2; listen 80; server_name shop.example.com;")),
              ElementsAre(Front{"127.0.0.1", 80, false, false, "shop.example.com"},
                          Front{"127.0.0.1", 443, true, false, "shop.example.com"}));
}

TEST(Fronts, LeavesOutWhatOnlyRedirects) {
  EXPECT_THAT(
      fronts("server { listen 80; server_name a.example; return 301 https://a.example$request_uri; }\n" +
             http_server("listen 443 ssl; server_name a.example;")),
      ElementsAre(Front{"127.0.0.1", 443, true, false, "a.example"}));
}

TEST(Fronts, ReadsWhatIsInSnippets) {
  EXPECT_THAT(fronts(http_server("include /etc/nginx/snippets/listen.conf;"),
                     {{"/etc/nginx/snippets/listen.conf", "listen 8443 ssl; server_name x.example;"}}),
              ElementsAre(Front{"127.0.0.1", 8443, true, false, "x.example"}));
}

TEST(Fronts, MakesNamesConcrete) {
  EXPECT_THAT(fronts(http_server("server_name *.example.com;")),
              ElementsAre(Front{"127.0.0.1", 80, false, false, "www.example.com"}));
  EXPECT_THAT(fronts(http_server("server_name .example.com;")),
              ElementsAre(Front{"127.0.0.1", 80, false, false, "example.com"}));
  EXPECT_THAT(fronts(http_server("server_name www.example.*;")),
              ElementsAre(Front{"127.0.0.1", 80, false, false, "www.example.com"}));
  EXPECT_THAT(fronts(http_server("server_name ~^a *.b.example c.example;")),
              ElementsAre(Front{"127.0.0.1", 80, false, false, "c.example"}));
  EXPECT_THAT(fronts("server { server_name www.example.com; return 204; }\n" +
                     http_server("server_name *.example.com;")),
              ElementsAre(Front{"127.0.0.1", 80, false, false, "app.example.com"}));
}

TEST(Fronts, KnowsTheDefaultServer) {
  const std::string other = "server { listen 80; server_name other.example; return 204; }\n";
  const std::string marked = "server { listen 80 default_server; server_name other.example; return 204; }\n";
  const std::string regex = http_server("listen 80; server_name ~^shop;");
  EXPECT_THAT(fronts(regex + other), ElementsAre(Front{"127.0.0.1", 80, false, false, ""}));
  EXPECT_THAT(fronts(http_server("listen 80; server_name _;") + other),
              ElementsAre(Front{"127.0.0.1", 80, false, false, ""}));
  EXPECT_THAT(fronts(regex + marked + http_server("listen 81;")),
              ElementsAre(Front{"127.0.0.1", 81, false, false, ""}));
  EXPECT_THAT(fronts(marked + http_server("listen 80; server_name _;")),
              ElementsAre(Front{"127.0.0.1", 80, false, false, "_"}));
  // The only one there is.
  EXPECT_THAT(fronts(marked + regex), ElementsAre(Front{"127.0.0.1", 80, false, false, ""}));
}

TEST(Fronts, LeavesOutANameThatLeadsElsewhere) {
  EXPECT_THAT(fronts("server { listen 80; server_name shop.example; return 204; }\n" +
                     http_server("listen 80; server_name shop.example b.example;")),
              ElementsAre(Front{"127.0.0.1", 80, false, false, "b.example"}));
}

TEST(Fronts, AreThoseOfAWholeSite) {
  auto question = shop();
  question.whole_site = true;
  question.ours = {"/etc/nginx/sites-enabled/momo-8081.conf"};
  const auto answer =
      asked({{question.ours[0],
              "upstream momo { server app-1:8081; server app-2:8081; }\n"
              "server { listen 80; server_name momo.example; location / { proxy_pass http://momo; } }"},
             {"/etc/nginx/sites-enabled/other.conf",
              "server { listen 81; location / { proxy_pass http://other:1; } }"}},
            "", question);
  EXPECT_FALSE(answer.problem);
  EXPECT_THAT(answer.fronts, ElementsAre(Front{"127.0.0.1", 80, false, false, "momo.example"}));
}

TEST(Fronts, AreNoneOfStreams) {
  EXPECT_THAT(asked({}, "").fronts, IsEmpty());
  const auto config =
      NginxConfig::from_dump("# configuration file /n:\nstream { include " + k_include_path +
                             "; server { listen 90; proxy_pass shop; } }\n# configuration file " +
                             k_include_path + ":\nupstream shop { server 127.0.0.1:8081; }\n");
  const auto answer = examine(config, shop());
  EXPECT_FALSE(answer.problem) << answer.problem->message;
  EXPECT_THAT(answer.fronts, IsEmpty());
}

}  // namespace
}  // namespace bgdeploy::proxy
