// What is written loads, and says the same.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cctype>
#include <chrono>

#include "bgdeploy/spec/document.hpp"
#include "support.hpp"

namespace bgdeploy::init {
namespace {

// Texts that YAML, or the spec's substitutions, could take for something else.
rc::Gen<std::string> texts() {
  return rc::gen::oneOf(rc::gen::element<std::string>(
                            "", "yes", "null", "~", "- a", "a: b", "# no comment", "'", "\"", "${HOME}", "$$",
                            "$x", "{port}", "0x1f", "1e3", "\t", "line\nline", "\\", "한국어", "@", "*a",
                            "&a", "!a", "%", "a #b", "[", "]", "{", "}", ",", "1m", "\u202e", "\x1b[31m"),
                        rc::gen::container<std::string>(rc::gen::inRange<char>(' ', '~')));
}

TEST(Writer, VariablesOfSecretsThatAreNotSetAreNamed) {
  Draft draft;
  draft.say({"registry", "password"}, Json{{"env", "TOKEN"}});
  draft.say({"secrets", "A"}, Json{{"env", "TOKEN"}});
  draft.say({"secrets", "B"}, Json{{"env", "SET"}});
  draft.say({"docker", "environment", "env"}, "no");
  EXPECT_EQ(unset_variables(draft,
                            [](std::string_view name) {
                              return name == "SET" ? std::optional<std::string>("x") : std::nullopt;
                            }),
            (Unset{{}, {"TOKEN"}}));
}

TEST(Writer, VariablesThatTheFileRequiresAreNamed) {
  Draft draft;
  draft.say({"image"}, "${USER:?has to be set}/shop");
  draft.say({"hosts", "app"}, Json::array({"${HOST:?x}", "${SET:?x}", "${OTHER:-y}", "$${NOT:?x}"}));
  draft.say({"registry", "password"}, Json{{"env", "${NAME:-TOKEN}"}});
  draft.say({"secrets", "A"}, Json{{"env", "${SET:-B}"}});
  draft.say({"secrets", "HOST"}, Json{{"env", "HOST"}});
  EXPECT_EQ(unset_variables(draft,
                            [](std::string_view name) {
                              return name == "SET" ? std::optional<std::string>("x") : std::nullopt;
                            }),
            (Unset{{"USER", "HOST"}, {"TOKEN", "x"}}));
}

TEST(Writer, WhatIsRefusedIsToldWithItsReason) {
  Draft draft;
  draft.say({"service"}, "Bad/Name");
  draft.say({"docker", "mem_limit"}, "lots");
  draft.say({"docker", "user"}, "-----BEGIN hunter2");
  draft.say({"docker", "volumes"}, Json::array({"/a:/b", "nonsense"}));
  draft.say({"docker", "stop_signal"}, "TOKEN=hunter3");
  draft.say({"docker", "environment", "b c"}, "hunter4");
  draft.say({"health", "interval"}, "3s");
  draft.say({"health", "http", "path"}, "up");
  draft.say({"hosts", "app"}, Json::array({"a", "${X!}"}));
  EXPECT_EQ(completed(draft).health.interval, std::chrono::seconds(3));
  EXPECT_EQ(unset_variables(draft, [](std::string_view) { return std::nullopt; }), Unset());
  EXPECT_EQ(written(draft).docker.volumes, std::vector<std::string>{"/a:/b"});
  for (const char* part : {"`service: Bad/Name`, which was found",
                           "`docker.mem_limit: lots`, which was found, but "
                           "which is no value that it can have: ",
                           "`docker.volumes: nonsense`"})
    EXPECT_TRUE(notes(draft, part)) << part << ::testing::PrintToString(draft.notes());
  EXPECT_FALSE(write(draft).contains("Bad/Name.inc")) << write(draft);
  EXPECT_FALSE(notes(draft, "`image"));
  EXPECT_FALSE(write(draft).contains("hunter")) << write(draft);
}

TEST(Writer, ATextComesBackAsItIs) {
  rc::check("environment, volumes, command and body", [] {
    Draft draft;
    draft.say({"service"}, "shop");
    draft.say({"image"}, "shop");
    const auto value = *texts(), word = *texts(), body = *texts(), comment = *texts();
    const auto literal = [](const std::string& text) { return spec::without_substitutions(text); };
    draft.say({"docker", "environment", "VALUE"}, literal(value), comment);
    draft.say({"docker", "command"}, Json::array({literal(word), literal(value)}), comment);
    draft.say({"health", "http", "body"}, literal(body));
    draft.guess({"secrets", "KEY"}, Json{{"env", "KEY"}}, comment);
    draft.note(comment);
    draft.read_from(comment);
    complete(draft, comment);
    const auto spec = written(draft);
    // The spec itself takes no control characters: such a text is left out, and told.
    const auto holds = [&](const Path& path, const std::string& one, const std::string& other, bool same) {
      if (draft.has(path)) return same;
      return std::ranges::any_of(one + other,
                                 [](char c) { return std::iscntrl(static_cast<unsigned char>(c)); }) ||
             one.empty();
    };
    const auto& environment = spec.docker.environment;
    RC_ASSERT(holds({"docker", "environment", "VALUE"}, value, "",
                    environment.contains("VALUE") && environment.at("VALUE") == value));
    RC_ASSERT(holds({"docker", "command"}, word, value,
                    spec.docker.command == std::vector<std::string>{word, value}));
    RC_ASSERT(holds({"health", "http", "body"}, body, "", http(spec).body == body));
  });
}

TEST(Writer, WhatItWritesCommandsNoTerminal) {
  const std::string value = "a\u009b31mred\u202eb";  // CSI in one character, and text from right to left
  Draft draft;
  draft.say({"docker", "environment", "VALUE"}, value);
  complete(draft, "shop");
  EXPECT_EQ(written(draft).docker.environment.at("VALUE"), value);
  EXPECT_TRUE(write(draft).contains("\"a\\u009b31mred\\u202eb\"")) << write(draft);
}

TEST(Writer, ARandomDraftLoads) {
  rc::check("any part of what readers find", [] {
    Draft draft;
    const auto some = [] { return *rc::gen::arbitrary<bool>(); };
    if (some()) draft.say({"service"}, "shop");
    if (some()) draft.say({"image"}, "registry:5000/team/shop", "from a");
    if (some()) draft.say({"build", "context"}, ".");
    if (some()) draft.say({"hosts", "app"}, Json::array({"a@b", "${HOST:-c}"}));
    if (some()) draft.say({"ssh", "sudo"}, true);
    if (some()) draft.say({"slots", "blue"}, 8081);
    if (some()) draft.say({"slots", "green"}, Json{{"port", 8082}, {"container", "x-green"}});
    if (some()) draft.say({"docker", "container_port"}, 8080);
    if (some()) draft.say({"docker", "mem_limit"}, "700m");
    if (some()) draft.say({"docker", "cpus"}, 1.5);
    if (some()) draft.say({"compose", "file"}, "docker-compose-{slot}.yml");
    if (some()) draft.guess({"health", "docker"}, true, "b");
    if (some()) draft.say({"proxy", "nginx", "include"}, "/etc/nginx/conf.d/x.inc");
    complete(draft, "Some Folder");
    const auto found = draft.findings().size();
    const auto spec = load(write(draft));
    RC_ASSERT(spec.has_value());
    RC_ASSERT(found > 0U);
    RC_ASSERT(draft.notes().size() <= 1U);  // of the container's port: nothing was refused
  });
}

TEST(Writer, WritesAsPeopleDo) {
  Draft draft;
  draft.read_from("docker-compose.yml");
  draft.say({"health", "http", "path"}, "/health", "from docker-compose.yml");
  draft.guess({"docker", "container_port"}, 8080, "the first EXPOSE of Dockerfile");
  draft.say({"docker", "environment", "TZ"}, "Asia/Seoul");
  draft.say({"service"}, "shop");
  draft.say({"image"}, "shop");
  draft.fill_in({"hosts", "app"}, Json::array({"deploy@host.example.com"}), "where it runs");
  draft.say({"slots", "blue"}, Json{{"container", "shop-1"}, {"port", 8081}});
  draft.say({"slots", "green"}, 8082);
  draft.say({"proxy"}, "none");
  draft.note("db of docker-compose.yml: stays with compose");
  EXPECT_EQ(write(draft), R"(# Written by `bgdeploy init` from docker-compose.yml.
# `guessed` marks what is worth a look, `FILL IN` what has to be changed. Every key: `man bgdeploy.yml`.
service: shop
image: shop
hosts:
  app: [deploy@host.example.com]      # FILL IN: where it runs
slots:
  blue: {port: 8081, container: shop-1}
  green: 8082
docker:
  container_port: 8080                # guessed: the first EXPOSE of Dockerfile
  environment:
    TZ: Asia/Seoul
health:
  http:
    path: /health                     # from docker-compose.yml
proxy: none

# Not in this spec:
# - db of docker-compose.yml: stays with compose
)");
  EXPECT_EQ(draft.gaps(), std::vector<std::string>{"hosts.app"});
}

TEST(Writer, NoCommentBecomesAKey) {
  Draft draft;
  draft.read_from("a\nservice: evil");
  draft.note("b\nimage: evil");
  draft.say({"service"}, "shop", "c\nimage: evil");
  complete(draft, "shop");
  EXPECT_EQ(written(draft).image, "registry.example.com/shop");
}

TEST(Draft, TheFirstThatSpeaksOfAKeyCounts) {
  Draft draft;
  draft.say({"health", "http", "path"}, "/a");
  draft.say({"health", "http", "path"}, "/b");
  draft.say({"health", "http"}, Json{{"path", "/c"}});
  draft.say({"health", "http", "path", "deeper"}, "/d");
  EXPECT_EQ(draft.findings().size(), 1U);
  EXPECT_EQ(draft.text({"health", "http", "path"}), "/a");
  EXPECT_TRUE(draft.has({"health"}));
  EXPECT_FALSE(draft.has({"health", "tcp"}));
  draft.drop({"health"});
  EXPECT_FALSE(draft.has({"health"}));
}

}  // namespace
}  // namespace bgdeploy::init
