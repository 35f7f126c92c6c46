// `run` and `exec`: commands of the user's, in containers of their own and in the live one.
#include <csignal>
#include <sstream>

#include "in_terminal.hpp"
#include "scenario.hpp"

namespace e2e {
namespace {

class Run : public Scenario {
protected:
  // The image has nothing but the app in it; the shell comes from the host.
  void write_shop(const std::string& greeting = "hello") {
    write_spec({{"docker", "docker: {container_port: 8080, stop_grace_period: 10s, environment: {GREETING: " +
                               greeting +
                               "}, volumes: [\"/bin/busybox:/bin/busybox:ro\"], command: [/app], "
                               "entrypoint: [/bin/busybox, sh, -c, 'exec \"$$0\" \"$$@\"']}"},
                {"secrets", "secrets: {DB_PASSWORD: {env: DB_PASSWORD}}"}});
    set_environment("DB_PASSWORD", "hunter2");
  }
  static Words shell(Words before, const std::string& script) {
    before.insert(before.end(), {"--", "/bin/busybox", "sh", "-c", script});
    return before;
  }
  Finished bgdeploy_reading(const std::string& input, const Words& arguments) const {
    auto command = bgdeploy_command(arguments);
    command.argv.insert(command.argv.begin(), {"sh", "-c", "printf '" + input + "' | \"$0\" \"$@\""});
    return run(command);
  }
  static Words one_offs() {
    const auto out =
        lab().docker({"ps", "-a", "--format", "{{.Names}}", "--filter", "label=bgdeploy.one_off"});
    Words names;
    std::istringstream lines(out);
    for (std::string name; std::getline(lines, name);) names.push_back(name);
    return names;
  }
};

TEST_F(Run, ACommandOfAReleaseHasItsConfigurationAndItsOwnExitCode) {
  lab().image("1.0");
  lab().image("1.1");
  write_shop();
  const auto nothing = bgdeploy(shell({"run"}, "true"));
  EXPECT_EQ(nothing.exit_code, 2) << nothing;
  EXPECT_NE(nothing.err.find("run --tag"), std::string::npos) << nothing;
  const auto first =
      bgdeploy(shell({"-q", "run", "--tag", "1.0"}, "echo $VERSION $GREETING; echo bad >&2; exit 7"));
  EXPECT_EQ(first.exit_code, 7) << first;
  EXPECT_EQ(first.out, "1.0 hello\n");
  EXPECT_EQ(first.err, "bad\n");

  deploy_well("1.0");
  const auto before = world();
  write_shop("changed");
  const auto live = bgdeploy(shell({"run"}, "echo $VERSION $GREETING $DB_PASSWORD"));
  EXPECT_EQ(live.out, "1.0 hello hunter2\n") << "as it runs" << live;
  EXPECT_EQ(live.err, "");
  const auto next = bgdeploy(shell({"-q", "run", "--tag", "1.1"}, "echo $VERSION $GREETING"));
  EXPECT_EQ(next.out, "1.1 changed\n") << next;
  EXPECT_EQ(bgdeploy_reading("a\\nb\\n", shell({"run"}, "cat; echo end")).out, "a\nb\nend\n");
  EXPECT_EQ(bgdeploy_reading("a\\nb\\n", shell({"exec"}, "cat; echo end")).out, "a\nb\nend\n");
  EXPECT_EQ(bgdeploy({"run", "--", "/nothing"}).exit_code, 127);
  EXPECT_EQ(world(), before) << "nothing is left";
  EXPECT_EQ(one_offs(), Words{});
  for (const Words& words : std::vector<Words>{{"run"}, {"run", "ls"}, {"run", "--"}}) {
    const auto wrong = bgdeploy(words);
    EXPECT_EQ(wrong.exit_code, 2) << wrong;
    EXPECT_NE(wrong.err.find("bgdeploy run -- "), std::string::npos) << wrong;
  }
}

TEST_F(Run, InATerminalEveryKeyIsTheCommands) {
  lab().image("1.0");
  write_shop();
  deploy_well("1.0");
  const std::string script =
      "trap 'echo inter''rupted; exit 3' INT; while :; do /bin/busybox stty size; /bin/busybox sleep 0.1; "
      "done";
  for (const char* command : {"run", "exec"}) {
    InTerminal terminal(bgdeploy_command(shell({command}, script)));
    EXPECT_TRUE(terminal.shows("33 77")) << terminal.shown();
    EXPECT_FALSE(terminal.is_as_before());
    terminal.resize(40, 120);
    EXPECT_TRUE(terminal.shows("40 120")) << terminal.shown();
    terminal.type("\x03");
    EXPECT_TRUE(terminal.shows("interrupted")) << terminal.shown();
    EXPECT_EQ(terminal.exit_code(), 3) << terminal.shown();
    EXPECT_TRUE(terminal.is_as_before());
  }
  InTerminal typed(bgdeploy_command(shell({"run"}, "read name; echo \"<$name>\"; cat")));
  typed.type("jo\n");
  EXPECT_TRUE(typed.shows("<jo>")) << typed.shown();
  typed.type("\x10\x04");  // ctrl-p is no key to leave with, ctrl-d is the end
  typed.type("\x04");
  EXPECT_EQ(typed.exit_code(), 0) << typed.shown();
  EXPECT_EQ(one_offs(), Words{});
}

TEST_F(Run, NothingIsLeftOfOneThatWasEndedAndTheNextRemovesWhatWasKilled) {
  lab().image("1.0");
  write_shop();
  deploy_well("1.0");
  const auto start = [&] {
    auto running = start_bgdeploy(shell({"run"}, "echo ready >&2; exec /bin/busybox sleep 1000"));
    EXPECT_TRUE(running.wait_for_line(k_soon, [](std::string_view line) { return line == "ready"; }));
    return running;
  };
  auto interrupted = start();
  interrupted.signal(SIGINT);
  EXPECT_EQ(interrupted.wait().exit_code, 130);
  EXPECT_EQ(one_offs(), Words{});

  auto colleague = start();
  const auto theirs = one_offs();
  auto killed = start();
  killed.signal(SIGKILL);
  (void)killed.wait();
  EXPECT_EQ(one_offs().size(), 2U);
  EXPECT_TRUE(eventually(k_soon, [&] {
    EXPECT_EQ(bgdeploy(shell({"run"}, "true")).exit_code, 0);
    return one_offs() == theirs;
  })) << "the lock of the killed one frees itself";
  EXPECT_TRUE(colleague.running());
  colleague.signal(SIGKILL);
  (void)colleague.wait();
  EXPECT_TRUE(eventually(k_soon, [&] {
    EXPECT_EQ(deploy("1.0").exit_code, 0);
    return one_offs().empty();
  })) << "a deploy removes it too";
}

}  // namespace
}  // namespace e2e
