#include "bgdeploy/proxy/nginx.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace bgdeploy::proxy {
namespace {

using core::ErrorKind;
using ::testing::HasSubstr;

Backend backend(const std::string& slot, const std::string& port, const std::string& address = "127.0.0.1") {
  return {.host = "web-1",
          .address = address,
          .port = port,
          .container = "app-" + slot,
          .slot = slot,
          .tag = "1.2"};
}

const std::array<Routing, 2> k_slots = {Routing{backend("blue", "8081")}, Routing{backend("green", "8082")}};

spec::Nginx with_template(std::string text) {
  spec::Nginx nginx;
  nginx.template_text = std::move(text);
  return nginx;
}
spec::Nginx with_upstream() {
  spec::Nginx nginx;
  nginx.upstream = "springApp";
  return nginx;
}

std::optional<std::size_t> live(const spec::Nginx& nginx, std::string_view text,
                                const std::array<Routing, 2>& slots) {
  const auto traffic = read_back(nginx, text, slots);
  return traffic ? traffic->live() : std::nullopt;
}
std::optional<std::size_t> read(std::string_view text, const spec::Nginx& nginx = {}) {
  return live(nginx, text, k_slots);
}

TEST(Render, TheDefaultTemplateSetsTheVariable) {
  EXPECT_EQ(render({}, k_slots[0]), "set $service_url http://127.0.0.1:8081;\n");
}

TEST(Render, GivesTheTemplateEveryField) {
  EXPECT_EQ(render(with_template("{{host}} {{address}} {{port}} {{container}} {{slot}} {{tag}} {{weight}}"),
                   k_slots[1]),
            "web-1 127.0.0.1 8082 app-green green 1.2 1");
}

TEST(Render, EscapesNothing) {
  auto routing = k_slots[0];
  routing[0].tag = "a+b=c/d";
  EXPECT_EQ(render(with_template("\"{{tag}}\" '{{tag}}' <>&\n"), routing), "\"a+b=c/d\" 'a+b=c/d' <>&\n");
}

TEST(Render, AnUpstreamListsAllBackendsAndSaysOnlyUnusualWeights) {
  Routing routing = {backend("blue", "8081", "10.0.0.11"), backend("blue", "8081", "10.0.0.12")};
  routing[1].weight = 3;
  EXPECT_EQ(render(with_upstream(), routing),
            "upstream springApp {\n    server 10.0.0.11:8081;\n    server 10.0.0.12:8081 weight=3;\n"
            "    keepalive 32;\n}\n");
}

TEST(Render, PutsIPv6AddressesInBrackets) {
  EXPECT_EQ(render({}, {backend("blue", "8081", "fd00::1")}), "set $service_url http://[fd00::1]:8081;\n");
  EXPECT_EQ(render({}, {backend("blue", "8081", "[fd00::1]")}), "set $service_url http://[fd00::1]:8081;\n");
}

TEST(Render, ATemplateMustUseAllBackends) {
  const Routing two = {backend("blue", "8081", "10.0.0.11"), backend("blue", "8081", "10.0.0.12")};
  const auto refused = render({}, two);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message, HasSubstr("{{#backends}}"));
  EXPECT_EQ(
      render(with_template("upstream u { {{#backends}} server {{address}}:{{port}};{{/backends}} }\n"), two),
      "upstream u {  server 10.0.0.11:8081; server 10.0.0.12:8081; }\n");
}

TEST(Render, RefusesWhatIsNoMustache) {
  const auto refused = render(with_template("{{#backends}} server {{address}};"), k_slots[0]);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
}

TEST(Render, RefusesValuesThatWouldEndADirective) {
  for (const std::string value :
       {"a b", "a;b", "a{b", "a}b", "a\"b", "a'b", "a\nb", "a#b", "a$b", "a\\b", "a\tb"}) {
    auto routing = k_slots[0];
    routing[0].tag = value;
    const auto refused = render({}, routing);
    ASSERT_FALSE(refused) << value;
    EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  }
}

