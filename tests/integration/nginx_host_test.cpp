// The switch on hosts as they are found: first deploys, symlinks, several nginx and services, other people's
// reloads, deaths, and hosts that cannot be switched.
#include <fmt/format.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <list>

#include "support/nginx_test.hpp"

namespace bgdeploy::proxy {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using plan::ProxyHost;
using ::testing::Contains;
using testing::eventually;
using testing::get;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NginxLab;
using testing::soon;
namespace fs = std::filesystem;

// Its own mount of a folder or a file over itself, until the end of the test.
class Mount {
public:
  Mount(const fs::path& path, bool read_only) : m_path(path) {
    EXPECT_EQ(::mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), 0);
    if (read_only) {
      EXPECT_EQ(::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
    }
  }
  ~Mount() { ::umount2(m_path.c_str(), MNT_DETACH); }
  Mount(const Mount&) = delete;

private:
  fs::path m_path;
};

class NginxHost : public testing::NginxTest {
protected:
  void expect_check_refused(const std::string& words, ErrorKind kind = ErrorKind::refused) {
    const auto checked = proxy->check(soon());
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().kind, kind);
    EXPECT_THAT(checked.error().message, HasSubstr(words));
  }
  // A configuration that includes the service's file only where there is one: as before a first deploy.
  void without_include(const std::string& line) {
    auto text = lab.read(lab.folder / "nginx.conf");
    const auto at = text.find("include " + lab.include.string() + ";");
    text.replace(at, std::string("include " + lab.include.string() + ";").size(), line);
    lab.write(lab.folder / "nginx.conf", text);
    fs::remove(lab.include);
  }
  std::unique_ptr<Switch> staged(std::size_t slot) {
    auto result = proxy->stage(slot, lab.text_for(slot), soon());
    return std::move(result).value();
  }
};

// The shell of an observation starts early, and sees what is there when it is told to look.
TEST_F(NginxHost, IsLookedAtWhenItIsToldSo) {
  lab.write(lab.include, lab.text_for(0));
  const auto last = [] { return std::string("at last"); };
  const auto printed =
      proxy->begin_to_look({"sh", "-c", "printf '%s|' \"$@\"; cat", "x", "a b", "it's"}, last, soon());
  ASSERT_TRUE(printed) << printed.error().message;
  EXPECT_EQ(*printed, "a b|it's|at last|");
  lab.write(lab.include, lab.text_for(1));
  proxy->look_now();
  EXPECT_EQ(observed().live(), 1U);
  lab.write(lab.include, lab.text_for(0));
  EXPECT_EQ(observed().live(), 0U) << "that was for the next time only";
  // What was begun and not told to look says nothing, nor does a script that fails keep it from looking.
  EXPECT_TRUE(proxy->begin_to_look({}, last, soon()));
  lab.write(lab.include, lab.text_for(1));
  EXPECT_EQ(observed().live(), 1U);
  EXPECT_FALSE(proxy->begin_to_look({"sh", "-c", "exit 3", "x"}, last, soon()));
  lab.write(lab.include, lab.text_for(0));
  proxy->look_now();
  EXPECT_EQ(observed().live(), 0U);
}

TEST_F(NginxHost, IsSwitchedByTheShellThatLooked) {
  const auto none = [] { return std::string(); };
  ASSERT_TRUE(proxy->begin_to_look({}, none, soon()));
  proxy->look_now();
  EXPECT_EQ(observed().live(), 0U);
  auto first = staged(1);
  ASSERT_TRUE(first->commit(soon()));
  ASSERT_TRUE(first->accept(soon()));
  EXPECT_EQ(lab.read(lab.include), lab.text_for(1));
  // The next one has a shell of its own.
  auto second = staged(0);
  ASSERT_TRUE(second->commit(soon()));
  ASSERT_TRUE(second->restore(soon()));
  EXPECT_EQ(lab.read(lab.include), lab.text_for(1));
}

