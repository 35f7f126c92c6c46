// nginx in a container: a real daemon, and this machine's nginx in an image of its own.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/io/child.hpp"
#include "bgdeploy/proxy/site_parts.hpp"
#include "support/docker_lab.hpp"
#include "support/nginx_test.hpp"

namespace bgdeploy::proxy {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using plan::ProxyHost;
using ::testing::Contains;
using testing::DockerLab;
using testing::eventually;
using testing::get;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::soon;
namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::trunc) << text;
}
std::string read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string output_of(const std::vector<std::string>& argv) {
  const auto output = io::run_child(argv, "", soon());
  if (!output || !output->ok()) throw std::runtime_error(core::shell_join(argv));
  return output->out;
}

// nginx and the libraries that it is linked with, and busybox: there is no /bin/sh in it.
void import_nginx(DockerLab& lab) {
  const auto root = lab.folder() / "nginx-image";
  const auto take = [&](const fs::path& file) {
    fs::create_directories(root / file.parent_path().relative_path());
    fs::copy_file(fs::canonical(file), root / file.relative_path(), fs::copy_options::overwrite_existing);
  };
  take("/usr/sbin/nginx");
  take("/bin/busybox");
  for (const auto& line : core::split_lines(output_of({"ldd", "/usr/sbin/nginx"}))) {
    const auto begin = line.find('/');
    if (begin != std::string::npos) take(line.substr(begin, line.find(' ', begin) - begin));
  }
  for (const auto* folder : {"var/log/nginx", "var/lib/nginx", "run", "tmp", "etc/nginx/conf.d"})
    fs::create_directories(root / folder);
  write(root / "etc/passwd", "root:x:0:0::/:/\n");
  write(root / "etc/group", "root:x:0:\n");
  write(root / "etc/nginx/nginx.conf", R"(user root;
worker_processes 2;
error_log /dev/stderr;
events { worker_connections 512; }
http {
  access_log off;
  resolver 127.0.0.11 ipv6=off;
  include /etc/nginx/conf.d/*.conf;
}
)");
  output_of({"tar", "-C", root, "-cf", lab.folder() / "nginx.tar", "."});
  lab.docker({"import", "--change", R"(CMD ["/usr/sbin/nginx", "-e", "stderr", "-g", "daemon off;"])",
              lab.folder() / "nginx.tar", "nginx:1"});
}

// The daemon has its own pid namespace, and a host sees the processes of its containers: commands run in it.
std::unique_ptr<host::Host> host_of(DockerLab& lab) {
  return testing::local_host_behind(
      {"nsenter", "--target", std::to_string(lab.daemon()), "--pid", "--mount", "--"});
}

class NginxContainer : public ::testing::Test {
protected:
  void SetUp() override {
    static const bool imported = (import_nginx(lab), true);
    ASSERT_TRUE(imported);
    lab.docker({"network", "create", "fream"});
    // Two that answer with their names, on the containers' network only.
    for (const std::string name : {"blue", "green"}) {
      write(conf(name) / "app.conf", "server { listen 8080; location / { return 200 " + name + "; } }\n");
      run("app-" + name, {"-v", conf(name).string() + ":/etc/nginx/conf.d"});
    }
    write(conf("web") / "site.conf",
          "server { listen 80; include /etc/nginx/conf.d/service-url.inc;\n"
          "  location / { proxy_pass $service_url; } }\n");
    write(include(), text_for(0));
  }
  void TearDown() override {
    for (const auto& id : core::split_lines(lab.docker({"ps", "-aq"}))) lab.docker({"rm", "-f", "-v", id});
    lab.docker({"network", "rm", "fream"});
    fs::remove_all(lab.folder() / "conf");
  }

  fs::path conf(const std::string& name) const { return lab.folder() / "conf" / name; }
  fs::path include() const { return conf("web") / "service-url.inc"; }

  void run(const std::string& name, std::vector<std::string> options,
           const std::vector<std::string>& command = {}) {
    std::vector<std::string> argv{"run", "-d", "--name", name, "--network", "fream"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.push_back("nginx:1");
    argv.insert(argv.end(), command.begin(), command.end());
    lab.docker(argv);
  }
  // nginx in front, with its configuration mounted as `mount` says.
  void start_web(const std::vector<std::string>& mount, const std::vector<std::string>& command = {}) {
    run("web", mount, command);
    find_web();
  }
  void find_web() {
    address = lab.docker({"inspect", "--format", "{{.NetworkSettings.Networks.fream.IPAddress}}", "web"});
    ASSERT_TRUE(eventually([&] { return served().has_value(); })) << lab.docker({"logs", "web"});
  }
  // Not through a published port: docker's own proxy in front of it is none of ours.
  std::optional<std::string> served() const { return get(80, "/", address); }
  void start_web() { start_web({"-v", conf("web").string() + ":/etc/nginx/conf.d"}); }

  std::array<Routing, 2> slots() const {
    const auto backend = [](const std::string& name) {
      return Routing{Backend{.host = "local",
                             .address = "app-" + name,
                             .port = "8080",
                             .container = "app-" + name,
                             .slot = name,
                             .tag = "1"}};
    };
    return {backend("blue"), backend("green")};
  }
  std::string text_for(std::size_t slot) const { return render(spec().nginx, slots()[slot]).value(); }
  spec::Spec spec() const {
    spec::Spec spec;
    spec.service = "app";
    spec.app_hosts.emplace_back().name = "local";
    spec.slots = {spec::Slot{"blue", 8081, "app-blue"}, spec::Slot{"green", 8082, "app-green"}};
    spec.nginx.include = "/etc/nginx/conf.d/service-url.inc";
    spec.nginx.container = "web";
    spec.nginx.address = "{container}";
    spec.nginx.port = "8080";
    return spec;
  }
  std::vector<std::string> left() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(conf("web")))
      if (entry.path().filename().string().starts_with(".")) found.push_back(entry.path().filename());
    return found;
  }
  void expect_refused(const std::string& words, ErrorKind kind = ErrorKind::refused) {
    const auto checked = nginx_on(*host, spec())->check(soon());
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().kind, kind);
    EXPECT_THAT(checked.error().message, HasSubstr(words));
    EXPECT_FALSE(nginx_on(*host, spec())->stage(1, text_for(1), soon()));
  }

  DockerLab& lab = DockerLab::get();
  std::string address;  // of nginx
  std::unique_ptr<host::Host> host = host_of(lab);
  std::unique_ptr<Proxy> proxy = nginx_on(*host, spec());
};

TEST_F(NginxContainer, SwitchesBackendsByNameUnderLoad) {
  start_web();
  testing::Client client(80, address);
  for (const std::size_t slot : {1, 0}) {
    const auto seen = proxy->observe(slots(), soon());
    ASSERT_TRUE(seen) << seen.error().message;
    EXPECT_EQ(seen->traffic, plan::Traffic::all_to(1 - slot));
    EXPECT_EQ(seen->include, include());
    const auto checked = proxy->check(soon());
    ASSERT_TRUE(checked) << checked.error().message << ::testing::PrintToString(checked.error().details);
    auto staged = proxy->stage(slot, text_for(slot), soon());
    ASSERT_TRUE(staged) << staged.error().message;
    const auto committed = (*staged)->commit(soon());
    ASSERT_TRUE(committed) << committed.error().message
                           << ::testing::PrintToString(committed.error().details);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(served(), slot == 1 ? "green" : "blue");
    ASSERT_TRUE((*staged)->accept(soon()));
    const auto drained = (*staged)->drain(10s, slots()[1 - slot], soon());
    ASSERT_TRUE(drained);
    EXPECT_TRUE(drained->complete);
    EXPECT_EQ(read(include()), text_for(slot));
    EXPECT_THAT(left(), IsEmpty());
  }
  client.stop();
  EXPECT_EQ(client.failed(), 0) << lab.docker({"logs", "web"});
  EXPECT_GT(client.done(), 10);
}

TEST_F(NginxContainer, GetsItsSite) {
  fs::remove(include());
  write(conf("web") / "site.conf", "server { listen 80 default_server; location / { return 200 none; } }\n");
  start_web();
  auto staged = stage_site(*host, spec(), slots(), {{"test"}, ""}, false, soon());
  ASSERT_TRUE(staged) << staged.error().message;
  const auto committed = (*staged)->commit(soon());
  ASSERT_TRUE(committed) << committed.error().message << ::testing::PrintToString(committed.error().details);
  EXPECT_EQ(served(), "blue");
  ASSERT_TRUE((*staged)->restore(soon()));
  EXPECT_FALSE(fs::exists(include()));
  EXPECT_FALSE(fs::exists(conf("web") / "app-site.conf"));
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(NginxContainer, NeedsNoRootWhereDockerMayBeUsed) {
  // With an init in front of nginx.
  start_web({"--init", "-v", conf("web").string() + ":/etc/nginx/conf.d"});
  // As a member of the group docker, who owns the folder.
  ASSERT_EQ(::chown(conf("web").c_str(), 65534, 65534), 0);
  ASSERT_EQ(::chown(include().c_str(), 65534, 65534), 0);
  fs::permissions(lab.folder(), fs::perms(0755));
  fs::permissions(lab.socket(), fs::perms(0666));
  const auto user = testing::local_host_behind({"nsenter", "--target", std::to_string(lab.daemon()), "--pid",
                                                "--mount", "--", "setpriv", "--reuid=65534", "--regid=65534",
                                                "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"});
  const auto own = nginx_on(*user, spec());
  ASSERT_TRUE(own->observe(slots(), soon()));
  const auto checked = own->check(soon());
  ASSERT_TRUE(checked) << checked.error().message;
  auto staged = own->stage(1, text_for(1), soon());
  ASSERT_TRUE(staged) << staged.error().message;
  const auto committed = (*staged)->commit(soon());
  ASSERT_TRUE(committed) << committed.error().message;
  ASSERT_TRUE((*staged)->accept(soon()));
  EXPECT_EQ(served(), "green");
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(NginxContainer, PutsBackWhatNginxRefusesInside) {
  start_web();
  auto staged = proxy->stage(1, text_for(1), soon());
  ASSERT_TRUE(staged) << staged.error().message;
  write(conf("web") / "broken.conf", "server { listne 1; }\n");
  const auto committed = (*staged)->commit(soon());
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, ErrorKind::refused);
  EXPECT_THAT(committed.error().details, Contains(HasSubstr("/etc/nginx/conf.d/broken.conf:1")));
  EXPECT_EQ(read(include()), text_for(0));
  EXPECT_THAT(left(), IsEmpty());
  const auto checked = proxy->check(soon());
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("refuses its configuration"));
  EXPECT_EQ(served(), "blue");
}

TEST_F(NginxContainer, WhatTheReloadRefusesIsSeenAndPutBack) {
  start_web();
  // A port that is taken passes the test.
  write(conf("squatter") / "app.conf", "server { listen 79; }\n");
  lab.docker({"run", "-d", "--network", "container:web", "-v",
              conf("squatter").string() + ":/etc/nginx/conf.d", "nginx:1"});
  auto staged = proxy->stage(1, text_for(1) + "listen 79;\n", soon());
  ASSERT_TRUE(staged) << staged.error().message;
  const auto committed = (*staged)->commit(soon());
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, ErrorKind::refused);
  EXPECT_THAT(committed.error().details, Contains(HasSubstr("Address already in use")));
  EXPECT_EQ(read(include()), text_for(0));
  EXPECT_EQ(served(), "blue");
}

TEST_F(NginxContainer, AnIncludeMountedAsASingleFileIsRefused) {
  start_web({"-v", (conf("web") / "site.conf").string() + ":/etc/nginx/conf.d/site.conf", "-v",
             include().string() + ":/etc/nginx/conf.d/service-url.inc"});
  expect_refused("as a single file");
  EXPECT_EQ(read(include()), text_for(0));
}

TEST_F(NginxContainer, AnIncludeThatIsNotMountedIsRefused) {
  run("web", {});
  expect_refused("has no folder of this host mounted where /etc/nginx/conf.d/service-url.inc is");
}

TEST_F(NginxContainer, ASymlinkOutOfTheMountIsRefused) {
  start_web();
  fs::rename(include(), conf("elsewhere.inc"));
  fs::create_symlink("../elsewhere.inc", include());
  expect_refused("a symlink leads out of it");
}

TEST_F(NginxContainer, AContainerThatDoesNotRunIsRefused) {
  expect_refused("docker says nothing about the container web");
  start_web();
  lab.docker({"stop", "-t", "1", "web"});
  const auto seen = proxy->observe(slots(), soon());
  ASSERT_TRUE(seen) << seen.error().message;
  EXPECT_FALSE(seen->running);
  EXPECT_EQ(seen->live(), 0);
  // There was a deploy before: nobody is served.
  expect_refused("the container web is not running (exited)", ErrorKind::inconsistent);
}

TEST_F(NginxContainer, OneThatIsStartedAnewInTheMiddleIsFoundAgain) {
  start_web();
  auto staged = proxy->stage(1, text_for(1), soon());
  ASSERT_TRUE(staged) << staged.error().message;
  lab.docker({"restart", "-t", "1", "web"});
  find_web();
  const auto committed = (*staged)->commit(soon());
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(served(), "green");
  ASSERT_TRUE((*staged)->accept(soon()));

  // And after it has read the new file, which is then put back.
  auto gated = spec();
  gated.nginx.test = {"busybox", "sh", "-c",
                      "cd /etc/nginx/conf.d; [ ! -e gate ] || : >waits; "
                      "while [ -e gate ]; do busybox sleep 0.01; done; exec nginx -t"};
  staged = nginx_on(*host, gated)->stage(0, text_for(0), soon());
  ASSERT_TRUE(staged) << staged.error().message;
  write(conf("web") / "gate", "");
  auto undone = std::async(std::launch::async, [&] { return (*staged)->commit(soon()); });
  ASSERT_TRUE(
      eventually([&] { return read(include()) == text_for(0) && fs::exists(conf("web") / "waits"); }));
  lab.docker({"restart", "-t", "1", "web"});
  fs::remove(conf("web") / "gate");
  fs::remove(conf("web") / "waits");
  const auto refused = undone.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused) << refused.error().message;
  EXPECT_EQ(read(include()), text_for(1));
  EXPECT_THAT(left(), IsEmpty());
  find_web();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(served(), "green");
}

TEST_F(NginxContainer, AnUpgradeInsideIsSeen) {
  start_web({"-v", conf("web").string() + ":/etc/nginx/conf.d"},
            {"busybox", "sh", "-c", "/usr/sbin/nginx; while :; do busybox sleep 1; done"});
  const auto in_web = [&](const std::string& line) {
    lab.docker({"exec", "web", "busybox", "sh", "-c", line});
  };
  const auto masters = [&] {
    const auto seen = proxy->observe(slots(), soon());
    return seen ? seen->masters.size() : 0;
  };
  EXPECT_EQ(masters(), 1);
  auto staged = proxy->stage(1, text_for(1), soon());
  ASSERT_TRUE(staged) << staged.error().message;
  in_web("kill -USR2 $(busybox cat /run/nginx.pid)");
  ASSERT_TRUE(eventually([&] { return masters() == 2; }));
  const auto committed = (*staged)->commit(soon());
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, ErrorKind::refused) << committed.error().message;
  EXPECT_EQ(read(include()), text_for(0));
  in_web("kill -QUIT $(busybox cat /run/nginx.pid.oldbin)");
  staged = proxy->stage(1, text_for(1), soon());
  ASSERT_TRUE(staged) << staged.error().message;
  const auto done = (*staged)->commit(soon());
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(served(), "green");
}

TEST_F(NginxContainer, SitesOfTheHostAreSeenThroughTheMount) {
  start_web();
  auto with_sites = spec();
  with_sites.nginx.include.clear();
  with_sites.nginx.address.reset();
  with_sites.nginx.port.reset();
  with_sites.nginx.sites = spec::Sites{conf("sites") / "{slot}", conf("web") / "extra-{slot}.conf"};
  for (const auto& slot : with_sites.slots)
    write(conf("sites") / slot.name,
          fmt::format("server {{ listen 81; location / {{ proxy_pass http://app-{}:8080; }} }}\n"
                      "map $uri $port{} {{ default {}; }}\n",
                      slot.name, slot.name, slot.port));
  const auto sites = nginx_on(*host, with_sites);
  for (const std::size_t slot : {0, 1}) {
    const auto checked = sites->check(soon());
    ASSERT_TRUE(checked) << checked.error().message;
    auto staged = sites->stage(slot, "", soon());
    ASSERT_TRUE(staged) << staged.error().message;
    const auto committed = (*staged)->commit(soon());
    ASSERT_TRUE(committed) << committed.error().message;
    ASSERT_TRUE((*staged)->accept(soon()));
    const auto seen = sites->observe(slots(), soon());
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->live(), slot);
  }
}

}  // namespace
}  // namespace bgdeploy::proxy
