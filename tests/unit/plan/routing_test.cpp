#include "bgdeploy/plan/routing.hpp"

#include <gmock/gmock.h>

#include "bgdeploy/plan/substitutions.hpp"
#include "spec_for_tests.hpp"

namespace bgdeploy::plan {
namespace {

TEST(Routing, ByItsNameTheContainersOwnPort) {
  spec::Spec spec = test::small_spec();
  spec.docker.container_port = "8080";
  spec.nginx.address = "{container}";
  const auto named = routing_to(spec, {}, 0, 1, "");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->front().address, "shop-green");
  EXPECT_EQ(named->front().port, "8080");
  spec.nginx.port = "{port}";
  EXPECT_EQ(routing_to(spec, {}, 0, 1, "")->front().port, "8082");
}

TEST(Routing, WithoutAPublishedPortByNameFromAContainer) {
  spec::Spec spec = test::small_spec();
  spec.docker.container_port = "8080";
  spec.docker.host_ip = "none";
  EXPECT_FALSE(routing_to(spec, {}, 0, 0, ""));
  spec.nginx.container = "web";
  const auto named = routing_to(spec, {}, 0, 0, "");
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(named->front().address, "shop-blue");
  EXPECT_EQ(named->front().port, "8080");
}

TEST(RoutingFile, IsNamedAsItIsOnTheHost) {
  spec::Spec spec = test::small_spec();
  EXPECT_EQ(routing_file(spec), "/etc/nginx/conf.d/service-url.inc");
  spec.nginx.sites = {"~/{service}-{port}.conf", "/etc/nginx/sites-enabled/{service}-{port}.conf"};
  EXPECT_EQ(routing_file(spec, 1), "/etc/nginx/sites-enabled/shop-8082.conf");
  EXPECT_EQ(routing_file(spec),
            "/etc/nginx/sites-enabled/shop-8081.conf or /etc/nginx/sites-enabled/shop-8082.conf");
  spec.nginx.sites->to = "/etc/nginx/sites-enabled/{service}.conf";
  EXPECT_EQ(routing_file(spec), "/etc/nginx/sites-enabled/shop.conf");
}

std::string told(const spec::Spec& spec, std::size_t slot = 0, const Places& places = {}) {
  const auto routing = routing_to(spec, places, 0, slot, "");
  return routing ? routing->front().address : "refused: " + routing.error().message;
}

TEST(Routing, OnTheSameMachineItGoesWhereThePortIsPublished) {
  spec::Spec spec = test::small_spec();
  EXPECT_EQ(told(spec), "127.0.0.1");
  spec.docker.host_ip = "10.0.0.5";
  EXPECT_EQ(told(spec), "10.0.0.5");
  for (const char* everywhere : {"0.0.0.0", "::"}) {
    spec.docker.host_ip = everywhere;
    EXPECT_EQ(told(spec), "127.0.0.1");
  }
  spec.docker.host_ip = "::1";
  EXPECT_EQ(told(spec), "::1");
  // What was found on the host goes before what the spec says today.
  Places places;
  places.at(0).published[0] = "10.0.0.7";
  EXPECT_EQ(told(spec, 0, places), "10.0.0.7");
  EXPECT_EQ(told(spec, 1, places), "::1");
  places.at(0).published[0] = "";
  EXPECT_EQ(told(spec, 0, places), "127.0.0.1");
  spec.nginx.address = "192.0.2.1";
  places.at(0).published[0] = "10.0.0.7";
  EXPECT_EQ(told(spec, 0, places), "192.0.2.1") << "the user's word";
}

TEST(Routing, AnAddressForOtherMachinesIsNotPublishedOnTheLoopback) {
  spec::Spec spec = test::small_spec();
  spec.app_hosts[0].address = "10.0.0.12";
  EXPECT_EQ(told(spec), "127.0.0.1") << "where it is published";
  spec.docker.host_ip = "0.0.0.0";
  EXPECT_EQ(told(spec), "10.0.0.12");
}

TEST(Routing, FromAnotherMachineTheLoopbackIsRefusedWithBothAddresses) {
  spec::Spec spec = test::small_spec(1, 1);
  EXPECT_EQ(told(spec), "10.0.0.1");
  Places places;
  places.at(0).published[0] = "127.0.0.1";
  EXPECT_EQ(told(spec, 0, places),
            "refused: web-1 publishes port 8081 of slot blue on 127.0.0.1 only, where nginx-1 does not reach "
            "it: nginx "
            "there would be told 10.0.0.1");
  spec.nginx.port = "18081";
  EXPECT_EQ(told(spec, 0, places), "10.0.0.1") << "somebody's forwarder";
  spec.nginx.port.reset();
  spec.app_hosts[0].address = "127.0.0.1";
  EXPECT_EQ(told(spec, 0, places), "127.0.0.1") << "a tunnel, or the same machine under two names";
  spec.app_hosts[0].address = "10.0.0.1";
  places.at(0).published[0] = "10.0.0.1";
  EXPECT_EQ(told(spec, 0, places), "10.0.0.1");
  // An address that was given is the user's word; the one that SSH reached is a guess.
  places.at(0).published[0] = "172.31.0.5";
  EXPECT_EQ(told(spec, 0, places), "10.0.0.1");
  spec.app_hosts[0].address.reset();
  places.at(0).address = "10.0.0.1";
  EXPECT_EQ(told(spec, 0, places), "172.31.0.5");
}

TEST(Routing, ABridgedNginxDoesNotReachTheHostsLoopback) {
  spec::Spec spec = test::small_spec();
  spec.nginx.container = "web";
  const std::vector<std::string> bridged{"front"};
  const auto reached = [&](const std::string& ip, const std::vector<std::string>& networks) {
    return !unreachable_from_container(spec, routing_to(spec, {}, 0, 0, "")->front(), ip, networks);
  };
  EXPECT_FALSE(reached("127.0.0.1", bridged));
  EXPECT_FALSE(reached("", bridged)) << "it is told 127.0.0.1 all the same";
  EXPECT_TRUE(reached("127.0.0.1", {})) << "on the host's network";
  const auto error =
      unreachable_from_container(spec, routing_to(spec, {}, 0, 0, "")->front(), "127.0.0.1", bridged);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, core::ErrorKind::usage);
  EXPECT_EQ(error->message,
            "nginx runs in the container web, whose loopback is its own: at 127.0.0.1:8081 it does not reach "
            "slot blue, "
            "which is published on 127.0.0.1");
  EXPECT_THAT(error->details,
              testing::ElementsAre(testing::HasSubstr("proxy.nginx.address: \"{container}\", and front")));
  // The gateway by the user's own word, where it is published.
  spec.nginx.template_text = "set $service_url http://172.17.0.1:{{port}};\n";
  EXPECT_TRUE(reached("", bridged));
  EXPECT_FALSE(reached("127.0.0.1", bridged));
  spec.docker.host_ip = "172.17.0.1";
  EXPECT_TRUE(reached("172.17.0.1", bridged));
  spec.docker.host_ip.reset();
  spec.nginx.address = "host.docker.internal";
  EXPECT_TRUE(reached("127.0.0.1", bridged)) << "the user's word";
}

TEST(Routing, AComposeFileThatNobodyAskedYetPublishesEverywhere) {
  spec::Spec spec = test::small_spec();
  spec.compose.emplace();
  EXPECT_EQ(told(spec), "127.0.0.1");
  spec = test::small_spec(1, 1);
  spec.compose.emplace();
  EXPECT_EQ(told(spec), "10.0.0.1");
}

}  // namespace
}  // namespace bgdeploy::plan