// An argument of a command has 128 kB at most.
TEST_F(NginxHost, IsGivenAFileOfAnyLength) {
  std::string text = lab.text_for(1);
  for (int line = 0; line < 5'000; ++line)
    text += "# so that a rollback finds a template as long as this one is\n";
  auto result = proxy->stage(1, text, soon());
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_TRUE((*result)->commit(soon()));
  EXPECT_EQ(lab.read(lab.include), text);
  ASSERT_TRUE((*result)->restore(soon()));
}

TEST_F(NginxHost, ObservesAndChecksInOneCommand) {
  const auto seen = observed();
  EXPECT_EQ(seen.traffic, plan::Traffic::all_to(0));
  EXPECT_EQ(seen.include, lab.include);
  EXPECT_EQ(seen.text, lab.text_for(0));
  EXPECT_FALSE(seen.unfinished);
  EXPECT_TRUE(proxy->check(soon()));
  // The second one looks again.
  lab.write(lab.sites / "other.conf", "server { listne 1; }");
  expect_check_refused("refuses its configuration");
}

TEST_F(NginxHost, FindsAnotherSitesMistakeAndNamesTheFile) {
  lab.write(lab.sites / "other.conf", "server { listne 1; }");
  observed();
  const auto checked = proxy->check(soon());
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().details, Contains(HasSubstr((lab.sites / "other.conf").string() + ":1")));
  const auto refused = proxy->stage(1, lab.text_for(1), soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  expect_untouched();
}

TEST_F(NginxHost, ASymlinkStaysOneAndItsTargetIsReplaced) {
  const auto target = lab.sites.parent_path() / "tmp" / "real.inc";
  fs::rename(lab.include, target);
  fs::create_symlink("../tmp/real.inc", lab.include);
  EXPECT_EQ(observed().include, target);
  EXPECT_TRUE(proxy->check(soon()));
  auto switched = staged(1);
  ASSERT_TRUE(switched->commit(soon()));
  ASSERT_TRUE(switched->accept(soon()));
  EXPECT_TRUE(fs::is_symlink(lab.include));
  EXPECT_EQ(lab.read(target), lab.text_for(1));
  expect_serving("green");
  EXPECT_TRUE(switched->drain(10s, lab.slots()[0], soon())->still_ours);
  // Somebody leads it elsewhere.
  lab.write(target.parent_path() / "other.inc", lab.text_for(0));
  fs::remove(lab.include);
  fs::create_symlink("../tmp/other.inc", lab.include);
  EXPECT_FALSE(switched->drain(10s, lab.slots()[0], soon())->still_ours);
}

TEST_F(NginxHost, ModeAndOwnerStay) {
  fs::permissions(lab.include, fs::perms(0440));
  ASSERT_EQ(::chown(lab.include.c_str(), 12345, 54321), 0);
  auto switched = staged(1);
  ASSERT_TRUE(switched->commit(soon()));
  ASSERT_TRUE(switched->accept(soon()));
  struct stat attributes {};
  ASSERT_EQ(::stat(lab.include.c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 07777, 0440U);
  EXPECT_EQ(attributes.st_uid, 12345U);
  EXPECT_EQ(attributes.st_gid, 54321U);
}

TEST_F(NginxHost, AFirstDeployMakesTheInclude) {
  for (const bool required : {true, false}) {
    SCOPED_TRACE(required);
    without_include(required ? "include " + lab.include.string() + ";"
                             : "set $service_url http://127.0.0.1:1; include " + lab.include.string() + "*;");
    EXPECT_FALSE(observed().written);
    EXPECT_TRUE(proxy->check(soon()));

    const auto bad = proxy->stage(1, "set $service_url;\n", soon());
    ASSERT_TRUE(bad);
    const auto refused = (*bad)->commit(soon());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::refused) << refused.error().message;
    EXPECT_FALSE(fs::exists(lab.include));
    EXPECT_THAT(lab.leftovers(), IsEmpty());
    expect_serving("blue");  // of the workers that run since before

    auto switched = staged(1);
    ASSERT_TRUE(switched->commit(soon()));
    ASSERT_TRUE(switched->accept(soon()));
    EXPECT_EQ(fs::status(lab.include).permissions(), fs::perms(0644));
    EXPECT_THAT(lab.leftovers(), IsEmpty());
    expect_serving("green");
    auto back = staged(0);
    ASSERT_TRUE(back->commit(soon()));
    ASSERT_TRUE(back->accept(soon()));
  }
}

TEST_F(NginxHost, AFirstIncludeThatNginxDoesNotReadIsTakenAwayAgain) {
  without_include("set $service_url http://127.0.0.1:1;");
  auto switched = staged(1);
  const auto refused = switched->commit(soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  EXPECT_THAT(refused.error().message, HasSubstr("does not include " + lab.include.string()));
  EXPECT_FALSE(fs::exists(lab.include));
  EXPECT_THAT(lab.leftovers(), IsEmpty());
  expect_serving("blue");  // its workers were not replaced
}

TEST_F(NginxHost, AFirstDeployThatIsTakenBackLeavesTheConfigurationLoadable) {
  without_include("include " + lab.include.string() + ";");
  auto switched = staged(1);
  ASSERT_TRUE(switched->commit(soon()));
  const auto restored = switched->restore(soon());
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().kind, ErrorKind::inconsistent);
  EXPECT_EQ(lab.read(lab.include), lab.text_for(1));
  expect_serving("green");
}

TEST_F(NginxHost, SettlesWhatAKilledSwitchLeft) {
  for (const std::string point : {"-t", "-s"}) {
    for (const bool keep : {true, false}) {
      SCOPED_TRACE(point + (keep ? " keep" : " undo"));
      auto switched = staged(1);
      lab.gate(point);
      std::thread death([&] {
        EXPECT_TRUE(eventually([&] { return lab.at_gate(point); }));
        EXPECT_TRUE(lab.kill_script());
        lab.open(point);
      });
      const auto committed = switched->commit(soon());
      death.join();
      ASSERT_FALSE(committed);
      EXPECT_NE(committed.error().kind, ErrorKind::refused);
      EXPECT_EQ(lab.read(lab.include), lab.text_for(1));
      EXPECT_TRUE(observed().unfinished);
      const auto recovered = proxy->recover(keep, soon());
      ASSERT_TRUE(recovered) << recovered.error().message;
      EXPECT_FALSE(observed().unfinished);
      EXPECT_THAT(lab.leftovers(), IsEmpty());
      EXPECT_EQ(lab.read(lab.include), lab.text_for(keep ? 1 : 0));
      expect_serving(keep ? "green" : "blue");
      if (keep) {
        auto back = staged(0);
        ASSERT_TRUE(back->commit(soon()));
        ASSERT_TRUE(back->accept(soon()));
      }
    }
  }
}

// Seen by the test, or only by the reload.
TEST_F(NginxHost, SettlesWhatNginxRefusesByGoingBack) {
  const testing::Backend squatter("squatter");
  const auto more = lab.folder / "more";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"-t", fmt::format("include {};\n", more.string())},
      {"-s", fmt::format("listen 127.0.0.1:{};\n", squatter.port())}};
  for (const auto& [point, line] : cases) {
    SCOPED_TRACE(point);
    lab.write(more, "");
    auto switched = proxy->stage(1, lab.text_for(1) + line, soon());
    ASSERT_TRUE(switched) << switched.error().message;
    lab.gate(point);
    std::thread death([&] {
      EXPECT_TRUE(eventually([&] { return lab.at_gate(point); }));
      EXPECT_TRUE(lab.kill_script());
      lab.open(point);
    });
    EXPECT_FALSE((*switched)->commit(soon()));
    death.join();
    fs::remove(more);
    const auto recovered = proxy->recover(true, soon());
    ASSERT_TRUE(recovered) << recovered.error().message;
    EXPECT_FALSE(observed().unfinished);
    expect_untouched();
  }
}