TEST(Render, RefusesNoBackends) {
  EXPECT_FALSE(render({}, {}));
}

TEST(ReadBack, UnderstandsWhatScriptsWrite) {
  EXPECT_EQ(read("set $service_url http://127.0.0.1:8081;"), 0);
  EXPECT_EQ(read("set $service_url http://localhost:8082;\n"), 1);
  EXPECT_EQ(read("\xEF\xBB\xBFset  $service_url\thttp://127.0.0.1:8082 ;\r\n"), 1);
  EXPECT_EQ(read("# was 8081\nset $service_url http://127.0.0.1:8082; # not http://127.0.0.1:8081\n"), 1);
  EXPECT_EQ(read("upstream app {\n  server 10.1.2.3:8081;\n}\n"), 0);
  EXPECT_EQ(read("set $service_url \"http://127.0.0.1:8082\";"), 1);
  EXPECT_EQ(read("set $port 8081;\n"), 0);
}

TEST(ReadBack, APortIsAWholeNumber) {
  EXPECT_EQ(read("set $service_url http://127.0.0.1:18081;"), std::nullopt);
  EXPECT_EQ(read("set $service_url http://127.0.0.1:80811;"), std::nullopt);
  EXPECT_EQ(read("set $service_url http://127.0.0.1:18081; set $b http://127.0.0.1:8082;"), 1);
  EXPECT_EQ(read("set $a 10.0.8081.1;"), std::nullopt);
}

TEST(ReadBack, AnAddressIsAWholeAddress) {
  const std::array<Routing, 2> slots = {Routing{backend("blue", "80", "10.0.0.1")},
                                        Routing{backend("green", "80", "10.0.0.11")}};
  EXPECT_EQ(live({}, "set $service_url http://10.0.0.11:80;", slots), 1);
  EXPECT_EQ(live({}, "set $service_url http://10.0.0.1:80;", slots), 0);
  EXPECT_EQ(live({}, "set $service_url http://110.0.0.1:80;", slots), std::nullopt);
}

TEST(ReadBack, NothingWhenBothOrNeitherAreNamed) {
  EXPECT_EQ(read(""), std::nullopt);
  EXPECT_EQ(read("# set $service_url http://127.0.0.1:8081;\n"), std::nullopt);
  EXPECT_EQ(read("server 127.0.0.1:8081; server 127.0.0.1:8082;"), std::nullopt);
  EXPECT_EQ(read("server 127.0.0.1:8081; server localhost:8082;"), std::nullopt);
  EXPECT_EQ(read("set $service_url http://127.0.0.1:9000;"), std::nullopt);
  // The same text for both slots says nothing.
  EXPECT_EQ(read("fixed\n", with_template("fixed\n")), std::nullopt);
}

TEST(ReadBack, AGroupIsKnownByItsName) {
  const auto nginx = with_template("set $service_url http://app_{{slot}};\n");
  EXPECT_EQ(read("set $service_url http://app_blue;\n", nginx), 0);
  EXPECT_EQ(read("set $service_url   http://app_green; # now\r\n", nginx), 1);
  EXPECT_EQ(read("set $service_url http://app_red;\n", nginx), std::nullopt);
}

TEST(ReadBack, AnyTagWillDo) {
  const auto nginx = with_template("set $service_url http://app_{{slot}}; set $release {{tag}};\n");
  EXPECT_EQ(read("set $service_url http://app_blue; set $release 0.9-rc.1;\n", nginx), 0);
  EXPECT_EQ(read("set $service_url http://app_green; set $release ;\n", nginx), 1);
  EXPECT_EQ(read("set $service_url http://app_green; set $release a; set $b c;\n", nginx), std::nullopt);
}

