// Hooks: their command lines by a real shell on this machine, and their place in a run in the simulated
// world.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/deploy/execute/execute.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/plan/hooks.hpp"
#include "bgdeploy/spec/hooks.hpp"
#include "deploy/hooks/environment.hpp"
#include "deploy/hooks/failure.hpp"
#include "deploy/hooks/output_lines.hpp"
#include "deploy/hooks/ran.hpp"
#include "deploy/hooks/shell.hpp"
#include "deploy/parallel.hpp"
#include "simulated_world.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

// --- command lines -----------------------------------------------------------------------------------------

class HookShell : public testing::Test {
protected:
  HookShell() {
    char name[] = "/tmp/bgdeploy-hook-XXXXXX";
    folder = ::mkdtemp(name);
    spec::Host here;
    here.name = "local";
    here.local = true;
    host = std::move(*host::connect(here, core::Wait::for_at_most(10s)));
  }
  ~HookShell() override { fs::remove_all(folder); }

  core::Result<int> sh(const std::string& command, const core::Wait& wait = core::Wait::for_at_most(60s),
                       const std::map<std::string, std::string>& environment = {}) {
    out.clear();
    return run_in_shell(
        *host, command, folder, environment, [&](std::string_view piece) { out += piece; }, wait);
  }
  // Once the command has written its pid there.
  pid_t pid_in(const std::string& file) const {
    pid_t pid = 0;
    for (int i = 0; i < 1000 && pid == 0; ++i) {
      std::ifstream(folder + "/" + file) >> pid;
      if (pid == 0) std::this_thread::sleep_for(10ms);
    }
    return pid;
  }
  static bool gone(pid_t pid) {
    for (int i = 0; i < 1000 && ::kill(pid, 0) == 0; ++i) std::this_thread::sleep_for(10ms);
    return ::kill(pid, 0) != 0;
  }

  std::string folder, out;
  std::unique_ptr<host::Host> host;
};

TEST_F(HookShell, TellsTheExitCodeAndAllOutput) {
  EXPECT_EQ(sh("echo one; echo two >&2; printf three; exit 7").value(), 7);
  EXPECT_EQ(out, "one\ntwo\nthree");
  EXPECT_EQ(sh("true").value(), 0);
  EXPECT_EQ(out, "");
  EXPECT_EQ(sh("pwd").value(), 0);
  EXPECT_EQ(out, folder + "\n");
  EXPECT_EQ(sh("kill -9 $$").value(), 137);
  EXPECT_EQ(sh("no-such-program").value(), 127);
  EXPECT_THAT(out, HasSubstr("no-such-program"));
}

TEST_F(HookShell, PassesOnWhatIsPrintedAtOnce) {
  std::stop_source stop;
  const auto code = run_in_shell(*host, "printf 'ready\\n\\036'; sleep 300", folder, {},
                                 [&](std::string_view piece) {
                                   out += piece;
                                   if (out.starts_with("ready\n")) stop.request_stop();
                                 },
                                 {core::Wait::for_at_most(300s).deadline, stop.get_token()});
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().kind, ErrorKind::cancelled);
  EXPECT_THAT(out, testing::StartsWith("ready\n\x1e"));
}

TEST_F(HookShell, DataIsNoPartOfTheCommand) {
  const std::map<std::string, std::string> evil{
      {"BGDEPLOY_TAG", "$(touch pwned) `touch pwned` '\"; touch pwned; #"},
      {"BGDEPLOY_ERROR", "two\nlines\nPATH=/nowhere"}};
  EXPECT_EQ(
      sh("printf '%s|%s' \"$BGDEPLOY_TAG\" \"$BGDEPLOY_ERROR\"", core::Wait::for_at_most(60s), evil).value(),
      0);
  EXPECT_EQ(out, evil.at("BGDEPLOY_TAG") + "|two\\x0alines\\x0aPATH=/nowhere");
  EXPECT_FALSE(fs::exists(folder + "/pwned"));
}

TEST_F(HookShell, ReadsNothingFromOurStdin) {
  EXPECT_EQ(sh("read -r line || echo end").value(), 0);
  EXPECT_EQ(out, "end\n");
}