TEST_F(NginxHost, SettlesAStagedFileWithoutAReload) {
  auto switched = staged(1);
  ASSERT_TRUE(lab.kill_script());
  EXPECT_TRUE(observed().unfinished);
  lab.gate("-s");
  ASSERT_TRUE(proxy->recover(true, soon()));
  EXPECT_FALSE(lab.at_gate("-s"));
  lab.open("-s");
  expect_untouched();
}

TEST_F(NginxHost, SeesAndLoadsWhatWasWrittenWithoutAReload) {
  lab.write(lab.include, lab.text_for(1));
  // As if nginx had been started long ago.
  fs::last_write_time(lab.include, fs::file_time_type::clock::now() + 10s);
  EXPECT_EQ(observed().live(), 1);
  EXPECT_TRUE(observed().reload_pending);
  EXPECT_EQ(get(lab.port), "blue");
  ASSERT_TRUE(proxy->recover(false, soon()));
  EXPECT_EQ(get(lab.port), "blue");
  ASSERT_TRUE(proxy->recover(true, soon()));
  expect_serving("green");
  fs::last_write_time(lab.include, fs::file_time_type::clock::now() - 60s);
  EXPECT_FALSE(observed().reload_pending);
  auto switched = staged(0);
  ASSERT_TRUE(switched->commit(soon()));
  ASSERT_TRUE(switched->accept(soon()));
  EXPECT_FALSE(observed().reload_pending);
}

