// Whole site files in place of an include; and death at every change to a file, for either.
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

#include "support/nginx_test.hpp"

namespace bgdeploy::proxy {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using plan::ProxyHost;
using testing::eventually;
using testing::get;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::soon;
namespace fs = std::filesystem;

class NginxSites : public testing::NginxTest {
protected:
  void SetUp() override {
    NginxTest::SetUp();
    fs::create_directory(lab.folder / "own");
    for (const std::size_t slot : {0, 1}) lab.write(from(slot), site(slot));
    use("site-{slot}.conf");
    fs::copy_file(from(0), to(0));
    lab.write(lab.sites / "other.conf", other_text);
    ASSERT_EQ(::kill(lab.master(), SIGHUP), 0);
    ASSERT_TRUE(eventually([&] { return get(port) == "blue" && get(other_port) == "green"; }));
  }

  // The sites' files in nginx's folder are of this name from now on.
  void use(const std::string& name) {
    spec::Nginx nginx = lab.spec;
    nginx.include.clear();
    nginx.sites = spec::Sites{lab.folder / "own" / "{slot}.conf", lab.sites / name};
    pattern = name;
    spec = lab.around(nginx);
    proxy = nginx_on(*host, spec);
  }
  fs::path from(std::size_t slot) const { return lab.folder / "own" / (name_of(slot) + ".conf"); }
  fs::path to(std::size_t slot) const {
    auto name = pattern;
    if (const auto at = name.find("{slot}"); at != std::string::npos) name.replace(at, 6, name_of(slot));
    return lab.sites / name;
  }
  static std::string name_of(std::size_t slot) { return slot == 0 ? "blue" : "green"; }
  std::string site(std::size_t slot) const {
    return fmt::format("server {{ listen 127.0.0.1:{}; location / {{ proxy_pass http://127.0.0.1:{}; }} }}\n",
                       port, lab.slots()[slot].front().port);
  }
  std::vector<std::string> left() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(lab.sites))
      if (entry.path().filename().string().starts_with(".")) found.push_back(entry.path().filename());
    return found;
  }
  void expect_live(std::size_t slot) {
    EXPECT_TRUE(fs::exists(to(slot)));
    EXPECT_TRUE(to(0) == to(1) || !fs::exists(to(1 - slot)));
    EXPECT_EQ(lab.read(to(slot)), site(slot));
    EXPECT_EQ(lab.read(lab.sites / "other.conf"), other_text);
    EXPECT_THAT(left(), IsEmpty());
    for (int i = 0; i < 20; ++i) EXPECT_EQ(get(port), name_of(slot));
    const auto seen = observed();
    EXPECT_EQ(seen.traffic, plan::Traffic::all_to(slot));
    EXPECT_FALSE(seen.unfinished);
  }
  void switch_to(std::size_t slot) {
    auto staged = proxy->stage(slot, "", soon());
    ASSERT_TRUE(staged) << staged.error().message;
    const auto committed = (*staged)->commit(soon());
    ASSERT_TRUE(committed) << committed.error().message
                           << ::testing::PrintToString(committed.error().details);
    ASSERT_TRUE((*staged)->accept(soon()));
  }
  void expect_check_refused(const std::string& words) {
    const auto checked = proxy->check(soon());
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().kind, ErrorKind::refused);
    EXPECT_THAT(checked.error().message, HasSubstr(words));
  }

  int port = testing::free_port(), other_port = testing::free_port();
  std::string other_text =
      fmt::format("server {{ listen 127.0.0.1:{}; location / {{ proxy_pass http://127.0.0.1:{}; }} }}\n",
                  other_port, lab.green.port());
  std::string pattern;
  spec::Spec spec;
};

TEST_F(NginxSites, ThatWereSwappedWithoutAReloadAreLoaded) {
  fs::remove(to(0));
  fs::copy_file(from(1), to(1));
  // As if nginx had been started long ago.
  fs::last_write_time(to(1), fs::file_time_type::clock::now() + 10s);
  EXPECT_TRUE(observed().reload_pending);
  EXPECT_EQ(get(port), "blue");
  ASSERT_TRUE(proxy->recover(true, soon()));
  expect_live(1);
}

TEST_F(NginxSites, AreSwappedUnderLoad) {
  testing::Client client(port);
  for (const std::size_t slot : {1, 0}) {
    ASSERT_TRUE(proxy->check(soon()));
    switch_to(slot);
    expect_live(slot);
  }
  client.stop();
  EXPECT_EQ(client.failed(), 0);
  EXPECT_GT(client.done(), 10);
  EXPECT_EQ(get(other_port), "green");
}