TEST_F(HookShell, OneThatHangsEndsWithAllItStarted) {
  const auto began = std::chrono::steady_clock::now();
  const auto code =
      sh("trap '' TERM; (trap '' TERM; echo $$ >own; sleep 300 & echo $! >child; wait; sleep 300) & "
         "echo hangs; sleep 300",
         core::Wait::for_at_most(2s));
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().kind, ErrorKind::timeout);
  EXPECT_EQ(out, "hangs\n");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 60s);
  EXPECT_TRUE(gone(pid_in("own")));
  EXPECT_TRUE(gone(pid_in("child")));
}

TEST_F(HookShell, MaySayItsLastWords) {
  const auto code = sh("trap 'echo bye; exit 3' TERM; echo ready >own; while :; do sleep 0.05; done",
                       core::Wait::for_at_most(1s));
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().kind, ErrorKind::timeout);
  EXPECT_THAT(out, HasSubstr("bye\n"));
}

TEST_F(HookShell, ASignalToUsEndsIt) {
  std::stop_source stop;
  core::Result<int> code;
  pid_t pid = 0;
  {
    const std::jthread running([&] {
      code = sh("echo $$ >own; sleep 300", {core::Wait::for_at_most(300s).deadline, stop.get_token()});
    });
    pid = pid_in("own");
    stop.request_stop();
  }
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().kind, ErrorKind::cancelled);
  EXPECT_TRUE(gone(pid));
}

TEST_F(HookShell, ADaemonThatKeepsItsOutputIsNotWaitedFor) {
  EXPECT_EQ(sh("sleep 300 & echo $! >daemon; echo started").value(), 0);
  EXPECT_EQ(out, "started\n");
  EXPECT_EQ(::kill(pid_in("daemon"), SIGKILL), 0) << "it is left alone";
}

TEST_F(HookShell, AHundredMegabytesPassThrough) {
  std::size_t bytes = 0, lines = 0;
  OutputLines kept([&](const std::string&) { ++lines; });
  const auto code = run_in_shell(
      *host, "head -c 100000000 /dev/zero | tr '\\0' x; echo; yes | head -c 10000000; echo last; exit 4", "",
      {},
      [&](std::string_view piece) {
        bytes += piece.size();
        kept.take(piece);
      },
      core::Wait::for_at_most(100s));
  kept.end();
  EXPECT_EQ(code.value(), 4);
  EXPECT_EQ(bytes, 110'000'006U);
  EXPECT_LT(lines, 1000U);
  EXPECT_EQ(kept.last().back(), "last");
}

// --- output ------------------------------------------------------------------------------------------------

TEST(HookOutputLines, AreShownAsTheyCome) {
  std::vector<std::string> shown;
  OutputLines lines([&](std::string line) { shown.push_back(std::move(line)); });
  lines.take("a\nb");
  EXPECT_THAT(shown, ElementsAre("a"));
  lines.take("c\r\n\n\x1b[31mred");
  lines.end();
  EXPECT_THAT(shown, ElementsAre("a", "bc", "", "\\x1b[31mred"));
  EXPECT_THAT(lines.last(), ElementsAre("a", "bc", "", "\\x1b[31mred"));
}

TEST(HookOutputLines, OnesThatAreTooLongAreCutAndTooManyAreLeftOut) {
  std::vector<std::string> shown;
  OutputLines lines([&](std::string line) { shown.push_back(std::move(line)); });
  lines.take(std::string(OutputLines::k_longest_line + 5, 'x') + "\n");
  EXPECT_THAT(shown, ElementsAre(std::string(OutputLines::k_longest_line, 'x') + "…", "xxxxx"));
  for (int i = 0; i < 3000; ++i) lines.take(std::string(999, 'y') + "\n");
  lines.take("end\n");
  lines.end();
  EXPECT_LT(shown.size(), 1100U);
  EXPECT_EQ(shown.back(), "… 2.0 MB more were printed and are not shown");
  EXPECT_EQ(lines.last().back(), "end");
  EXPECT_LE(lines.last().size(), OutputLines::k_last_lines);
}

// --- what they are told -----------------------------------------------------------------------------------