TEST_F(NginxHost, TheNginxThatIsTestedIsTheOneThatIsWatched) {
  NginxLab other;
  other.start();
  const auto children = [&] {
    return other.read(fmt::format("/proc/{0}/task/{0}/children", other.master()));
  };
  const auto before = children();
  auto switched = staged(1);
  ASSERT_TRUE(switched->commit(soon()));
  ASSERT_TRUE(switched->accept(soon()));
  expect_serving("green");
  EXPECT_EQ(get(other.port), "blue");
  EXPECT_EQ(children(), before);
}

TEST_F(NginxHost, ReloadsOfOthersDoNoHarm) {
  // Reading this takes long enough that others' reloads are under way whenever we look.
  std::string text = "map $uri $unused {\n";
  for (int i = 0; i < 60000; ++i) text += fmt::format("/{:x}/{} {};\n", i * 7919, i, i);
  lab.write(lab.sites / "big.conf", "map_hash_max_size 262144;\n" + text + "}\n");
  std::jthread storm([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      ::kill(lab.master(), SIGHUP);
      std::this_thread::sleep_for(7ms);
    }
  });
  testing::Client client(lab.port);
  for (const std::size_t slot : {1, 0, 1}) {
    auto switched = staged(slot);
    ASSERT_TRUE(switched);
    const auto committed = switched->commit(soon());
    ASSERT_TRUE(committed) << committed.error().message;
    // From the moment of the commit on nothing goes to the old slot.
    expect_serving(slot == 1 ? "green" : "blue");
    ASSERT_TRUE(switched->accept(soon()));
    const auto drained = switched->drain(20s, lab.slots()[1 - slot], soon());
    ASSERT_TRUE(drained);
    EXPECT_TRUE(drained->complete);
  }
  storm.request_stop();
  client.stop();
  EXPECT_EQ(client.failed(), 0);
}

TEST_F(NginxHost, TwoServicesSwitchAtOnce) {
  const int port = testing::free_port();
  auto other = lab.spec;
  other.include = lab.folder / "conf" / "other.inc";
  lab.write(other.include, lab.text_for(0));
  lab.write(
      lab.sites / "other.conf",
      fmt::format("server {{ listen 127.0.0.1:{}; include {}; location / {{ proxy_pass $service_url; }} }}\n",
                  port, other.include));
  ASSERT_EQ(::kill(lab.master(), SIGHUP), 0);
  ASSERT_TRUE(eventually([&] { return get(port) == "blue"; }));
  const auto switch_often = [&](const spec::Nginx& spec, bool good) {
    const auto machine = testing::local_host();
    const auto mine = nginx_on(*machine, lab.around(spec));
    for (int i = 1; i <= 8; ++i) {
      auto result = mine->stage(i % 2, good ? lab.text_for(i % 2) : "set $service_url;\n", soon());
      ASSERT_EQ(result.has_value(), good) << (result ? "" : result.error().message);
      if (!good) continue;
      const auto committed = (*result)->commit(soon());
      ASSERT_TRUE(committed) << committed.error().message;
      ASSERT_TRUE((*result)->accept(soon()));
    }
  };
  for (const bool good : {true, false}) {
    std::jthread second([&] { switch_often(other, good); });
    switch_often(lab.spec, true);
  }
  EXPECT_EQ(lab.read(lab.include), lab.text_for(0));
  EXPECT_EQ(lab.read(other.include), lab.text_for(0));
  EXPECT_THAT(lab.leftovers(), IsEmpty());
  expect_serving("blue");
  EXPECT_EQ(get(port), "blue");
}

