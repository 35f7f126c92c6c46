// `site --write`: the site on the proxies, all of it or nothing, and a first deploy after it.
#include "scenario.hpp"

namespace e2e {
namespace {

constexpr const char* k_site = "/etc/nginx/conf.d/shop-site.conf";
constexpr const char* k_default_site = "/etc/nginx/sites-enabled/app.conf";

class Site : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    lab().image("1.0");
    // As nginx is after its installation.
    lab().remove(k_default_site);
    lab().remove(k_include);
    write_spec();
  }
  void TearDown() override {
    lab().remove(k_site);
    lab().sh("rm -rf /etc/nginx/conf.d/shop.conf /etc/nginx/sites-enabled/shop-*.conf");
    Scenario::TearDown();
  }

  Finished write(const Words& options = {}) const {
    Words words = {"site", "--write"};
    words.insert(words.end(), options.begin(), options.end());
    return bgdeploy(words);
  }
  void expect_written(const Finished& finished, const std::string& words) const {
    EXPECT_EQ(finished.exit_code, 0) << finished;
    EXPECT_NE(finished.out.find(words), std::string::npos) << finished;
    EXPECT_EQ(hidden(), "") << finished;
  }
  void expect_failed(const Finished& finished, int code, const std::string& words) const {
    EXPECT_EQ(finished.exit_code, code) << finished;
    EXPECT_NE(finished.err.find(words), std::string::npos) << finished;
    EXPECT_EQ(hidden(), "") << finished;
  }
  // What a switch would leave. The lock's own files stay, empty.
  static std::string hidden() {
    return lab().sh(
        "find /etc/nginx -name '.*.bgdeploy.*' ! -name '*.lock' ! -name '*.freeze' "
        "! \\( -name '*.info.0' -empty \\)");
  }
  static std::string before_a_switch() {
    return lab().sh("cd /etc/nginx && find . -type f ! -name '.*' | sort");
  }
};

