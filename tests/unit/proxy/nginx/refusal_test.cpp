#include "proxy/nginx/refusal.hpp"

#include <gtest/gtest.h>

namespace bgdeploy::proxy {
namespace {

const std::string k_include = "/etc/nginx/conf.d/service-url.inc";

core::Error refused(const std::string& words, const std::string& content, spec::Nginx nginx = {}) {
  nginx.include = k_include;
  return explain_refusal({core::ErrorKind::refused, "nginx refuses the new configuration", {words}}, nginx,
                         "web-1", {k_include, ""}, content);
}

TEST(Refusal, NamesTheLineAndWhatIsInIt) {
  spec::Nginx nginx;
  nginx.template_text = "set $service_url http://{{address}}:{{port}}";
  const auto error =
      refused("2026/11/28 18:02:27 [emerg] 2646#2646: unexpected end of file, expecting \";\" or \"}\" in " +
                  k_include + ":1",
              "set $service_url http://127.0.0.1:8082", nginx);
  EXPECT_EQ(error.message,
            "nginx on web-1 refuses the new include: expecting \";\" at line 1: set $service_url "
            "http://127.0.0.1:8082");
  EXPECT_EQ(error.next, "mend proxy.nginx.template");
  EXPECT_EQ(error.kind, core::ErrorKind::refused);
  EXPECT_EQ(error.details.size(), 1U);
}

TEST(Refusal, SaysWhereADirectiveBelongs) {
  const auto set = refused("nginx: [emerg] \"set\" directive is not allowed here in " + k_include + ":1",
                           "set $service_url http://127.0.0.1:8082;\n");
  EXPECT_EQ(set.message,
            "nginx on web-1 refuses the new include: \"set\" directive is not allowed here at line 1: set "
            "$service_url http://127.0.0.1:8082;");
  EXPECT_EQ(set.next, "include it in a server block, or at http level use proxy.nginx.upstream");
  spec::Nginx nginx;
  nginx.upstream = "shop";
  EXPECT_EQ(refused("nginx: [emerg] \"upstream\" directive is not allowed here in " + k_include + ":1",
                    "upstream shop {}", nginx)
                .next,
            "include it in the http block, outside of server blocks");
}

TEST(Refusal, IsLeftAloneWhereAnotherFileIsBlamed) {
  const auto error =
      refused("[emerg] 1#1: unknown directive \"prox\" in /etc/nginx/other.conf:3", "set $a b;");
  EXPECT_EQ(error.message, "nginx refuses the new configuration");
  EXPECT_EQ(error.next, "");
  EXPECT_EQ(refused("[emerg] 1#1: odd in " + k_include + ":999", "set $a b;").message,
            "nginx on web-1 refuses the new include: odd at line 999");
}

}  // namespace
}  // namespace bgdeploy::proxy
