#include "proxy/nginx/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace bgdeploy::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NginxConfig, TakesDirectivesApartAsNginxDoes) {
  const auto all = parse_directives(R"(
# a comment; with { braces }
user nginx;
server { # behind a brace
  listen 80 default_server;
  set $a "two words; and { a brace # no comment";
  set $b 'it''s';
  set $c a\"b\\c\td;
  rewrite ^/x{1}$ /y;
  set $d ${c}#no-comment;
  location ~ "\.php{2}$" { fastcgi_pass 127.0.0.1:9000; }
}
)");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "user");
  EXPECT_EQ(all[0].line, 3);
  const auto& server = all[1];
  EXPECT_EQ(server.name, "server");
  ASSERT_GE(server.block.size(), 4U);
  EXPECT_THAT(server.block[0].args, ElementsAre("80", "default_server"));
  EXPECT_EQ(server.block[0].line, 5);
  EXPECT_THAT(server.block[1].args, ElementsAre("$a", "two words; and { a brace # no comment"));
  EXPECT_THAT(server.block[3].args, ElementsAre("$c", "a\"b\\c\td"));
}

TEST(NginxConfig, KeepsTheBracesOfAVariable) {
  const auto all = parse_directives("set $d ${c}#x;\nproxy_pass http://${up}/;");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_THAT(all[0].args, ElementsAre("$d", "${c}#x"));
  EXPECT_THAT(all[1].args, ElementsAre("http://${up}/"));
}

TEST(NginxConfig, ReadsOnBehindLua) {
  const auto all = parse_directives(R"(location / {
  content_by_lua_block {
    -- a brace } in a comment, and --[[ another } ]]
    local t = { "}", '}', [[ } ]], [==[ } ]==] } --[[ } ]]
    if #t > 0 then ngx.say("it's \"}\"") end
  }
  proxy_pass http://127.0.0.1:1;
}
listen 81;)");
  ASSERT_EQ(all.size(), 2U);
  ASSERT_EQ(all[0].block.size(), 2U);
  EXPECT_EQ(all[0].block[0].name, "content_by_lua_block");
  EXPECT_NE(all[0].block[0].raw.find("ngx.say"), std::string::npos);
  EXPECT_EQ(all[0].block[1].name, "proxy_pass");
  EXPECT_EQ(all[0].block[1].line, 7);
  EXPECT_EQ(all[1].name, "listen");
}

TEST(NginxConfig, ReadsTheFilesOfADump) {
  const auto config = NginxConfig::from_dump(
      "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n"
      "# configuration file /etc/nginx/nginx.conf:\nhttp { include sites/*.conf; include /opt/x.inc; }\n\n"
      "# configuration file /etc/nginx/sites/b.conf:\nserver {}\n\n"
      "# configuration file /etc/nginx/sites/a.conf:\r\n# configuration file of ours:\nserver {}\n");
  EXPECT_EQ(config.main(), "/etc/nginx/nginx.conf");
  EXPECT_THAT(config.included("sites/*.conf"),
              ElementsAre("/etc/nginx/sites/a.conf", "/etc/nginx/sites/b.conf"));
  EXPECT_THAT(config.included("/opt/x.inc"), IsEmpty());
  EXPECT_TRUE(config.includes("/opt/x.inc", "/opt/x.inc"));
  EXPECT_TRUE(config.includes("sites/*.conf", "/etc/nginx/sites/new.conf"));
  EXPECT_FALSE(config.includes("sites/*.conf", "/etc/nginx/sites/.new.conf"))
      << "a glob matches no hidden file";
  EXPECT_FALSE(config.includes("sites/*.conf", "/etc/nginx/sites/more/new.conf"));
  ASSERT_EQ(config.file("/etc/nginx/sites/a.conf").size(), 1U);
  EXPECT_EQ(config.file("/etc/nginx/sites/a.conf")[0].line, 2);
}

TEST(NginxConfig, KnowsWhatMayBeMissingBesideTheMainFile) {
  auto config = NginxConfig::from_dump("# configuration file /etc/nginx/nginx.conf:\nevents {}\n");
  EXPECT_TRUE(config.may_miss("conf.d/shop.inc"));
  EXPECT_TRUE(config.may_miss("/usr/share/nginx/modules/*.conf"));
  EXPECT_TRUE(config.may_miss("../x/*.conf"));
  EXPECT_FALSE(config.may_miss("conf.d/*.conf"));
  config.overlay("/etc/nginx/conf.d/shop.inc", "");
  EXPECT_FALSE(config.may_miss("conf.d/shop.inc"));
}

RC_GTEST_PROP(NginxConfig, TakesWhateverItIsGiven, ()) {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("{", "}", ";", "\"", "'", "\\", "$", "${", "#", "\n", " ", "a",
                                    "include x", "b_by_lua_block", "[[", "--", "="));
  std::string text = "# configuration file /x:\n";
  for (const auto& piece : pieces) text += piece;
  const auto config = NginxConfig::from_dump(text);
  RC_ASSERT(config.main() == "/x");
}

TEST(NginxConfig, IsNotTakenInByDepth) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "a {";
  EXPECT_FALSE(parse_directives(text).empty());
}

}  // namespace
}  // namespace bgdeploy::proxy