TEST_F(Site, IsWrittenOnceAndServesAfterAFirstDeploy) {
  const auto first = write();
  expect_written(first, "created");
  EXPECT_NE(first.out.find("no name leads to the site yet"), std::string::npos) << first;
  EXPECT_EQ(include(), "set $service_url http://127.0.0.1:8081;\n");
  const auto printed = bgdeploy({"site"});
  EXPECT_EQ(printed.exit_code, 0) << printed;
  EXPECT_NE(printed.out.find(lab().read(k_site).value_or("?")), std::string::npos) << printed;
  EXPECT_EQ(lab().get("/").status, 502);
  const auto checked = bgdeploy({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked;
  deploy_well("1.0");
  // It leaves alone what a deploy has written.
  const auto live = include();
  expect_written(write(), "there already");
  EXPECT_EQ(include(), live);
  EXPECT_EQ(served(), "1.0");
  // Another name replaces it, as long as nobody has changed it.
  expect_written(write({"--server-name", "shop.example.com"}), "replaced");
  const auto changed = lab().read(k_site).value_or("") + "# by hand\n";
  lab().write(k_site, changed);
  expect_failed(write(), 2, std::string(k_site) + " on ");
  EXPECT_EQ(lab().read(k_site), changed);
  expect_written(write({"--force"}), "keeps its server_name shop.example.com");
  EXPECT_NE(lab().read(k_site), changed);
  EXPECT_EQ(served(), "1.0");
}

TEST_F(Site, TakesNoRequestsFromASiteThatIsThere) {
  lab().write(k_include, "set $service_url http://127.0.0.1:8081;\n");
  const std::string uses =
      "include " + std::string(k_include) + ";\nlocation / { proxy_pass $service_url; }\n";
  const std::string begins = "server {\nlisten 80;\nserver_name shop.test;\n";
  lab().write(k_default_site, begins + "location = /private { return 403; }\n" + uses + "}\n");
  auto before = before_a_switch();
  expect_failed(write({"--server-name", "shop.test"}), 1, "app.conf:5 uses " + std::string(k_include));
  expect_failed(write(), 1, "app.conf:5 uses " + std::string(k_include));
  EXPECT_EQ(before_a_switch(), before);
  lab().write(k_default_site, begins + "return 403;\n}\n");
  expect_failed(write({"--server-name", "shop.test"}), 1, "shop.test on port 80 leads to ");
  expect_failed(write({"--server-name", "x.test"}), 1, "requests on port 80 that no name leads to go to ");
  EXPECT_EQ(before_a_switch(), before);
  // Behind it, with names of its own, which it keeps.
  const std::string behind = "/etc/nginx/sites-enabled/shop-z.conf";
  expect_written(write({"--to", behind, "--server-name", "x.test y.test"}), "created");
  expect_written(write({"--to", behind}), "keeps its server_name x.test y.test");
  EXPECT_EQ(lab().get("/").status, 403);
}

TEST_F(Site, LeavesNothingWhereNginxRefuses) {
  const auto before = before_a_switch();
  expect_failed(write({"--to", "/etc/nginx/nobody-reads-this.conf"}), 1, "does not include");
  EXPECT_EQ(before_a_switch(), before);
  lab().write("/etc/nginx/conf.d/broken.conf", "listne 1;\n");
  const auto refused = write();
  lab().remove("/etc/nginx/conf.d/broken.conf");
  expect_failed(refused, 1, "unknown directive \"listne\"");
  EXPECT_EQ(before_a_switch(), before);
  EXPECT_EQ(bgdeploy({"lock", "-m", "holidays"}).exit_code, 0);
  expect_failed(write(), 4, "holidays");
  EXPECT_EQ(bgdeploy({"unlock"}).exit_code, 0);
  EXPECT_EQ(before_a_switch(), before);
}

TEST_F(Site, WithAnUpstreamOrWholeSitesServesToo) {
  write_spec({{"proxy", "proxy: {nginx: {include: /etc/nginx/conf.d/shop.conf, upstream: shop}}"}});
  expect_written(write(), "created");
  EXPECT_EQ(lab().get("/").status, 502);
  deploy_well("1.0");
  for (const char* file : {k_site, "/etc/nginx/conf.d/shop.conf"}) lab().remove(file);
  lab().sh("docker rm -f shop-blue shop-green; nginx -s reload");
  write_spec({{"proxy",
               "proxy: {nginx: {sites: {from: '~/conf/{slot}.conf', to: "
               "'/etc/nginx/sites-enabled/shop-{port}.conf'}}}"}});
  expect_written(write(), "/root/conf/green.conf");
  EXPECT_TRUE(lab().read("/etc/nginx/sites-enabled/shop-8081.conf"));
  deploy_well("1.0");
  expect_written(write(), "there already");
}

TEST_F(Site, IsOnAllProxiesOrOnNone) {
  const Lab second({.without = "docker,registry"});
  second.remove(k_default_site);
  second.remove(k_include);
  second.write("/etc/nginx/conf.d/broken.conf", "listne 1;\n");
  const auto key = [](const Lab& of) {
    return ", user: root, identity_file: " + of.env("LAB_IDENTITY_FILE") +
           ", known_hosts_file: " + of.env("LAB_KNOWN_HOSTS") + "}";
  };
  write_spec({{"hosts", "hosts: {app: [{host: " + lab().env("LAB_ADDRESS") + key(lab()) +
                            ", {host: " + second.env("LAB_ADDRESS") + key(second) + "]}"},
              {"ssh", ""}});
  const auto before = before_a_switch();
  expect_failed(write(), 1, second.env("LAB_ADDRESS"));
  EXPECT_EQ(before_a_switch(), before);
  EXPECT_FALSE(second.read(k_include));
  EXPECT_FALSE(second.read(k_site));
  second.remove("/etc/nginx/conf.d/broken.conf");
  expect_written(write(), second.env("LAB_ADDRESS"));
  EXPECT_EQ(second.read(k_site), lab().read(k_site));
}

}  // namespace
}  // namespace e2e
