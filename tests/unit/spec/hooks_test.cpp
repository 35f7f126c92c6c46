#include "bgdeploy/spec/hooks.hpp"

#include <gmock/gmock.h>

#include "loading.hpp"

namespace bgdeploy::spec {
namespace {

const std::vector<Hook>& hooks_in(const Spec& spec, HookPosition at) {
  return spec.hooks.at(static_cast<std::size_t>(at));
}

constexpr const char* k_all_hooks = R"(hooks:
  before_deploy:
    - run: ./scripts/check.sh
  before_start:
    - container: [./manage.py, migrate]
      timeout: 10m
    - {host: "docker builder prune", each: once, on: [deploy, rollback]}
  before_switch:
    - run: |
        set -eu
        curl -f "${BGDEPLOY_URL}/" && echo $$ {slot}
  after_switch: [{run: x, on: deploy}]
  after_deploy: [{host: y}]
  on_failure: [{run: z, on: rollback}]
)";

TEST(Hooks, AllPositionsAreReadWithTheirDefaults) {
  using enum HookPosition;
  const Spec spec = must_load(minimal(k_all_hooks));
  EXPECT_EQ(hooks_in(spec, before_deploy),
            (std::vector{Hook{HookRun{"./scripts/check.sh"}, std::chrono::minutes(5), true, true}}));
  EXPECT_EQ(
      hooks_in(spec, before_start),
      (std::vector{Hook{HookContainer{{"./manage.py", "migrate"}}, std::chrono::minutes(10), true, false},
                   Hook{HookHost{"docker builder prune", true}, std::chrono::minutes(5), true, true}}));
  EXPECT_EQ(hooks_in(spec, after_switch),
            (std::vector{Hook{HookRun{"x"}, std::chrono::minutes(5), true, false}}));
  EXPECT_EQ(hooks_in(spec, after_deploy), (std::vector{Hook{HookHost{"y"}}}));
  EXPECT_EQ(hooks_in(spec, on_failure),
            (std::vector{Hook{HookRun{"z"}, std::chrono::minutes(5), false, true}}));
  EXPECT_EQ(must_load(minimal("hooks:\n")).hooks, Hooks{});
}

TEST(Hooks, ATextForAShellStaysAsItIsWritten) {
  const Spec spec = must_load(minimal(k_all_hooks), {{"BGDEPLOY_URL", "never"}});
  const Hook& hook = hooks_in(spec, HookPosition::before_switch).at(0);
  EXPECT_EQ(std::get<HookRun>(hook.what).command,
            "set -eu\ncurl -f \"${BGDEPLOY_URL}/\" && echo $$ {slot}\n");
  const Spec there = must_load(minimal("hooks: {after_deploy: [{host: 'echo ${X:?}'}]}\n"));
  EXPECT_EQ(std::get<HookHost>(hooks_in(there, HookPosition::after_deploy).at(0).what).command,
            "echo ${X:?}");
  // A container's command is no text for a shell.
  const Spec own = must_load(minimal("hooks: {before_start: [{container: [a, '${X}']}]}\n"), {{"X", "b c"}});
  EXPECT_EQ(std::get<HookContainer>(hooks_in(own, HookPosition::before_start).at(0).what).argv,
            (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(messages_of(minimal("hooks: {before_start: [{container: 'a ${X}'}]}\n")),
            "7:36: variable 'X' is not set; ${X:-default} would give it a default");
}

TEST(Hooks, ArePrintedSoThatTheyLoadBack) {
  Spec spec = must_load(minimal(k_all_hooks));
  EXPECT_EQ(must_load(render(spec, false)).hooks, spec.hooks) << render(spec, false);
  EXPECT_EQ(render(must_load(minimal()), false).find("hooks"), std::string::npos);
}

TEST(Hooks, ErrorsNameTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"hooks: [x]", "7:8: hooks must be a map of keys and values"},
      {"hooks: {before_swich: []}", "7:9: unknown key 'before_swich', did you mean 'before_switch'?"},
      {"hooks: {before_switch: {run: x}}",
       "7:24: hooks.before_switch must be a list: begin each of its items with '- '"},
      {"hooks: {before_switch: [./smoke.sh]}",
       "7:25: hooks.before_switch[0] must be a map of keys and values: write {run: \"./smoke.sh\"}"},
      {"hooks: {before_switch: [{}]}",
       "7:25: hooks.before_switch[0] must have exactly one of run, container and host"},
      {"hooks: {before_switch: [{run: a, host: b}]}",
       "7:34: hooks.before_switch[0] must have exactly one of run, container and host, and has run and host"},
      {"hooks: {before_switch: [{run: a, tiemout: 5s}]}",
       "7:34: unknown key 'tiemout', did you mean 'timeout'?"},
      {"hooks: {before_switch: [{run: ' '}]}", "7:31: hooks.before_switch[0].run must not be empty"},
      {"hooks: {before_switch: [{run: [a, b]}]}",
       "7:31: hooks.before_switch[0].run must be one value, not a list"},
      {"hooks: {before_switch: [{container: []}]}",
       "7:37: hooks.before_switch[0].container must name a program"},
      {"hooks: {before_switch: [{run: a, timeout: 5}]}",
       "7:43: hooks.before_switch[0].timeout must be a duration such as 500ms, 10s, 2m or 1h, not '5': write "
       "5s"},
      {"hooks: {before_switch: [{run: a, on: [promote]}]}",
       "7:39: hooks.before_switch[0].on[0] must be deploy or rollback, not 'promote'"},
      {"hooks: {before_switch: [{run: a, on: []}]}",
       "7:38: hooks.before_switch[0].on must name deploy, rollback or both"},
      {"hooks: {before_switch: [{host: a, each: host}]}",
       "7:41: hooks.before_switch[0].each must be once, not 'host'"},
      {"hooks: {before_switch: [{run: a, each: once}]}",
       "7:34: hooks.before_switch[0].each has a meaning with `host` only: all else runs once"},
      {"build: {context: .}\nhooks: {before_deploy: [{container: [a]}]}",
       "8:26: hooks.before_deploy[0].container has no image yet, which `build` makes later; use "
       "before_start"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(messages_of(minimal(text)), message) << text;
}

TEST(Hooks, AreTakenFromAnEnvironment) {
  const std::string text = minimal(
      "hooks: {before_switch: [{run: a}], after_deploy: [{run: b}]}\n"
      "environments: {staging: {hooks: {before_switch: [{run: 'c ${D}'}]}}}\n");
  const Spec staging = must_load(text, {}, "staging");
  EXPECT_EQ(std::get<HookRun>(hooks_in(staging, HookPosition::before_switch).at(0).what).command, "c ${D}");
  EXPECT_EQ(hooks_in(staging, HookPosition::after_deploy).size(), 1U);
}

TEST(Hooks, AreOneLineInWords) {
  EXPECT_EQ(words_of({HookRun{"set -e\n./a"}}), "set -e …");
  EXPECT_EQ(words_of({HookRun{"echo \x1b[31m"}}), "echo \\x1b[31m");
  EXPECT_EQ(words_of({HookContainer{{"./manage.py", "a b"}}}), "./manage.py 'a b' (in a container)");
}

}  // namespace
}  // namespace bgdeploy::spec