TEST_F(NginxSites, ChangedAfterItWasStagedIsTakenAsItIsNow) {
  lab.write(from(1), "# older\n" + site(1));
  auto staged = proxy->stage(1, "", soon());
  ASSERT_TRUE(staged);
  lab.write(from(1), site(1));
  ASSERT_TRUE((*staged)->commit(soon()));
  ASSERT_TRUE((*staged)->accept(soon()));
  expect_live(1);
  staged = proxy->stage(0, "", soon());
  ASSERT_TRUE(staged);
  lab.write(from(0), site(0) + "listne 1;\n");
  const auto committed = (*staged)->commit(soon());
  ASSERT_FALSE(committed);
  EXPECT_THAT(committed.error().message, HasSubstr("refuses the new site"));
  EXPECT_EQ(committed.error().next, "mend " + from(0).string());
  expect_live(1);
}

TEST_F(NginxSites, MayHaveOnePathForBothSlots) {
  fs::remove(to(0));
  use("site.conf");
  EXPECT_FALSE(observed().written);
  lab.write(to(0), site(0));
  ASSERT_EQ(::chmod(to(0).c_str(), 0640), 0);
  ASSERT_EQ(::chown(to(0).c_str(), 12345, 54321), 0);
  expect_live(0);
  switch_to(1);
  expect_live(1);
  struct stat attributes {};
  ASSERT_EQ(::stat(to(1).c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 07777, 0640U);
  EXPECT_EQ(attributes.st_uid, 12345U);
  // Changed by hand, it is known by its addresses; naming neither slot, it is not.
  lab.write(to(0), "# by hand\n" + site(0));
  EXPECT_EQ(observed().live(), 0);
  lab.write(to(0), "# nothing\n");
  EXPECT_TRUE(observed().unclear());
}

TEST_F(NginxSites, BothThereAreUnknown) {
  lab.write(to(1), site(1));
  const auto seen = observed();
  EXPECT_TRUE(seen.unclear());
  EXPECT_THAT(seen.text, HasSubstr(to(0).string()));
  EXPECT_THAT(seen.text, HasSubstr(to(1).string()));
}

TEST_F(NginxSites, WhatNginxRefusesIsPutBackByteByByte) {
  lab.write(from(1), site(1) + "listne 1;\n");
  const auto staged = proxy->stage(1, "", soon());
  ASSERT_FALSE(staged);  // tried out beside the live site
  expect_live(0);
  // Only seen once it is there: another site breaks in between.
  lab.write(from(1), site(1));
  auto late = proxy->stage(1, "", soon());
  ASSERT_TRUE(late);
  lab.write(lab.sites / "broken.conf", "listne 1;\n");
  const auto committed = (*late)->commit(soon());
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, ErrorKind::refused);
  fs::remove(lab.sites / "broken.conf");
  expect_live(0);
  // And after the commit.
  auto taken_back = proxy->stage(1, "", soon());
  ASSERT_TRUE(taken_back);
  ASSERT_TRUE((*taken_back)->commit(soon()));
  EXPECT_EQ(get(port), "green");
  ASSERT_TRUE((*taken_back)->restore(soon()));
  expect_live(0);
}

TEST_F(NginxSites, ASymlinkIsTakenAwayAndPutBackAsOne) {
  const auto target = lab.folder / "own" / "available.conf";
  lab.write(target, site(0));
  fs::remove(to(0));
  fs::create_symlink("../own/available.conf", to(0));
  expect_live(0);
  auto staged = proxy->stage(1, "", soon());
  ASSERT_TRUE(staged) << staged.error().message;
  ASSERT_TRUE((*staged)->commit(soon()));
  EXPECT_FALSE(fs::is_symlink(to(0)));
  ASSERT_TRUE((*staged)->restore(soon()));
  EXPECT_TRUE(fs::is_symlink(to(0)));
  expect_live(0);
  switch_to(1);
  expect_live(1);
  EXPECT_EQ(lab.read(target), site(0));
}

TEST_F(NginxSites, ADrainSeesWhatSomebodyElsePutThereMeanwhile) {
  auto staged = proxy->stage(1, "", soon());
  ASSERT_TRUE(staged);
  ASSERT_TRUE((*staged)->commit(soon()));
  ASSERT_TRUE((*staged)->accept(soon()));
  const auto ours = [&] { return (*staged)->drain(10s, lab.slots()[0], soon())->still_ours; };
  EXPECT_TRUE(ours());
  lab.write(to(0), site(0));
  EXPECT_FALSE(ours());
  fs::remove(to(0));
  EXPECT_TRUE(ours());
  // What it was copied from may be for the next deploy already.
  lab.write(from(1), "# next\n" + site(1));
  EXPECT_TRUE(ours());
  lab.write(to(1), site(0));
  EXPECT_FALSE(ours());
}