TEST(ReadBack, ATagEndsWhereTheTemplateGoesOn) {
  const auto nginx = with_template("set $u http://app_{{slot}}; set $r {{tag}}-{{tag}}.x{{tag}};\n");
  EXPECT_EQ(read("set $u http://app_blue; set $r 1.2-1.2.x1.2;\n", nginx), 0);
  EXPECT_EQ(read("set $u http://app_blue; set $r -.x;\n", nginx), 0);
  EXPECT_EQ(read("set $u http://app_green; set $r a-b-c.x.x-.x;\n", nginx), 1);
  EXPECT_EQ(read("set $u http://app_green; set $r 1.2-1.2x1.2;\n", nginx), std::nullopt);
  EXPECT_EQ(read("set $u http://app_green; set $r 1.2-1.2.x1.2; set $more 1;\n", nginx), std::nullopt);
  const auto last = with_template("set $u http://app_{{slot}}; set $r {{tag}}ab{{tag}}");
  EXPECT_EQ(read("set $u http://app_blue; set $r abab", last), 0);
  EXPECT_EQ(read("set $u http://app_blue; set $r a b", last), std::nullopt);
}

// Tried in all ways, 40 tags of which the last one does not match would take longer than anybody waits.
TEST(ReadBack, ManyTagsAreReadInNoTime) {
  constexpr int k_tags = 2'000;
  std::string text = "set $u http://app_{{slot}}; set $r ", found = "set $u http://app_blue; set $r ";
  for (int i = 0; i < k_tags; ++i) {
    text += "{{tag}}a";
    found += "aaa";
  }
  const auto nginx = with_template(text + ";\n");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(read(found + ";\n", nginx), 0);
  EXPECT_EQ(read(found + "!;\n", nginx), std::nullopt);
  EXPECT_EQ(read(found, nginx), std::nullopt);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(60));
}

TEST(ReadBack, AHashInsideAWordIsNoComment) {
  EXPECT_EQ(read("set $a x#y; set $service_url http://127.0.0.1:8081;"), 0);
  EXPECT_EQ(read("set $a \"# \"; set $service_url http://127.0.0.1:8082;"), 1);
}

// Whatever bytes a host has in its include, they are read without harm, and only decide when they name a
// slot.
RC_GTEST_PROP(ReadBack, TakesAnyBytes, (const std::string& text)) {
  const auto slot = read(text);
  RC_ASSERT(!slot || text.find(slot == 0 ? "8081" : "8082") != std::string::npos);
}

Backend any_backend(const std::string& slot) {
  const auto octet = [] { return std::to_string(*rc::gen::inRange(1, 255)); };
  const auto word = [] {
    return *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(std::string("abz019-._"))));
  };
  return {.host = word(),
          .address = "10." + octet() + "." + octet() + "." + octet(),
          .port = std::to_string(*rc::gen::inRange(1, 65536)),
          .container = "app-" + slot,
          .slot = slot,
          .tag = word(),
          .weight = *rc::gen::inRange(1, 100)};
}

RC_GTEST_PROP(ReadBack, GivesBackWhatWasRendered, ()) {
  const auto style = *rc::gen::inRange(0, 5);
  const auto nginx =
      style == 0   ? spec::Nginx{}
      : style == 1 ? with_upstream()
      : style == 2
          ? with_template("{{#backends}}server {{address}}:{{port}} weight={{weight}};\n{{/backends}}")
      : style == 3 ? with_template("set $u http://app_{{slot}}; # {{tag}}\n")
                   : with_template("# {{tag}}\nset $t {{tag}};\nset $u http://{{container}}:{{port}};\n");
  const auto size = style == 1 || style == 2 ? *rc::gen::inRange(1, 4) : 1;
  std::array<Routing, 2> slots;
  for (int i = 0; i < size; ++i) {
    slots[0].push_back(any_backend("blue"));
    slots[1].push_back(slots[0].back());
    slots[1].back().slot = "green";
    slots[1].back().container = "app-green";
    slots[1].back().port = std::to_string(*rc::gen::inRange(1, 65536));
    RC_PRE(slots[0].back().port != slots[1].back().port);
  }
  const auto slot = *rc::gen::inRange<std::size_t>(0, 2);
  const auto text = render(nginx, slots[slot]);
  RC_ASSERT(text.has_value());
  // Another tag is deployed than the one that is read back.
  for (auto& routing : slots)
    for (auto& each : routing) each.tag = "next";
  RC_ASSERT(read_back(nginx, *text, slots) == plan::Traffic::all_to(slot));
}