TEST(HookEnvironment, HasEveryVariable) {
  spec::Spec spec = test::small_spec(2, 1);
  spec.environment = "staging";
  plan::Plan plan;
  plan.to = {"id-2", "2.0", "shop", "sha256:2"};
  plan.from = {"id-1", "1.0", "shop", "sha256:1"};
  plan.target = 1;
  const auto told =
      hook_environment(spec, plan, {{"http://a:1", "http://b:2"}, "failed", "it broke", "/ci/report.html"});
  const std::map<std::string, std::string> wanted{{"BGDEPLOY_COMMAND", "deploy"},
                                                  {"BGDEPLOY_SERVICE", "shop"},
                                                  {"BGDEPLOY_ENVIRONMENT", "staging"},
                                                  {"BGDEPLOY_TAG", "2.0"},
                                                  {"BGDEPLOY_DIGEST", "sha256:2"},
                                                  {"BGDEPLOY_RELEASE", "id-2"},
                                                  {"BGDEPLOY_IMAGE", "shop@sha256:2"},
                                                  {"BGDEPLOY_SLOT", "green"},
                                                  {"BGDEPLOY_FROM_TAG", "1.0"},
                                                  {"BGDEPLOY_FROM_DIGEST", "sha256:1"},
                                                  {"BGDEPLOY_HOSTS", "web-1 web-2"},
                                                  {"BGDEPLOY_URL", "http://a:1"},
                                                  {"BGDEPLOY_URLS", "http://a:1 http://b:2"},
                                                  {"BGDEPLOY_RESULT", "failed"},
                                                  {"BGDEPLOY_ERROR", "it broke"},
                                                  {"BGDEPLOY_REPORT", "/ci/report.html"}};
  EXPECT_EQ(told, wanted);
  EXPECT_EQ(hook_environment(spec, {}, {}).size(), wanted.size());
}

// --- what the history knows ------------------------------------------------------------------------------

class HooksThatRan : public testing::Test {
protected:
  HooksThatRan() {
    spec.hooks[1] = {
        {spec::HookContainer{{"migrate"}}}, {spec::HookRun{"x"}}, {spec::HookContainer{{"seed"}}}};
    request.launch = {{"id-2", "2.0", "shop", "sha256:2"}, spec.docker};
  }
  HistoryEntry ran(const std::string& hook) const {
    HistoryEntry entry{.command = "hook", .to = request.launch.release};
    entry.to.id = "of-an-earlier-run";
    entry.ran_with = runtime::record_of(request.launch);
    entry.hook = hook;
    return entry;
  }
  std::vector<std::size_t> known(const std::vector<HistoryEntry>& history) const {
    return hooks_that_ran(spec, request, history);
  }
  spec::Spec spec = test::small_spec();
  plan::Request request;
};

TEST_F(HooksThatRan, AreKnownByReleaseAndCommand) {
  const HistoryEntry migrated = ran("before_start: migrate");
  EXPECT_THAT(known({}), IsEmpty());
  EXPECT_THAT(known({migrated}), ElementsAre(0U));
  EXPECT_THAT(known({migrated, ran("before_start: seed")}), ElementsAre(0U, 2U));
  EXPECT_THAT(known({ran("before_start: other")}), IsEmpty());
  HistoryEntry other = migrated;
  other.to.digest = "sha256:3";
  EXPECT_THAT(known({other}), IsEmpty());
  other = migrated;
  other.ran_with["docker"] = "{}";
  EXPECT_THAT(known({other}), IsEmpty()) << "another configuration is another release";
}

TEST_F(HooksThatRan, CountUntilSomethingServes) {
  const HistoryEntry migrated = ran("before_start: migrate");
  HistoryEntry failed{.command = "deploy", .result = "failed", .to = request.launch.release};
  EXPECT_THAT(known({migrated, failed}), ElementsAre(0U));
  HistoryEntry got_through = failed;
  got_through.served = true;
  EXPECT_THAT(known({migrated, got_through}), IsEmpty());
  EXPECT_THAT(known({got_through, migrated}), ElementsAre(0U));
}

TEST_F(HooksThatRan, TheSameCommandTwiceIsTwoHooks) {
  spec.hooks[1][2] = spec.hooks[1][0];
  const HistoryEntry migrated = ran("before_start: migrate");
  EXPECT_THAT(known({migrated}), ElementsAre(0U));
  EXPECT_THAT(known({migrated, migrated}), ElementsAre(0U, 2U));
}

