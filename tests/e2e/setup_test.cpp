// `setup` on a host that has the programs and nothing else: what the login may do, folders, a site, and nginx
// running. The packages are those of this machine.
#include "in_terminal.hpp"
#include "scenario.hpp"

namespace e2e {
namespace {

class Setup : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    lab().image("1.0");
    lab().sh(R"(
grep -q ^deploy: /etc/passwd || {
  echo 'deploy:x:2000:2000::/tmp/deploy:/bin/sh' >>/etc/passwd
  echo 'deploy:*:19000:0:99999:7:::' >>/etc/shadow
  echo 'deploy:x:2000:' >>/etc/group
}
install -d -o 2000 -g 2000 /tmp/deploy
gpasswd --delete deploy docker >/dev/null 2>&1 || :
rm -rf /etc/sudoers.d/* /etc/nginx/sites-enabled/app.conf /etc/nginx/conf.d/shop-site.conf /etc/nginx/bgdeploy
echo 'deploy ALL=(root) NOPASSWD: /usr/bin/sh' >/etc/sudoers.d/lab
nginx -s stop
while pgrep -x nginx >/dev/null; do sleep 0.1; done
)");
    lab().remove(k_include);
    write_spec({{"hosts", "hosts: {app: [deploy@" + lab().env("LAB_ADDRESS") + "]}"},
                {"ssh", "ssh: {sudo: [nginx], identity_file: " + lab().env("LAB_IDENTITY_FILE") +
                            ", known_hosts_file: " + lab().env("LAB_KNOWN_HOSTS") + "}"},
                {"proxy", "proxy: {nginx: {include: /etc/nginx/bgdeploy/shop.inc}}"}});
  }
  static std::string state() {
    return lab().sh(
        "cat /etc/passwd /etc/group; ls -lR --time-style=full-iso /etc/nginx /etc/sudoers.d; pgrep -x nginx "
        "|| :");
  }
};

TEST_F(Setup, AsksThenAddsWhatIsLackingAndTheRestIsADeploy) {
  // As the package left it: that of this machine.
  const std::string packaged = "/etc/nginx/sites-available/default";
  const std::string welcome = "/etc/nginx/sites-enabled/default";
  lab().sh("mkdir -p /etc/nginx/sites-available");
  const auto text = run({{"cat", packaged}, {}});
  ASSERT_EQ(text.exit_code, 0) << text;
  lab().write(packaged, text.out);
  lab().sh("ln -sf " + packaged + " " + welcome);
  const auto before = state();
  // Nobody to ask.
  const auto shown = bgdeploy({"setup"});
  EXPECT_EQ(shown.exit_code, 2) << shown;
  for (const char* words : {"usermod --append --groups docker deploy", "visudo -cqf", "shop-site.conf"})
    EXPECT_NE(shown.out.find(words), std::string::npos) << words << shown;
  EXPECT_EQ(shown.out.find("apt-get"), std::string::npos) << shown;
  EXPECT_NE(shown.err.find("no terminal to ask on"), std::string::npos) << shown;
  {
    InTerminal terminal(bgdeploy_command({"setup"}));
    ASSERT_TRUE(terminal.shows("Run this as root on ")) << terminal.shown();
    terminal.type("no\n");
    EXPECT_EQ(terminal.exit_code(), 2) << terminal.shown();
  }
  EXPECT_EQ(state(), before);
  {
    InTerminal terminal(bgdeploy_command({"setup"}));
    ASSERT_TRUE(terminal.shows("Run this as root on ")) << terminal.shown();
    terminal.type("yes\n");
    ASSERT_EQ(terminal.exit_code(), 0) << terminal.shown();
    EXPECT_TRUE(terminal.shows("nothing is lacking any more")) << terminal.shown();
  }
  EXPECT_EQ(lab().exec({"test", "-L", welcome}).exit_code, 1) << "it only welcomes, and nobody changed it";
  const auto after = state();
  const auto again = bgdeploy({"setup", "--yes"});
  EXPECT_EQ(again.exit_code, 0) << again;
  EXPECT_NE(again.out.find(": nothing is lacking\n"), std::string::npos) << again;
  EXPECT_EQ(state(), after);
  // The script may run again all the same.
  lab().write("/tmp/setup.sh", shown.out);
  const auto twice = lab().exec({"sh", "/tmp/setup.sh"});
  EXPECT_EQ(twice.exit_code, 0) << twice;
  // With what it gave, and nothing of what was there.
  lab().remove("/etc/sudoers.d/lab");
  const auto checked = bgdeploy({"check", "--tag", "1.0"});
  EXPECT_EQ(checked.exit_code, 0) << checked;
  deploy_well("1.0");
}

// With all rights, as init writes it: what setup made is what `site` would, and the rest is a deploy.
TEST_F(Setup, WithSudoForEverythingTheSiteIsThereAndADefaultSiteIsNamed) {
  write_spec({{"hosts", "hosts: {app: [deploy@" + lab().env("LAB_ADDRESS") + "]}"},
              {"ssh", "ssh: {sudo: true, identity_file: " + lab().env("LAB_IDENTITY_FILE") +
                          ", known_hosts_file: " + lab().env("LAB_KNOWN_HOSTS") + "}"},
              {"proxy", "proxy: {nginx: {include: /etc/nginx/bgdeploy/shop.inc}}"}});
  const std::string somebodys = "/etc/nginx/sites-enabled/default";
  lab().write(somebodys, "server { listen 8099; return 204; }\n");
  // Who becomes root by a shell alone has not what `sudo: true` counts on: both commands say so.
  const auto denied = bgdeploy({"check", "--tag", "1.0"});
  EXPECT_EQ(denied.exit_code, 3) << denied;
  EXPECT_NE(denied.both().find("run true"), std::string::npos) << denied;
  const auto made = bgdeploy({"setup", "--yes"});
  EXPECT_NE(made.out.find("# sudo for deploy, for everything\n"), std::string::npos) << made;
  lab().remove("/etc/sudoers.d/lab");
  EXPECT_EQ(made.exit_code, 0) << made;
  EXPECT_NE(made.err.find(somebodys + " takes requests that no server_name leads to"), std::string::npos)
      << made;
  EXPECT_TRUE(lab().read(somebodys));
  lab().remove(somebodys);
  const auto site = bgdeploy({"site", "--write"});
  EXPECT_EQ(site.exit_code, 0) << site;
  const auto checked = bgdeploy({"check", "--tag", "1.0"});
  EXPECT_EQ(checked.exit_code, 0) << checked;
  deploy_well("1.0");
}

TEST_F(Setup, SaysWhatItCannotDo) {
  lab().sh(
      "rm -f /etc/os-release && printf 'ID=alpine\\nPRETTY_NAME=\"Alpine Linux v3.19\"\\n' >/etc/os-release");
  const auto unknown = bgdeploy({"setup", "--yes"});
  lab().sh("ln -sf ../usr/lib/os-release /etc/os-release");
  EXPECT_EQ(unknown.exit_code, 2) << unknown;
  EXPECT_NE(unknown.err.find("runs Alpine Linux v3.19, which setup does not know"), std::string::npos)
      << unknown;
  lab().remove("/etc/sudoers.d/lab");
  const auto powerless = bgdeploy({"setup", "--yes", "--host", lab().env("LAB_ADDRESS")});
  EXPECT_EQ(powerless.exit_code, 3) << powerless;
  EXPECT_NE(powerless.err.find("may not become root on "), std::string::npos) << powerless;
  EXPECT_EQ(bgdeploy({"setup", "--host", "nobody"}).exit_code, 2);
  lab().sh("echo 'deploy ALL=(root) NOPASSWD: /usr/bin/sh' >/etc/sudoers.d/lab");
  // What nginx refuses is not left there.
  lab().write("/etc/nginx/conf.d/broken.conf", "listne 1;\n");
  const auto refused = bgdeploy({"setup", "--yes"});
  lab().remove("/etc/nginx/conf.d/broken.conf");
  EXPECT_EQ(refused.exit_code, 1) << refused;
  EXPECT_NE(refused.err.find("unknown directive \"listne\""), std::string::npos) << refused;
  EXPECT_FALSE(lab().read("/etc/nginx/conf.d/shop-site.conf"));
}

}  // namespace
}  // namespace e2e
