#include "bgdeploy/spec/sources.hpp"

#include <gtest/gtest.h>

#include "bgdeploy/spec/flatten.hpp"

namespace bgdeploy::spec {
namespace {

const SourceFolders k_here{"/work/shop", "/home/ci"};

TEST(Sources, ReadBackWhatTheyWrote) {
  const Sources sources{{"/work/shop/.env", "/etc/shop.env"},
                        {{"A", FromEnv{"A_NOW"}},
                         {"B", FromFile{"/home/ci/.secrets/b"}},
                         {"C", FromCommand{{"vault", "read", "-field=c", "it's"}}}}};
  const auto json = sources_to_json(sources, k_here);
  const auto back = load_sources(json, k_here);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, sources);
  EXPECT_EQ(*load_sources(sources_to_json({}, k_here), k_here), Sources{});
}

TEST(Sources, AnotherCheckoutAndAnotherUserFindTheirOwnFiles) {
  const auto json = sources_to_json({{"/work/shop/deploy/.env"}, {{"B", FromFile{"/home/ci/key"}}}}, k_here);
  const auto there = load_sources(json, {"/builds/17/shop", "/root"});
  ASSERT_TRUE(there);
  EXPECT_EQ(there->env_file.front(), "/builds/17/shop/deploy/.env");
  EXPECT_EQ(std::get<FromFile>(there->secrets.at("B")).path, "/root/key");
}

TEST(Sources, WhatIsNoRecordIsRefused) {
  for (const char* text :
       {"", "{", "[]", "{}", R"({"env_file":[]})", R"({"env_file":[1],"secrets":{}})",
        R"({"env_file":["relative"],"secrets":{}})", R"({"env_file":[],"secrets":{"A":"value"}})",
        R"({"env_file":[],"secrets":{"A":{"env":"no name"}}})",
        R"({"env_file":[],"secrets":{"A":{"command":[]}}})",
        R"({"env_file":[],"secrets":{"A":{"command":["x",1]}}})",
        R"({"env_file":[],"secrets":{"A":{"env":"A","file":"/x"}}})",
        R"({"env_file":[],"secrets":{"a b":{"env":"A"}}})",
        R"({"env_file":[],"secrets":{"A":{"file":"/x\ny"}}})"})
    EXPECT_FALSE(load_sources(text, k_here)) << text;
}

TEST(Flat, IsOneValueAKey) {
  const auto flat = flat_yaml(
      "services:\n  api:\n    image: shop:${TAG}\n    environment: [LOG=info, EMPTY=]\n"
      "    command: [run, --fast]\n    ports: !reset [\"80:80\"]\n  db: {}\n");
  ASSERT_TRUE(flat);
  EXPECT_EQ(*flat, (std::map<std::string, std::string>{{"services.api.image", R"("shop:${TAG}")"},
                                                       {"services.api.environment.LOG", R"("info")"},
                                                       {"services.api.environment.EMPTY", R"("")"},
                                                       {"services.api.command", R"(["run","--fast"])"},
                                                       {"services.api.ports", R"(["80:80"])"},
                                                       {"services.db", "{}"}}));
  EXPECT_FALSE(flat_yaml("a: [")) << "no YAML";
  EXPECT_FALSE(flat_json("[]"));
  EXPECT_EQ(flat_json(R"({"a":{"b":true,"c":[{"d":1}]},"e":null})"),
            (std::map<std::string, std::string>{{"a.b", "true"}, {"a.c", R"([{"d":1}])"}, {"e", "null"}}));
}

}  // namespace
}  // namespace bgdeploy::spec
