// The whole scripts of a switch, against a made-up nginx.
#include <gmock/gmock.h>

#include "made_up_host.hpp"
#include "proxy/scripts.hpp"

namespace bgdeploy::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

const Wait k_switch_wait = Wait::for_at_most(60s);

class SwitchScript : public MadeUpHost {
protected:
  void SetUp() override {
    MadeUpHost::SetUp();
    add_nginx(100, 101);
    write("conf.d/app.inc", "old\n");
    write("dump", "# configuration file " + path("nginx.conf") + ":\npid " + path("nginx.pid") +
                      ";\nhttp { include conf.d/*; }\n# configuration file " + path("conf.d/app.inc") +
                      ":\nold\n");
    // A new worker serves, and the one before it is shutting down.
    write("reload", R"(proc=$1
read -r now _ <"$proc/uptime"
sed "s/^101 /102 /; s/ 1000 0 0\$/ ${now%.*}${now#*.} 0 0/" "$proc/101/stat" >"$proc/stat"
mkdir "$proc/102" && mv "$proc/stat" "$proc/102/stat"
cp "$proc/101/cmdline" "$proc/102/cmdline"
printf 'nginx: worker process is shutting down\0' >"$proc/101/cmdline"
printf '102 101 ' >"$proc/100/task/100/children"
)");
    settings.insert({{"test_command", "true"},
                     {"dump_command", "cat " + path("dump")},
                     {"version_command", "true"},
                     {"reload_command", fmt::format("sh {} {}", path("reload"), proc().string())},
                     {"keep", "1"}});
    settings["include"] = path("conf.d/app.inc");
  }

  Conversation talk(std::string_view text) {
    auto host = host::connect({.name = "local", .local = true}, k_switch_wait);
    EXPECT_TRUE(host);
    auto process = (*host)->start({script(text), host::Tool::other, {}}, k_switch_wait);
    EXPECT_TRUE(process);
    if (text == scripts::k_switch && !settings.contains("looks")) {
      EXPECT_TRUE((*process)->write(order_to_stage(0, settings["pid_file"], content)));
    }
    m_host = *std::move(host);
    return Conversation(*std::move(process));
  }
  // Up to the answer to `commit`.
  Result<Settings> commit(Conversation& conversation) {
    BGDEPLOY_TRY(conversation.answer("staged", k_switch_wait));
    BGDEPLOY_TRY(conversation.tell("commit"));
    return conversation.answer("committed", k_switch_wait, "seen");
  }
  std::string content = "new\n";
  std::string live() const { return read("conf.d/app.inc"); }
  std::vector<std::string> hidden() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path("conf.d")))
      if (entry.path().filename() != "app.inc") names.push_back(entry.path().filename());
    return names;
  }

private:
  std::unique_ptr<host::Host> m_host;
};
EVERY_SHELL(SwitchScript);

TEST_P(SwitchScript, CommitsAcceptsAndDrains) {
  auto conversation = talk(scripts::k_switch);
  ASSERT_TRUE(conversation.answer("staged", k_switch_wait));
  EXPECT_EQ(live(), "old\n");
  EXPECT_THAT(hidden(), ElementsAre(".app.inc.bgdeploy.new"));
  ASSERT_TRUE(conversation.tell("commit"));
  ASSERT_TRUE(conversation.answer("committed", k_switch_wait));
  EXPECT_EQ(live(), "new\n");
  EXPECT_THAT(hidden(), ElementsAre(".app.inc.bgdeploy.before"));
  ASSERT_TRUE(conversation.tell("accept"));
  ASSERT_TRUE(conversation.answer("accepted", k_switch_wait));
  EXPECT_THAT(hidden(), IsEmpty());
  ASSERT_TRUE(conversation.tell("drain 10 0100007F:1F91"));
  const auto drained = conversation.answer("drained", k_switch_wait);
  ASSERT_TRUE(drained);
  EXPECT_THAT(drained_from(*drained).left, ElementsAre(plan::Worker{101, 1000}));
  EXPECT_TRUE(drained_from(*drained).still_ours);
  fs::remove_all(proc() / "101");
  write("conf.d/app.inc", "somebody else's\n");
  ASSERT_TRUE(conversation.tell("drain 10 0100007F:1F91"));
  const auto later = conversation.answer("drained", k_switch_wait);
  ASSERT_TRUE(later);
  EXPECT_THAT(drained_from(*later).left, IsEmpty());
  EXPECT_FALSE(drained_from(*later).still_ours);
}

