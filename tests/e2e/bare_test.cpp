// A host on which nothing is installed yet.
#include "scenario.hpp"

namespace e2e {
namespace {

// The host's folders of programs, without some of them.
constexpr const char* k_hide = R"sh(
for folder in /usr/local/bin /usr/bin /usr/sbin; do
  mkdir -p /run/all$folder /run/bare$folder
  mount --bind $folder /run/all$folder
  ln -s -t /run/bare$folder /run/all$folder/*
  rm -f /run/bare$folder/docker* /run/bare$folder/podman* /run/bare$folder/nginx*
done
for folder in /usr/local/bin /usr/bin /usr/sbin; do mount --bind /run/bare$folder $folder; done
mount -t tmpfs none /etc/nginx
)sh";

class Bare : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    const auto hidden = m_bare.exec({"sh", "-ec", k_hide});
    ASSERT_EQ(hidden.exit_code, 0) << hidden;
  }
  void write_spec_of_bare(const Sections& more) {
    Sections sections = more;
    sections["hosts"] = "hosts: {app: [root@" + name() + "]}";
    sections["ssh"] = "ssh: {identity_file: " + m_bare.env("LAB_IDENTITY_FILE") +
                      ", known_hosts_file: " + m_bare.env("LAB_KNOWN_HOSTS") + "}";
    write_spec(sections);
  }
  const std::string& name() const { return m_bare.env("LAB_ADDRESS"); }
  static void expect_says(const Finished& finished, const std::string& words) {
    EXPECT_NE(finished.both().find(words), std::string::npos) << "does not say: " << words << finished;
  }

private:
  Lab m_bare{LabOptions{.without = "docker,registry,nginx"}};
};

TEST_F(Bare, CheckAndDeploySayWhatIsNotInstalled) {
  write_spec_of_bare({});
  const auto checked = bgdeploy({"check"});
  EXPECT_NE(checked.exit_code, 0) << checked;
  expect_says(checked, "docker is not installed (20.10 or newer)");
  expect_says(checked, "next: install docker on " + name() + " (Debian, Ubuntu: sudo apt install docker.io)");
  expect_says(checked, "nginx is not installed on " + name());
  expect_says(checked, "next: install nginx there (Debian, Ubuntu: sudo apt install nginx)");
  const auto nginx = deploy("1.0");
  EXPECT_NE(nginx.exit_code, 0) << nginx;
  expect_says(nginx, "nothing was changed");
  expect_says(nginx, "why     nginx is not installed on " + name() + "\n");
  expect_says(nginx, "next    install nginx there");
  write_spec_of_bare({{"proxy", "proxy: none"}});
  const auto docker = deploy("1.0");
  EXPECT_NE(docker.exit_code, 0) << docker;
  expect_says(docker, "nothing was changed");
  expect_says(docker, "why     " + name() + ": docker is not installed (20.10 or newer)\n");
  expect_says(docker, "next    install docker on " + name());
}

}  // namespace
}  // namespace e2e
