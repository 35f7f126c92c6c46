#include "bgdeploy/runtime/identity.hpp"

#include <gmock/gmock.h>

#include "bgdeploy/runtime/docker_container.hpp"

namespace bgdeploy::runtime {
namespace {

using plan::Stranger;
using Port = SlotIdentity::Port;

const SlotIdentity k_blue{.service = "shop", .slot = "blue", .other_slot = "green", .port = 8081};

engine::Container container(const std::string& service, const std::string& slot, std::vector<int> ports,
                            bool running = true) {
  engine::Container made;
  made.name = "shop-blue";
  made.network_mode = "default";
  made.running = running;
  made.status = running ? "running" : "exited";
  if (!service.empty()) made.labels[label::k_service] = service;
  if (!slot.empty()) made.labels[label::k_slot] = slot;
  for (const int port : ports) {
    made.bindings.push_back({8080, "tcp", "127.0.0.1", port, port});
    if (running) made.ports.push_back({8080, "tcp", "127.0.0.1", port});
  }
  return made;
}

// "own", "other", "nobody", or why it is a stranger.
std::string role(const engine::Container& of, const SlotIdentity& slot = k_blue, bool bears_name = true) {
  const auto found = role_of(of, slot, bears_name);
  if (const auto* known = std::get_if<Role>(&found))
    return *known == Role::own ? "own" : *known == Role::other ? "other" : "nobody";
  switch (std::get<Stranger>(found).why) {
    case Stranger::Why::service:
      return "service " + std::get<Stranger>(found).owner;
    case Stranger::Why::slot:
      return "slot " + std::get<Stranger>(found).owner;
    case Stranger::Why::port:
      return "port";
    case Stranger::Why::network:
      return "network";
  }
  return "";
}

TEST(Identity, IsTheLabelsAndThePortTogether) {
  for (const bool running : {true, false}) {
    EXPECT_EQ(role(container("shop", "blue", {8081}, running)), "own");
    EXPECT_EQ(role(container("shop", "blue", {9081}, running)), "port") << "another environment's";
    EXPECT_EQ(role(container("shop", "blue", {}, running)), "port") << "it publishes nothing";
    EXPECT_EQ(role(container("shop", "green", {8081}, running)), "slot green");
    EXPECT_EQ(role(container("shop", "green", {8082}, running)), "slot green") << "one container for both";
    EXPECT_EQ(role(container("pay", "blue", {8081}, running)), "service pay");
    EXPECT_EQ(role(container("pay", "blue", {}, running)), "service pay");
    EXPECT_EQ(role(container("shop", "a", {8081}, running)), "own") << "the slot had another name";
  }
}

TEST(Identity, WhatAnOlderToolStartedIsTheSlotsByItsPort) {
  EXPECT_EQ(role(container("", "", {8081})), "own");
  EXPECT_EQ(role(container("", "", {8081}, false)), "own");
  EXPECT_EQ(role(container("", "", {9090})), "port");
  EXPECT_EQ(role(container("", "", {}, false)), "port") << "a name alone is a coincidence";
  EXPECT_EQ(role(container("", "", {9090, 8081})), "own");
}

TEST(Identity, WithoutTheNameThePortTells) {
  const auto elsewhere = [](const engine::Container& of) { return role(of, k_blue, false); };
  EXPECT_EQ(elsewhere(container("", "", {8081})), "other");
  EXPECT_EQ(elsewhere(container("", "", {8081}, false)), "nobody");
  EXPECT_EQ(elsewhere(container("", "", {9090})), "nobody");
  EXPECT_EQ(elsewhere(container("shop", "blue", {8081})), "other") << "the slot's container had another name";
  EXPECT_EQ(elsewhere(container("shop", "blue", {9081})), "port") << "names of its own, and our service";
  EXPECT_EQ(elsewhere(container("shop", "blue", {9081}, false)), "port");
  EXPECT_EQ(elsewhere(container("shop", "blue", {}, false)), "other");
  EXPECT_EQ(elsewhere(container("shop", "blue", {})), "nobody") << "a one-off container";
  EXPECT_EQ(elsewhere(container("shop", "green", {8082})), "nobody");
  EXPECT_EQ(elsewhere(container("pay", "blue", {8081})), "service pay");
  EXPECT_EQ(elsewhere(container("pay", "blue", {8081}, false)), "service pay") << "its way back";
  EXPECT_EQ(elsewhere(container("pay", "blue", {9081})), "nobody");
}

TEST(Identity, WhereNothingIsPublishedTheNetworkTells) {
  auto by_name = k_blue;
  by_name.publishes = Port::optional;
  EXPECT_EQ(role(container("shop", "blue", {}), by_name), "own");
  EXPECT_EQ(role(container("shop", "blue", {8081}), by_name), "own");
  EXPECT_EQ(role(container("shop", "blue", {9081}), by_name), "port");
  EXPECT_EQ(role(container("", "", {}), by_name), "own") << "the spec names no network";
  by_name.networks = {"front"};
  EXPECT_EQ(role(container("", "", {}), by_name), "network");
  auto joined = container("", "", {});
  joined.networks = {{"front", "172.18.0.2"}};
  EXPECT_EQ(role(joined, by_name), "own");
}

TEST(Identity, OnTheHostsNetworkNothingIsPublished) {
  auto on_host = container("", "", {});
  on_host.network_mode = "host";
  EXPECT_EQ(role(on_host), "port") << "the spec says nothing of it";
  auto asked = k_blue;
  asked.networks = {"host"};
  EXPECT_EQ(role(on_host, asked), "own");
  on_host.labels = {{label::k_service, "shop"}, {label::k_slot, "blue"}};
  EXPECT_EQ(role(on_host), "own");
}

TEST(Identity, AComposeFileMayPublishWhateverItLikesWhereNginxIsToldAnotherPort) {
  auto free = k_blue;
  free.publishes = Port::unknown;
  EXPECT_EQ(role(container("shop", "blue", {9090}), free), "own");
  EXPECT_EQ(role(container("shop", "green", {9090}), free), "slot green");
  EXPECT_EQ(role(container("", "", {9090}), free), "port");
}

TEST(Identity, OfARangeDockerTellsWhichPortItTook) {
  auto ranged = container("shop", "blue", {}, false);
  ranged.bindings = {{8080, "tcp", "", 8081, 8082}, {8080, "udp", "", 9999, 9999}, {8080, "tcp", "", 0, 0}};
  EXPECT_EQ(role(ranged), "own");
  ranged.running = true;
  ranged.ports = {{8080, "tcp", "0.0.0.0", 8082}, {8080, "tcp", "::", 8082}, {8080, "tcp", "", 0}};
  EXPECT_EQ(role(ranged), "port");
  EXPECT_THAT(published_by(ranged), ::testing::ElementsAre(plan::Published{"0.0.0.0", 8082, 8082},
                                                           plan::Published{"::", 8082, 8082}));
}

}  // namespace
}  // namespace bgdeploy::runtime