Routing both(int blue, int green) {
  Routing routing = {k_slots[0][0], k_slots[1][0]};
  routing[0].weight = blue;
  routing[1].weight = green;
  return routing;
}

TEST(Traffic, IsReadBackFromWeights) {
  const plan::Traffic ninety_ten{{0.9, 0.1}};
  const auto own =
      with_template("{{#backends}}server {{address}}:{{port}} weight={{weight}};\n{{/backends}}");
  for (const auto& nginx : {with_upstream(), own}) {
    EXPECT_EQ(read_back(nginx, *render(nginx, both(9, 1)), k_slots), ninety_ten);
    EXPECT_EQ(read_back(nginx, *render(nginx, both(1, 1)), k_slots), (plan::Traffic{{0.5, 0.5}}));
    EXPECT_EQ(read_back(nginx, *render(nginx, k_slots[1]), k_slots), plan::Traffic::all_to(1));
  }
  const std::array<Routing, 2> two_hosts = {
      Routing{backend("blue", "8081", "10.0.0.1"), backend("blue", "8081", "10.0.0.2")},
      Routing{backend("green", "8082", "10.0.0.1"), backend("green", "8082", "10.0.0.2")}};
  EXPECT_EQ(read_back(with_upstream(),
                      "upstream springApp { server 10.0.0.1:8081 weight=3; server 10.0.0.2:8081 weight=3;\n"
                      "server 10.0.0.1:8082; server 10.0.0.2:8082; }",
                      two_hosts),
            (plan::Traffic{{0.75, 0.25}}));
}

TEST(Traffic, GoesElsewhereToo) {
  const auto traffic = read_back({}, "server 127.0.0.1:8081 weight=3; server 10.9.9.9:80;", k_slots);
  ASSERT_TRUE(traffic);
  EXPECT_EQ(traffic->share, (std::array{0.75, 0.0}));
  EXPECT_DOUBLE_EQ(traffic->elsewhere(), 0.25);
  EXPECT_EQ(traffic->live(), 0U) << "no other slot serves";
}

TEST(Traffic, IsUnknownWhereWeightsDoNotTell) {
  for (const char* text :
       {"server 127.0.0.1:8081; server 127.0.0.1:8082 backup;",
        "server 127.0.0.1:8081 weight=x; server 127.0.0.1:8082;",
        "upstream a { server 127.0.0.1:8081; } upstream b { server 127.0.0.1:8082; }",
        "upstream a { server 127.0.0.1:8081; } set $url http://127.0.0.1:8082;",
        "split_clients $ip $to { 10% 127.0.0.1:8081; * 127.0.0.1:8082; }", "server 10.9.9.9:80;"})
    EXPECT_EQ(read_back({}, text, k_slots), std::nullopt) << text;
  EXPECT_EQ(read_back({}, "server 127.0.0.1:8081 down; server 127.0.0.1:8082;", k_slots),
            plan::Traffic::all_to(1));
}

RC_GTEST_PROP(Traffic, AddsUpToOne, (const std::string& text)) {
  if (const auto traffic = read_back({}, text, k_slots)) {
    RC_ASSERT(traffic->share[0] >= 0 && traffic->share[1] >= 0);
    RC_ASSERT(traffic->share[0] + traffic->share[1] + traffic->elsewhere() < 1 + 1e-9);
  }
}

TEST(NamesPort, AsAWordOutsideOfComments) {
  EXPECT_TRUE(names_port("proxy_pass http://10.0.0.1:8081;", "8081"));
  EXPECT_TRUE(names_port("server 10.0.0.1:8081 weight=2;", "8081"));
  EXPECT_FALSE(names_port("# 8081\nserver 10.0.0.1:8080;", "8081"));
  EXPECT_FALSE(names_port("server 10.0.0.1:18081;", "8081"));
}

}  // namespace
}  // namespace bgdeploy::proxy