TEST_F(NginxHost, ADrainCountsWhatStillUsesTheOldBackend) {
  std::jthread held([&] { EXPECT_EQ(get(lab.port, "/hold"), "blue"); });
  ASSERT_TRUE(eventually([&] { return lab.blue.held() == 1; }));
  auto switched = staged(1);
  ASSERT_TRUE(switched->commit(soon()));
  ASSERT_TRUE(switched->accept(soon()));
  const auto capped = switched->drain(200ms, lab.slots()[0], soon());
  ASSERT_TRUE(capped);
  EXPECT_FALSE(capped->complete);
  EXPECT_EQ(capped->connections, 1);
  ASSERT_EQ(capped->left.size(), 1);
  const auto leaving = observed().leaving;
  EXPECT_EQ(leaving, capped->left);
  lab.blue.let_go();
  const auto drained = proxy->drain(leaving, lab.slots()[0], 10s, soon());
  ASSERT_TRUE(drained);
  EXPECT_TRUE(drained->complete);
  EXPECT_EQ(drained->connections, 0);
}

TEST_F(NginxHost, ADrainDoesNotCountAnotherSitesConnections) {
  testing::Backend elsewhere("elsewhere");
  const int port = testing::free_port();
  lab.write(
      lab.sites / "other.conf",
      fmt::format("server {{ listen 127.0.0.1:{}; location / {{ proxy_pass http://127.0.0.1:{}; }} }}\n",
                  port, elsewhere.port()));
  ASSERT_EQ(::kill(lab.master(), SIGHUP), 0);
  ASSERT_TRUE(eventually([&] { return get(port) == "elsewhere"; }));
  std::jthread held([&] { EXPECT_EQ(get(port, "/hold"), "elsewhere"); });
  ASSERT_TRUE(eventually([&] { return elsewhere.held() == 1; }));
  auto switched = staged(1);
  ASSERT_TRUE(switched->commit(soon()));
  ASSERT_TRUE(switched->accept(soon()));
  const auto capped = switched->drain(200ms, lab.slots()[0], soon());
  ASSERT_TRUE(capped);
  EXPECT_FALSE(capped->complete);
  EXPECT_EQ(capped->connections, 0);
  elsewhere.let_go();
}

// A process as the scripts know a worker.
plan::Worker process(const NginxLab& lab, pid_t pid) {
  auto text = lab.read(fmt::format("/proc/{}/stat", pid));
  text = text.substr(text.rfind(')') +
                     2);  // from here on fields are parted by blanks, and the 20th is the start
  for (int field = 1; field < 20; ++field) text = text.substr(text.find(' ') + 1);
  return {pid, std::stoull(text)};
}

// Their numbers are more than one argument of a command can hold (128 KiB on Linux).
TEST_F(NginxHost, ADrainCountsAmongAnyNumberOfSockets) {
  std::vector<int> sockets;
  for (int i = 0; i < 800; ++i) sockets.push_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_GE(sockets.back(), 0);
  std::vector<plan::Worker> workers;
  for (int i = 0; i < 50; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) ::pause();
    }
    workers.push_back(process(lab, child));
  }
  workers.push_back(process(lab, ::getpid()));
  std::jthread held([&] { EXPECT_EQ(get(lab.blue.port(), "/hold"), "blue"); });
  ASSERT_TRUE(eventually([&] { return lab.blue.held() == 1; }));
  const auto drained = proxy->drain(workers, lab.slots()[0], 0s, soon());
  lab.blue.let_go();
  held.join();
  workers.pop_back();
  for (const auto& worker : workers) {
    ::kill(worker.pid, SIGKILL);
    ::waitpid(worker.pid, nullptr, 0);
  }
  for (const int fd : sockets) ::close(fd);
  ASSERT_TRUE(drained);
  EXPECT_EQ(drained->left.size(), workers.size() + 1);
  EXPECT_EQ(drained->connections, 1);
}