TEST_P(SwitchScript, TakesACommitBack) {
  auto conversation = talk(scripts::k_switch);
  ASSERT_TRUE(commit(conversation));
  // The reload to the old file needs a worker with another pid.
  write("reload",
        "mv \"$1/102\" \"$1/103\"; read -r now _ <\"$1/uptime\"\n"
        "sed \"s/^102 /103 /; s/ [0-9]* 0 0\\$/ ${now%.*}${now#*.} 0 0/\" \"$1/103/stat\" >\"$1/stat\"\n"
        "mv \"$1/stat\" \"$1/103/stat\"; printf '103 ' >\"$1/100/task/100/children\"\n");
  ASSERT_TRUE(conversation.tell("restore"));
  const auto restored = conversation.answer("restored", k_switch_wait);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(live(), "old\n");
  EXPECT_THAT(hidden(), IsEmpty());
}

TEST_P(SwitchScript, PutsTheOldFileBackWhenNginxIsNotReloaded) {
  settings["reload_command"] = "echo not today; false";
  auto conversation = talk(scripts::k_switch);
  const auto committed = commit(conversation);
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, core::ErrorKind::refused);
  EXPECT_THAT(committed.error().message, HasSubstr("the reload command failed"));
  EXPECT_EQ(live(), "old\n");
  EXPECT_THAT(hidden(), IsEmpty());
}

TEST_P(SwitchScript, PutsTheOldFileBackWhenNginxRefusesTheNew) {
  settings["test_command"] = "grep -q old " + path("conf.d/app.inc");
  auto conversation = talk(scripts::k_switch);
  const auto committed = commit(conversation);
  ASSERT_FALSE(committed);
  EXPECT_THAT(committed.error().message, HasSubstr("nginx refuses the"));
  EXPECT_EQ(live(), "old\n");
  EXPECT_THAT(hidden(), IsEmpty());
}

TEST_P(SwitchScript, LeavesNothingWhenTheDeployerGoesBeforeTheCommit) {
  auto conversation = talk(scripts::k_switch);
  ASSERT_TRUE(conversation.answer("staged", k_switch_wait));
  ASSERT_TRUE(conversation.hang_up());
  EXPECT_THAT(conversation.answer("never", k_switch_wait).error().message,
              HasSubstr("the connection to the deployer ended"));
  EXPECT_EQ(live(), "old\n");
  EXPECT_THAT(hidden(), IsEmpty());
}

TEST_P(SwitchScript, RefusesWhereAnEarlierSwitchWasCutShort) {
  write("conf.d/.app.inc.bgdeploy.before/app.inc", "older\n");
  auto conversation = talk(scripts::k_switch);
  EXPECT_THAT(conversation.answer("staged", k_switch_wait).error().message, HasSubstr("was cut short"));
  EXPECT_EQ(read("conf.d/.app.inc.bgdeploy.before/app.inc"), "older\n");
}

TEST_P(SwitchScript, SettlesWhatADeadSwitchLeft) {
  for (const auto& [keep, kept] : std::vector<std::pair<std::string, std::string>>{
           {"1", ""}, {"0", ""}, {"1", "/app.inc"}, {"0", "/app.inc"}}) {
    SCOPED_TRACE(keep + kept);
    settings["keep"] = keep;
    write("conf.d/app.inc", "new\n");
    write("conf.d/.app.inc.bgdeploy.before" + kept, "old\n");
    write("proc/100/task/100/children", "101 ");
    fs::remove_all(proc() / "102");
    add({.pid = 101, .parent = 100, .title = "nginx: worker process", .flags = k_fork_no_exec});
    write("proc/100/task/100/children", "101 ");
    auto conversation = talk(scripts::k_recover);
    const auto recovered = conversation.answer("recovered", k_switch_wait);
    ASSERT_TRUE(recovered) << recovered.error().message;
    EXPECT_EQ(live(), keep == "1" ? "new\n" : "old\n");
    EXPECT_THAT(hidden(), IsEmpty());
  }
}