// --- in a run ---------------------------------------------------------------------------------------------

plan::Release hooked(const std::string& tag) {
  return {"id-" + tag, tag, "shop", "sha256:" + tag};
}

class Nowhere final : public report::Sink {
public:
  void emit(report::Event) override {}
};

struct HookedShape {
  std::size_t hosts, proxies;
};

class HooksInARun : public testing::TestWithParam<HookedShape> {
protected:
  HooksInARun()
      : spec(test::small_spec(GetParam().hosts, GetParam().proxies)), world(spec, GetParam().hosts) {
    spec.verify = spec::Verify{};
    for (std::size_t at = 0; at < 5; ++at) spec.hooks[at] = {{spec::HookRun{names[at]}}};
    spec.hooks[1] = {{spec::HookContainer{{names[1]}}}};
    set_up_hooked(world);
  }
  static void set_up_hooked(test::SimulatedWorld& simulated) {
    simulated.run(0, hooked("1.0"));
    simulated.put_live(0);
  }

  Outcome deploy_hooked(test::SimulatedWorld& simulated, const Stops& stops = {}) const {
    World effects = simulated.world();
    plan::Request request{plan::Request::Kind::deploy, {hooked("2.0"), {}}};
    auto state = guarded([&] { return observe(spec, effects, request.launch, simulated.wait()); });
    if (state)
      state = guarded(
          [&] { return recover(spec, effects, std::move(*state), request.launch, simulated.wait()); });
    if (!state) return {Verdict::failed, 3, false, state.error()};
    request.ran = simulated.recorded(request.launch);
    auto plan = plan::make_plan(spec, *state, request);
    if (!plan) return {Verdict::failed, 5, false, plan.error()};
    return execute(spec, *state, *plan, effects, stops);
  }

  const std::vector<std::string> names{"check", "migrate", "smoke", "look", "tell"};
  spec::Spec spec;
  test::SimulatedWorld world;
};