TEST_F(NginxHost, SaysWhyAHostCannotBeSwitched) {
  {
    const Mount folder(lab.include.parent_path(), true);
    expect_check_refused("is read-only");
    EXPECT_FALSE(proxy->stage(1, lab.text_for(1), soon()));
  }
  {
    const Mount file(lab.include, false);
    expect_check_refused("is mounted by itself");
    auto switched = staged(1);
    const auto committed = switched->commit(soon());
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().kind, ErrorKind::refused);
  }
  expect_untouched();
  {
    auto elsewhere = lab.spec;
    elsewhere.include = lab.folder / "nowhere.inc";
    lab.write(elsewhere.include, "");
    const auto checked = nginx_on(*host, lab.around(elsewhere))->check(soon());
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().message, HasSubstr("no nginx file on"));
    elsewhere.include = lab.folder / "no" / "folder.inc";
    const auto folder = nginx_on(*host, lab.around(elsewhere))->check(soon());
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error().message, HasSubstr("does not exist"));
    elsewhere.test = elsewhere.reload = {"/no/such/nginx", "-t"};
    const auto program = nginx_on(*host, lab.around(elsewhere))->check(soon());
    ASSERT_FALSE(program);
    EXPECT_THAT(program.error().message, HasSubstr("/no/such/nginx was not found"));
  }
  lab.stop();
  expect_check_refused("nginx is not running", ErrorKind::inconsistent);
  EXPECT_FALSE(proxy->stage(1, lab.text_for(1), soon()));
}

TEST(NginxUser, SwitchesWithoutRoot) {
  NginxLab lab("65534");
  lab.start();
  const auto host = testing::local_host_as("65534");
  const auto proxy = nginx_on(*host, lab.around(lab.spec));
  ASSERT_TRUE(proxy->observe(lab.slots(), soon()));
  const auto checked = proxy->check(soon());
  ASSERT_TRUE(checked) << checked.error().message << ::testing::PrintToString(checked.error().details);
  // Nothing can be tried out beside the live file: the test after the rename has to see it.
  auto bad = proxy->stage(1, "set $service_url;\n", soon());
  ASSERT_TRUE(bad);
  const auto refused = (*bad)->commit(soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  EXPECT_EQ(lab.read(lab.include), lab.text_for(0));
  EXPECT_THAT(lab.leftovers(), IsEmpty());

  std::jthread held([&] { EXPECT_EQ(get(lab.port, "/hold"), "blue"); });
  ASSERT_TRUE(eventually([&] { return lab.blue.held() == 1; }));
  auto switched = proxy->stage(1, lab.text_for(1), soon());
  ASSERT_TRUE(switched) << switched.error().message;
  ASSERT_TRUE((*switched)->commit(soon()));
  EXPECT_EQ(get(lab.port), "green");
  ASSERT_TRUE((*switched)->accept(soon()));
  const auto drained = (*switched)->drain(200ms, lab.slots()[0], soon());
  ASSERT_TRUE(drained);
  EXPECT_EQ(drained->connections, 1);
  lab.blue.let_go();
  held.join();
}

TEST(NginxUser, IsToldWhatItMayNotWrite) {
  NginxLab lab;
  lab.start();
  const auto host = testing::local_host_as("65534");
  const auto proxy = nginx_on(*host, lab.around(lab.spec));
  ASSERT_TRUE(proxy->observe(lab.slots(), soon()));
  const auto checked = proxy->check(soon());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::refused);
  EXPECT_FALSE(proxy->stage(1, lab.text_for(1), soon()));
}

}  // namespace
}  // namespace bgdeploy::proxy