TEST_P(SwitchScript, WaitsForItsTurn) {
  const auto holder =
      say({"base", "process", "command", "container", "lock"},
          "lock_patience=20; lock -x && say first; "
          "(exec 9<&-; lock -x || say \"then $?\"); unlocked=1; exec 9<&-; lock -s && say again");
  EXPECT_EQ(holder, "first\nthen 1\nagain\n");
}

TEST_P(SwitchScript, LooksFirstAndThenTakesItsOrder) {
  settings["looks"] = "so";
  for (const std::string& text : std::vector<std::string>{"", "no end", "\n- a\\n\\\t.\r\n%s \\c \xff \n\n",
                                                          std::string(200'000, '\n')}) {
    write("conf.d/app.inc", "old\n");
    auto conversation = talk(scripts::k_switch);
    const auto looked = conversation.answer("looked", k_switch_wait);
    ASSERT_TRUE(looked) << looked.error().message;
    EXPECT_EQ(looked->at("looked"), "so 0");
    EXPECT_EQ(looked->at("pid_file"), path("nginx.pid"));
    EXPECT_THAT(hidden(), IsEmpty());
    auto order = order_to_stage(1, path("nginx.pid"), text);
    order.pop_back();  // tell() ends the line
    ASSERT_TRUE(conversation.tell(order));
    const auto staged = conversation.answer("staged", k_switch_wait);
    ASSERT_TRUE(staged) << staged.error().message;
    EXPECT_EQ(read("conf.d/.app.inc.bgdeploy.new"), text);
    ASSERT_TRUE(conversation.hang_up());
    EXPECT_FALSE(conversation.answer("committed", k_switch_wait));
    EXPECT_THAT(hidden(), IsEmpty());
    EXPECT_EQ(live(), "old\n");
  }
}

// What somebody else has staged stays, whatever goes wrong.
TEST_P(SwitchScript, ALookThatFailsChangesNothing) {
  settings["looks"] = "so";
  settings["include"] = path("conf.d/a\nb");
  write("conf.d/.a\nb.bgdeploy.new", "theirs");
  const auto output = finished(script(scripts::k_switch));
  EXPECT_THAT(output.out, HasSubstr("failed refused the path of the include has a line break in it\n"));
  EXPECT_THAT(output.out, ::testing::EndsWith("looked so 1\n"));
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(read("conf.d/.a\nb.bgdeploy.new"), "theirs");
}

TEST_P(SwitchScript, ObservesWithoutAChange) {
  const auto observed = parse_observation(finished(script(scripts::k_observe)));
  ASSERT_TRUE(observed) << observed.error().message;
  EXPECT_EQ(observed->file.path, path("conf.d/app.inc"));
  EXPECT_EQ(observed->file.content, "old\n");
  EXPECT_EQ(observed->pid_file, path("nginx.pid"));
  EXPECT_TRUE(observed->running);
  EXPECT_TRUE(observed->included);
  EXPECT_EQ(observed->read_as, path("conf.d/app.inc"));
  EXPECT_EQ(observed->folder, "writable");
  EXPECT_FALSE(observed->unfinished);
  EXPECT_THAT(observed->masters, ElementsAre(plan::Worker{100, 1000}));
  EXPECT_THAT(observed->leaving, IsEmpty());
  EXPECT_EQ(observed->test_status, 0);
  EXPECT_THAT(hidden(), IsEmpty());
}

TEST_P(SwitchScript, ObservesATextAsItIs) {
  for (const std::string& text :
       std::vector<std::string>{"", "no end", "\n\n- a\\n\t.\r\n= \xff.\r", std::string(12'000, 'x') + "\n\n",
                                std::string("\n") + std::string(300, '\n')}) {
    write("conf.d/app.inc", text);
    const auto observed = parse_observation(finished(script(scripts::k_observe)));
    ASSERT_TRUE(observed) << observed.error().message;
    EXPECT_EQ(observed->file.content, text);
  }
}

TEST_P(SwitchScript, DrainsWorkersOfAnEarlierSwitch) {
  settings.insert({{"old_workers", "101:1000 7:7"}, {"drain_for", "10"}, {"backends", ":1F91"}});
  auto conversation = talk(scripts::k_drain);
  const auto drained = conversation.answer("drained", k_switch_wait);
  ASSERT_TRUE(drained) << drained.error().message;
  EXPECT_THAT(drained_from(*drained).left, ElementsAre(plan::Worker{101, 1000}));
}

}  // namespace
}  // namespace bgdeploy::proxy