TEST_P(HooksInARun, RunInOrderAndOnce) {
  EXPECT_EQ(deploy_hooked(world).exit_code, 0);
  EXPECT_THAT(world.hooks_run(),
              ElementsAre("here: check", "container: migrate", "here: smoke", "here: look", "here: tell"));
  EXPECT_EQ(world.told().at("BGDEPLOY_URL"), "http://tunnel-to-web-1:8082");
  EXPECT_EQ(world.told().at("BGDEPLOY_RESULT"), "succeeded");
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(HooksInARun, OneThatFailsOrHangsLeavesTheOldRelease) {
  for (const bool hangs : {false, true})
    for (std::size_t at = 0; at < 5; ++at) {
      SCOPED_TRACE(names[at]);
      test::SimulatedWorld one(spec, GetParam().hosts);
      set_up_hooked(one);
      (hangs ? one.hanging_hook : one.failing_hook) = names[at];
      const Outcome outcome = deploy_hooked(one);
      ASSERT_TRUE(outcome.error);
      EXPECT_THAT(outcome.error->message,
                  HasSubstr(hangs ? "did not end within 5m" : "failed with exit code 3"));
      const bool after = at == 4;
      EXPECT_EQ(outcome.exit_code, after ? 6 : 1);
      EXPECT_EQ(outcome.verdict, at == 3 ? Verdict::rolled_back : Verdict::failed);
      EXPECT_THAT(one.answers(), testing::Each(testing::Optional(std::string(after ? "2.0" : "1.0"))));
      if (!after) {
        EXPECT_THAT(one.containers(0), ElementsAre("shop-blue=1.0 running"));
      }
      EXPECT_EQ(one.failed_requests(), 0);
    }
}

TEST_P(HooksInARun, ASignalEndsOneAndIsNoVerdictAfterTheSwitch) {
  for (std::size_t at = 0; at < 5; ++at) {
    SCOPED_TRACE(names[at]);
    test::SimulatedWorld one(spec, GetParam().hosts);
    set_up_hooked(one);
    std::stop_source user;
    one.on_hook = [&](const std::string& command) {
      if (command == names[at]) user.request_stop();
    };
    const Outcome outcome = deploy_hooked(one, {user.get_token(), {}});
    EXPECT_EQ(outcome.verdict, Verdict::interrupted);
    EXPECT_EQ(outcome.exit_code, at < 3 ? 130 : 6);
    EXPECT_THAT(one.answers(), testing::Each(testing::Optional(std::string(at < 3 ? "1.0" : "2.0"))));
    EXPECT_EQ(one.failed_requests(), 0);
  }
}

TEST_P(HooksInARun, ALostLockEndsOne) {
  for (std::size_t at = 0; at < 5; ++at) {
    SCOPED_TRACE(names[at]);
    test::SimulatedWorld one(spec, GetParam().hosts);
    set_up_hooked(one);
    std::stop_source lost;
    one.on_hook = [&](const std::string& command) {
      if (command == names[at]) lost.request_stop();
    };
    const Outcome outcome = deploy_hooked(one, {{}, lost.get_token()});
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_EQ(one.hooks_run().size(), at);
    EXPECT_EQ(one.failed_requests(), 0);
  }
}

// Whatever happens to any effect: nobody loses a request, and the next run gets through. The migration is not
// run again once it was recorded.
TEST_P(HooksInARun, AnyEffectMayFail) {
  for (const test::Fault fault :
       {test::Fault::refused, test::Fault::lost, test::Fault::dead, test::Fault::thrown})
    for (int at = 0; at < 200; ++at) {
      SCOPED_TRACE(testing::Message() << "fault " << static_cast<int>(fault) << " at " << at);
      test::SimulatedWorld one(spec, GetParam().hosts);
      set_up_hooked(one);
      one.fault_at(at, fault);
      const int code = deploy_hooked(one).exit_code;
      one.heal();
      const bool recorded = !one.recorded({hooked("2.0"), {}}).empty();
      const auto before = one.hooks_run();
      if (code == 0 || code == 6) {
        EXPECT_THAT(one.answers(), testing::Each(testing::Optional(std::string("2.0"))));
      }
      const Outcome next = deploy_hooked(one);
      EXPECT_EQ(next.exit_code, 0) << next.error.value_or(core::Error{}).message;
      const auto after = one.hooks_run();
      const auto again = std::count(after.begin() + static_cast<std::ptrdiff_t>(before.size()), after.end(),
                                    "container: migrate");
      if (recorded) {
        EXPECT_EQ(again, 0);
      }
      EXPECT_THAT(one.answers(), testing::Each(testing::Optional(std::string("2.0"))));
      EXPECT_EQ(one.failed_requests(), 0);
      if (!one.fault_hit()) break;
    }
}

INSTANTIATE_TEST_SUITE_P(Hosts, HooksInARun,
                         testing::Values(HookedShape{1, 0}, HookedShape{2, 0}, HookedShape{2, 1}));

// Each position with a real command line that fails, hangs, or is killed.
struct HookEnd {
  const char* name;
  std::string command, says;
  core::Duration timeout = 5min;
};
const std::vector<HookEnd> k_ends{
    {"Fails", "echo its last words; exit 3", "failed with exit code 3"},
    {"Hangs", "echo its last words; sleep 300", "did not end within 300ms", 300ms},
    {"IsKilled", "echo its last words; kill -KILL $$", "failed with exit code 137: SIGKILL ended it"},
};

class HookThatEndsBadly : public testing::TestWithParam<std::tuple<spec::HookPosition, HookEnd>> {
protected:
  HookThatEndsBadly() : world(spec, 1) {
    spec.hooks[static_cast<std::size_t>(at)] = {{.what = spec::HookRun{end.command}, .timeout = end.timeout}};
    spec::Host here;
    here.name = "local";
    here.local = true;
    shell = std::move(*host::connect(here, core::Wait::for_at_most(10s)));
    world.run(0, hooked("1.0"));
    world.put_live(0);
  }
  World effects() {
    World real = world.world();
    real.run_shell = [this](const ShellCall& call, const std::function<void(std::string_view)>& output,
                            const core::Wait& wait) {
      return run_in_shell(*shell, call.command, "", call.environment, output, wait);
    };
    return real;
  }
  const spec::HookPosition at = std::get<0>(GetParam());
  const HookEnd end = std::get<1>(GetParam());
  spec::Spec spec = test::small_spec();
  test::SimulatedWorld world;
  std::unique_ptr<host::Host> shell;
};

TEST_P(HookThatEndsBadly, LeavesOneReleaseServing) {
  using enum spec::HookPosition;
  if (at == on_failure) world.crashing_tag = "2.0";
  World real = effects();
  const plan::Launch launch{hooked("2.0"), {}};
  const auto state = observe(spec, real, launch, world.wait());
  const auto plan = plan::make_plan(spec, *state, {plan::Request::Kind::deploy, launch});
  ASSERT_TRUE(plan);
  Outcome outcome = execute(spec, *state, *plan, real, {});
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.exit_code, at == after_deploy ? 6 : 1);
  EXPECT_EQ(outcome.verdict, at == after_switch ? Verdict::rolled_back : Verdict::failed);
  EXPECT_THAT(world.answers(), ElementsAre(at == after_deploy ? "2.0" : "1.0"));
  EXPECT_EQ(world.failed_requests(), 0);
  if (at != on_failure) {
    EXPECT_THAT(outcome.error->message, HasSubstr(end.says));
    EXPECT_THAT(outcome.error->details, testing::Contains("its last words"));
    return;
  }
  report::Redactor hidden(std::make_unique<Nowhere>());
  const Context context{spec, [](std::string_view) { return std::nullopt; }, real.clock, hidden, {}, "", {}};
  run_failure_hooks(context, plan::Request::Kind::deploy, real, *plan, launch, outcome, {});
  std::vector<std::string> warnings;
  for (const auto& event : world.events())
    if (const auto* warning = std::get_if<report::Warning>(&event)) warnings.push_back(warning->message);
  EXPECT_THAT(warnings, testing::Contains(HasSubstr(end.says))) << "which never changes the outcome";
}