TEST_F(NginxSites, AFirstDeployPutsOneThere) {
  fs::remove(to(0));
  EXPECT_FALSE(observed().written);
  EXPECT_TRUE(proxy->check(soon()));
  switch_to(1);
  EXPECT_EQ(fs::status(to(1)).permissions(), fs::perms(0644));
  expect_live(1);
}

TEST_F(NginxSites, WhatIsCopiedMustBeThereAndNameItsSlot) {
  lab.write(from(1), site(0));
  expect_check_refused(from(1).string() + " does not name port " + lab.slots()[1].front().port);
  fs::remove(from(1));
  expect_check_refused(from(1).string() + ", the site of green, does not exist");
  EXPECT_FALSE(proxy->stage(1, "", soon()));
  expect_live(0);
}

TEST_F(NginxSites, HomeIsThatOfTheLoginUser) {
  spec.nginx.sites->from = "~/" + fs::relative(lab.folder / "own", "/").string() + "/{slot}.conf";
  const auto as_sudo = testing::local_host_behind({"env", "SUDO_USER=nobody", "HOME=/root"});
  // Debian's nobody has no home, so that nothing is there.
  auto checked = nginx_on(*as_sudo, spec)->check(soon());
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("/nonexistent/"));
  const auto as_user = testing::local_host_behind({"env", "-u", "SUDO_USER", "HOME=/"});
  checked = nginx_on(*as_user, spec)->check(soon());
  EXPECT_TRUE(checked) << checked.error().message;
}

// Kills the script before each of its changes in turn, and does what the next deploy does.
class NginxDeath : public NginxSites {
protected:
  // Whether the switch, and taking it back, got to its end.
  bool dies_at(int change, const std::string& content, bool take_back) {
    lab.wait_at_change(change);
    std::atomic<bool> over = false;
    std::jthread death([&] {
      eventually([&] { return over || lab.at_change(); });
      if (!over) {
        EXPECT_TRUE(lab.kill_script());
      }
      lab.stop_counting();
    });
    const auto run = [&]() -> Result<void> {
      BGDEPLOY_ASSIGN(const auto staged, proxy->stage(1, content, soon()));
      BGDEPLOY_TRY(staged->commit(soon()));
      return take_back ? staged->restore(soon()) : staged->accept(soon());
    };
    const auto done = run();
    over = true;
    return done.has_value();
  }
  // As deploy/observe does: what names one slot is kept.
  std::size_t recovered() {
    auto seen = observed();
    if (seen.unfinished) {
      const auto done = proxy->recover(seen.live().has_value(), soon());
      EXPECT_TRUE(done) << done.error().message;
      seen = observed();
    }
    EXPECT_FALSE(seen.unfinished);
    EXPECT_TRUE(seen.live());
    return seen.live().value_or(2);
  }
};

TEST_F(NginxDeath, AtEveryChangeOfSites) {
  for (const bool take_back : {false, true}) {
    for (int change = 1;; ++change) {
      SCOPED_TRACE(fmt::format("change {}{}", change, take_back ? " and back" : ""));
      ASSERT_LT(change, 60);
      const bool survived = dies_at(change, "", take_back);
      expect_live(recovered());
      if (observed().live() == 1) switch_to(0);
      if (survived) {
        EXPECT_GT(change, 6);
        break;
      }
    }
  }
}

TEST_F(NginxDeath, AtEveryChangeOfAnInclude) {
  proxy = nginx_on(*host, lab.around(lab.spec));
  for (const bool take_back : {false, true}) {
    for (int change = 1;; ++change) {
      SCOPED_TRACE(fmt::format("change {}{}", change, take_back ? " and back" : ""));
      ASSERT_LT(change, 60);
      const bool survived = dies_at(change, lab.text_for(1), take_back);
      const auto live = recovered();
      EXPECT_EQ(lab.read(lab.include), lab.text_for(live));
      EXPECT_THAT(lab.leftovers(), IsEmpty());
      expect_serving(name_of(live));
      if (live == 1) {
        auto back = proxy->stage(0, lab.text_for(0), soon());
        ASSERT_TRUE(back);
        ASSERT_TRUE((*back)->commit(soon()));
        ASSERT_TRUE((*back)->accept(soon()));
      }
      if (survived) {
        EXPECT_GT(change, 4);
        break;
      }
    }
  }
}

}  // namespace
}  // namespace bgdeploy::proxy