INSTANTIATE_TEST_SUITE_P(
    Everywhere, HookThatEndsBadly,
    testing::Combine(testing::Values(spec::HookPosition::before_deploy, spec::HookPosition::before_start,
                                     spec::HookPosition::before_switch, spec::HookPosition::after_switch,
                                     spec::HookPosition::after_deploy, spec::HookPosition::on_failure),
                     testing::ValuesIn(k_ends)),
    [](const auto& test) {
      return std::string(spec::name_of(std::get<0>(test.param))) + std::get<1>(test.param).name;
    });

TEST(HooksOnHosts, RunEverywhereOrOnTheFirstOne) {
  spec::Spec spec = test::small_spec(3, 1);
  spec.hooks[2] = {{spec::HookHost{"each"}}, {spec::HookHost{"first", true}}};
  test::SimulatedWorld world(spec, 3);
  world.run(0, hooked("1.0"));
  world.put_live(0);
  World effects = world.world();
  const plan::Launch launch{hooked("2.0"), {}};
  const auto state = observe(spec, effects, launch, world.wait());
  const auto plan = plan::make_plan(spec, *state, {plan::Request::Kind::deploy, launch});
  ASSERT_TRUE(plan);
  EXPECT_EQ(execute(spec, *state, *plan, effects, {}).exit_code, 0);
  EXPECT_THAT(world.hooks_run(),
              testing::UnorderedElementsAre("web-1: each", "web-2: each", "web-3: each", "web-1: first"));
  EXPECT_EQ(world.hooks_run().back(), "web-1: first");
  EXPECT_EQ(world.told().at("BGDEPLOY_URL"), "http://127.0.0.1:8082");
  world.failing_hook = "each";
  const plan::Launch next{hooked("3.0"), {}};
  const auto seen = observe(spec, effects, next, world.wait());
  const auto again = plan::make_plan(spec, *seen, {plan::Request::Kind::deploy, next});
  const Outcome outcome = execute(spec, *seen, *again, effects, {});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.error->message,
              AllOf(HasSubstr("web-"), HasSubstr("before_switch hook 1 (each) failed")));
  EXPECT_THAT(outcome.error->details, testing::Contains("it says"));
}

}  // namespace
}  // namespace bgdeploy::deploy
