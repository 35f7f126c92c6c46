// What runs on hosts, as the engine and nginx say it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "support.hpp"

namespace bgdeploy::init {
namespace {

using Texts = std::vector<std::string>;

RunningContainer container(const std::string& name, const std::string& image, const std::string& more = "{}",
                           const std::string& labels = "{}") {
  RunningContainer one{name + "-id"};
  one.container = Json::parse(R"({"Config": {"Env": ["PATH=/bin"], "Cmd": ["serve"]}, "HostConfig": {}})");
  one.container["Name"] = "/" + name;
  one.container["Config"]["Image"] = image;
  one.container["Config"]["Labels"] = Json::parse(labels);
  one.container.merge_patch(Json::parse(more));
  one.image = Json::parse(R"({"Config": {"Env": ["PATH=/bin"], "Cmd": ["serve"]}})");
  one.image["RepoDigests"] = {repository_of(image) + "@sha256:1"};
  return one;
}

std::string published(int host, int container) {
  return R"({"HostConfig": {"PortBindings": {")" + std::to_string(container) +
         R"(/tcp": [{"HostIp": "127.0.0.1", "HostPort": ")" + std::to_string(host) + R"("}]}}})";
}

constexpr const char* k_dump = R"(# configuration file /etc/nginx/nginx.conf:
events {}
http { include /etc/nginx/conf.d/*.conf; }
# configuration file /etc/nginx/conf.d/shop.conf:
server {
  server_name shop.example.com;
  include /etc/nginx/conf.d/service-url.inc;
  location / { proxy_pass $service_url; }
}
# configuration file /etc/nginx/conf.d/service-url.inc:
set $service_url http://127.0.0.1:8081;
)";

TEST(Hosts, AContainerBehindAnIncludeIsFound) {
  HostState host{"deploy@web-1", true};
  host.dump = k_dump;
  host.containers = {container("db", "postgres:16", published(5432, 5432)),
                     container("other", "acme/other:1", published(9000, 80)),
                     container("app-blue", "registry:5000/acme/shop:1.2", R"({
        "Config": {"Env": ["PATH=/bin", "LOG=info", "COST=$5 ${X}", "DB_PASSWORD=hunter2", "URL=amqp://a:hunter3@mq"],
                   "Cmd": ["serve", "--fast"], "User": "1000",
                   "Healthcheck": {"Test": ["CMD-SHELL", "curl -f http://localhost:8080/healthz || exit 1"]}},
        "HostConfig": {"PortBindings": {"8080/tcp": [{"HostIp": "", "HostPort": "8081"}]}, "Memory": 734003200,
                       "NanoCpus": 1800000000, "Binds": ["/srv/log:/log"], "ExtraHosts": ["db:10.0.0.5"],
                       "ReadonlyRootfs": true},
        "NetworkSettings": {"Networks": {"bridge": {}, "back": {}}}})")};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.service, "shop");
  EXPECT_EQ(spec.image, "registry:5000/acme/shop");
  EXPECT_EQ(spec.app_hosts[0].name, "web-1");
  EXPECT_TRUE(spec.app_hosts[0].ssh.sudo.all);
  EXPECT_EQ(spec.slots[0].port, 8081);
  EXPECT_EQ(spec.slots[0].container, "app-blue");
  EXPECT_EQ(spec.slots[1].port, 8082);
  EXPECT_EQ(spec.docker.container_port, "8080");
  EXPECT_EQ(spec.docker.environment,
            (std::map<std::string, std::string>{{"LOG", "info"}, {"COST", "$5 ${X}"}}));
  EXPECT_TRUE(spec.secrets.contains("DB_PASSWORD"));
  EXPECT_TRUE(spec.secrets.contains("URL"));
  EXPECT_FALSE(write(draft).contains("hunter"));
  EXPECT_EQ(*spec.docker.command, (Texts{"serve", "--fast"}));
  EXPECT_EQ(spec.docker.user, "1000");
  EXPECT_EQ(spec.docker.mem_limit, 700 << 20);
  EXPECT_EQ(spec.docker.cpus, 1.8);
  EXPECT_EQ(spec.docker.volumes, Texts{"/srv/log:/log"});
  EXPECT_EQ(spec.docker.networks, Texts{"back"});
  EXPECT_EQ(spec.docker.extra_hosts, Texts{"db:10.0.0.5"});
  EXPECT_TRUE(spec.docker.read_only);
  EXPECT_EQ(http(spec).path, "/healthz");
  EXPECT_EQ(spec.nginx.include, "/etc/nginx/conf.d/service-url.inc");
  EXPECT_TRUE(notes(draft, "other (acme/other:1) runs on deploy@web-1 too"));
  EXPECT_TRUE(write(draft).contains("used by /etc/nginx/conf.d/shop.conf for shop.example.com"));
}

TEST(Hosts, WhatRunsIsWrittenAsItRuns) {
  HostState host{"web-1"};
  host.containers = {container("app", "shop", R"({
      "Id": "abc", "Config": {"Hostname": "abc", "StopSignal": "SIGINT", "Tty": true, "Volumes": {"/anon": {}},
                              "Labels": {"team": "a", "com.docker.compose.project": "x", "auth": "u:p"}},
      "HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8081"}]}, "Privileged": true,
                     "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}, "ShmSize": 1048576,
                     "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}, "Tmpfs": {"/run": ""},
                     "Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}],
                     "Mounts": [{"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": true}]}})")};
  host.containers[0].image["RepoDigests"] = {"registry:5000/acme/shop@sha256:1"};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.image, "registry:5000/acme/shop") << "which `docker tag` gave another name";
  EXPECT_EQ(spec.docker.host_ip, "0.0.0.0");
  EXPECT_EQ(spec.docker.restart, "on-failure:3");
  EXPECT_EQ(spec.docker.stop_grace_period, std::chrono::seconds(10)) << "docker's default";
  EXPECT_EQ(spec.docker.stop_signal, "SIGINT");
  EXPECT_EQ(spec.docker.shm_size, 1 << 20);
  EXPECT_EQ(spec.docker.tmpfs, Texts{"/run"});
  EXPECT_EQ(spec.docker.volumes, (Texts{"/a:/b:ro", "/anon"}));
  EXPECT_EQ(spec.docker.labels, (std::map<std::string, std::string>{{"team", "a"}}));
  EXPECT_TRUE(notes(draft, "the label auth of app, which looks like a secret"));
  ASSERT_TRUE(spec.docker.logging);
  EXPECT_EQ(spec.docker.logging->options.at("max-size"), "1m");
  ASSERT_EQ(spec.docker.ulimits.size(), 1U);
  EXPECT_EQ(spec.docker.ulimits[0].hard, 20);
  for (const char* option : {"--privileged", "--tty"})
    EXPECT_TRUE(notes(draft, "`docker run " + std::string(option) + "` of app")) << option;
  EXPECT_FALSE(notes(draft, "--mount"));
}

// As version 1 of compose makes containers, and docker run with --mount.
TEST(Hosts, TargetsOfBindsAreNoAnonymousVolumes) {
  HostState host{"web-1"};
  host.containers = {container("app_web_1", "acme/app:1", published(8081, 80))};
  Json& one = host.containers[0].container;
  one["Config"]["Volumes"] = Json::parse(R"({"/st": {}, "/up": {}, "/m": {}, "/anon": {}, "/own": {}})");
  one["HostConfig"]["Binds"] = {"app_st:/st:rw", "/srv/app/up:/up/:rw"};
  one["HostConfig"]["Mounts"] = Json::parse(R"([{"Type": "volume", "Source": "media", "Target": "/m"},
      {"Type": "volume", "Target": "/nameless"}, {"Type": "tmpfs", "Target": "/tmp"},
      {"Type": "tmpfs", "Target": "/run", "TmpfsOptions": {"SizeBytes": 67108864, "Mode": 1023}},
      {"Type": "volume", "Source": "seed", "Target": "/seed", "ReadOnly": true, "VolumeOptions": {"NoCopy": true}},
      {"Type": "bind", "Source": "/x", "Target": "/y", "BindOptions": {"Propagation": "rslave"}}])");
  host.containers[0].image["Config"]["Volumes"] = Json::parse(R"({"/own": {}})");
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.docker.volumes, (Texts{"app_st:/st", "/srv/app/up:/up/", "media:/m", "seed:/seed:nocopy,ro",
                                        "/x:/y:rslave", "/anon", "/nameless"}));
  EXPECT_EQ(spec.docker.tmpfs, (Texts{"/run:size=67108864,mode=1777", "/tmp"}));
  EXPECT_FALSE(notes(draft, "--mount"));
  one["HostConfig"]["Mounts"][0]["VolumeOptions"] = {{"Subpath", "a"}};
  Draft more;
  read_hosts(more, std::span(&host, 1));
  EXPECT_TRUE(notes(more, "`docker run --mount` of app_web_1"));
}

TEST(Hosts, AVolumeThatIsRefusedTakesNoOtherWithIt) {
  HostState host{"web-1"};
  host.containers = {container("app", "acme/app:1", published(8081, 80))};
  host.containers[0].container["HostConfig"]["Binds"] = {"/a:/a", "/b:relative", "/c:/c"};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  EXPECT_EQ(completed(draft).docker.volumes, (Texts{"/a:/a", "/c:/c"}));
  EXPECT_TRUE(notes(draft, "`docker.volumes: /b:relative`, which was found")) << write(draft);
}

TEST(Hosts, VolumesOfTwoSlotsBelongTogetherByTheirTargets) {
  HostState host{"web-1"};
  host.containers = {container("app-blue", "acme/app:1", published(8081, 80)),
                     container("app-green", "acme/app:1", published(8082, 80))};
  host.containers[0].container["HostConfig"]["Binds"] = {"/log/blue:/log", "data:/data"};
  host.containers[1].container["HostConfig"]["Binds"] = {"data:/data", "/more:/more", "/log/green:/log"};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  EXPECT_EQ(completed(draft).docker.volumes, (Texts{"/log/{slot}:/log", "data:/data"}));
  EXPECT_TRUE(notes(draft, "the volume /more:/more of web-1: the other slot has not the same"));
}

TEST(Hosts, ASecretOnACommandLineIsMarkedAndNotCopied) {
  HostState host{"web-1"};
  host.containers = {container("app", "acme/app:1", published(8081, 80))};
  auto& command = host.containers[0].container["Config"]["Cmd"];
  command = {"serve",  "--db-password=hunter1",    "--api-key", "hunter2", "postgres://a:hunter3@db/x",
             "--fast", "exec app TOKEN=hunter4 -v"};
  host.containers[0].container["HostConfig"]["LogConfig"] = {
      {"Type", "splunk"}, {"Config", {{"splunk-token", "hunter5"}, {"splunk-url", "https://log"}}}};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  EXPECT_EQ(*completed(draft).docker.command, (Texts{"serve", "--db-password=SECRET", "--api-key", "SECRET",
                                                     "SECRET", "--fast", "exec app TOKEN=SECRET -v"}));
  EXPECT_FALSE(write(draft).contains("hunter"));
  EXPECT_EQ(std::ranges::count(draft.gaps(), "docker.command"), 1);
  EXPECT_EQ(std::ranges::count(draft.gaps(), "docker.logging"), 1);
}

TEST(Hosts, OnlyWhatIsACommandLineIsMasked) {
  HostState host{"web-1"};
  host.containers = {container("app", "acme/app:1", published(8081, 80))};
  host.containers[0].container["HostConfig"]["ExtraHosts"] = {"auth.example.com=10.0.0.5"};
  host.containers[0].container["Config"]["Cmd"] = {"curl", "-H", "Authorization: Bearer hunter2"};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.docker.extra_hosts, Texts{"auth.example.com:10.0.0.5"});
  EXPECT_EQ(*spec.docker.command, (Texts{"curl", "-H", "Authorization: SECRET"}));
}

TEST(Hosts, AnUpstreamOnAProxyOfItsOwn) {
  std::vector<HostState> hosts(3);
  hosts[0] = {"ubuntu@10.0.0.1"};
  hosts[0].containers = {container("app-8081", "acme/app:1", published(8081, 80))};
  hosts[1] = {"ubuntu@10.0.0.2"};
  hosts[1].containers = hosts[0].containers;
  hosts[2] = {"ubuntu@10.0.0.5"};
  hosts[2].dump = R"(# configuration file /etc/nginx/nginx.conf:
http { include up.conf; server { location / { proxy_pass http://spring; } } }
# configuration file /etc/nginx/up.conf:
upstream spring { server 10.0.0.1:8081; server 10.0.0.2:8081; }
)";
  Draft draft;
  read_hosts(draft, hosts);
  const auto spec = completed(draft);
  EXPECT_EQ(spec.app_hosts.size(), 2U);
  ASSERT_EQ(spec.proxy_hosts.size(), 1U);
  EXPECT_EQ(spec.proxy_hosts[0].name, "10.0.0.5");
  EXPECT_EQ(spec.nginx.include, "/etc/nginx/up.conf");
  EXPECT_EQ(spec.nginx.upstream, "spring");
}

TEST(Hosts, TheFileIsWrittenAsItIs) {
  const auto told = [](const std::string& file) {
    HostState host{"web-1"};
    host.dump =
        "# configuration file /etc/nginx/nginx.conf:\nhttp { include up.conf; server { location / "
        "{ proxy_pass http://spring; } } }\n# configuration file /etc/nginx/up.conf:\n" +
        file + "\n";
    host.containers = {container("app", "acme/app", published(8081, 80))};
    Draft draft;
    read_hosts(draft, std::span(&host, 1));
    return completed(draft).nginx;
  };
  const auto plain = told("upstream spring {\n  server 10.0.0.1:8081;\n  server 10.0.0.2:8081;\n}\n");
  EXPECT_FALSE(plain.upstream);
  EXPECT_EQ(plain.template_text,
            "upstream spring {\n{{#backends}}  server {{address}}:{{port}};\n{{/backends}}}\n");
  EXPECT_EQ(told("upstream spring {\n    server 10.0.0.1:8081;\n    keepalive 32;\n}\n").upstream, "spring");
  EXPECT_EQ(told("upstream spring {\n    server localhost:8081;\n}").template_text,
            "upstream spring {\n{{#backends}}    server localhost:{{port}};\n{{/backends}}}\n");
  // No template makes these.
  for (const char* odd : {"upstream spring { server a:8081; server b:8081; }",
                          "upstream spring {\nserver a:8081;\nserver b:8081 weight=2;\n}"})
    EXPECT_EQ(told(odd).upstream, "spring") << odd;
}

TEST(Hosts, ASiteThatNamesThePortItselfIsToldAndNotReplaced) {
  HostState host{"web-1"};
  host.dump =
      "# configuration file /etc/nginx/nginx.conf:\nhttp { server { location / { proxy_pass "
      "http://127.0.0.1:3000; } } }\n";
  host.containers = {container("app", "acme/app", published(3000, 80))};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  EXPECT_EQ(completed(draft).nginx.include, "/etc/nginx/bgdeploy/app.inc");
  EXPECT_TRUE(notes(draft, "/etc/nginx/nginx.conf on web-1 sends to port 3000 itself"));
}

TEST(Hosts, NginxInAContainerFindsTheAppByItsName) {
  HostState host{"web-1"};
  host.nginx = "edge";
  host.dump = R"(# configuration file /etc/nginx/nginx.conf:
http { server { include /etc/nginx/url.inc; location / { proxy_pass $target; } } }
# configuration file /etc/nginx/url.inc:
set $target http://app-set1:8081;
)";
  host.containers = {container("edge", "nginx:latest"),
                     container("app-set1", "acme/app", published(8081, 8081))};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.nginx.container, "edge");
  EXPECT_EQ(spec.nginx.address, "{container}");
  EXPECT_EQ(spec.nginx.template_text, "set $target http://{{address}}:{{port}};\n");
}

TEST(Hosts, FilesThatDescribeWhatRunsStay) {
  const std::vector<File> files = {
      {"docker-compose-blue.yml", "services: {api: {image: acme/api, ports: ['8081:80']}}"},
      {"docker-compose-green.yml", "services: {api: {image: acme/api, ports: ['8082:80']}}"}};
  HostState host{"web-1"};
  host.containers = {
      container("shop-green_api_1", "acme/api:1", published(8082, 80),
                R"({"com.docker.compose.project": "shop-green", "com.docker.compose.service": "api"})")};
  Draft draft;
  ASSERT_TRUE(read_compose(draft, files, {}, "x"));
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  ASSERT_TRUE(spec.compose);
  EXPECT_EQ(spec.compose->project, "shop-{slot}");
  EXPECT_EQ(spec.slots[1].port, 8082);
}

TEST(Hosts, ComposeFilesOnTheHostAreNamedByLabels) {
  HostState host{"web-1"};
  host.containers = {container("server-a", "acme/api:1", published(8080, 80),
                               R"({"com.docker.compose.project": "ec2-user",
                                   "com.docker.compose.project.working_dir": "/home/ec2-user",
                                   "com.docker.compose.project.config_files": "docker-compose.a.yml"})")};
  const auto origin = compose_origin(host);
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->project, "ec2-user");
  EXPECT_EQ(origin->files, Texts{"/home/ec2-user/docker-compose.a.yml"});
}

TEST(Hosts, AnAppThatIsToldItsPortListensOnThatOfEachSlot) {
  HostState host{"web-1"};
  host.containers = {container("app-set1", "acme/app", published(8081, 8081))};
  Draft fixed, told;
  read_hosts(fixed, std::span(&host, 1));
  EXPECT_EQ(completed(fixed).docker.container_port, "8081");
  host.containers[0].container["Config"]["Env"].push_back("SERVER_PORT=8081");
  read_hosts(told, std::span(&host, 1));
  const auto spec = completed(told);
  EXPECT_EQ(spec.docker.container_port, "{port}");
  EXPECT_EQ(spec.docker.environment.at("SERVER_PORT"), "{port}");
}

TEST(Hosts, AnImageThatNoRegistryHasIsBuilt) {
  HostState host{"local"};
  host.containers = {container("web", "my-image", published(3000, 3000))};
  host.containers[0].image["RepoDigests"] = Json::array();
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  EXPECT_TRUE(completed(draft).build);
  EXPECT_FALSE(write(draft).contains("--digest")) << "docker did not say its id";
  host.containers[0].container["Image"] = "sha256:" + std::string(64, 'a');
  Draft known;
  read_hosts(known, std::span(&host, 1));
  EXPECT_TRUE(notes(known, "`bgdeploy plan --digest sha256:aaa"));
}

TEST(Hosts, WhatRunsWasStartedByAVersionOfCompose) {
  const std::vector<File> files = {
      {"docker-compose-blue.yml", "services: {blue: {image: shop, ports: ['8081:80']}}"},
      {"docker-compose-green.yml", "services: {green: {image: shop, ports: ['8082:80']}}"}};
  for (const auto& [version, command] :
       {std::pair("1.29.2", Texts{"docker-compose"}), std::pair("2.5.0", Texts{})}) {
    HostState host{"web-1"};
    host.containers = {container("blue_blue_1", "shop", published(8081, 80),
                                 R"({"com.docker.compose.project": "blue", "com.docker.compose.version": ")" +
                                     std::string(version) + "\"}")};
    host.containers[0].image["RepoDigests"] = Json::array();
    Draft draft;
    ASSERT_TRUE(read_compose(draft, files, {}, "x"));
    read_hosts(draft, std::span(&host, 1));
    const auto spec = completed(draft);
    ASSERT_TRUE(spec.compose);
    EXPECT_EQ(spec.compose->project, "{slot}");
    EXPECT_EQ(spec.compose->command.value_or(Texts{}), command);
    EXPECT_TRUE(spec.build) << "no registry has it";
  }
}

TEST(Hosts, SeveralSitesMayIncludeOneFileAndSeveralServicesBeThere) {
  HostState host{"web-1"};
  host.dump = std::string(k_dump) + R"(# configuration file /etc/nginx/conf.d/www.conf:
server {
  server_name www.example.com;
  include /etc/nginx/conf.d/service-url.inc;
  location / { proxy_pass $service_url; }
}
server { location / { proxy_pass http://127.0.0.1:9000; } }
)";
  host.containers = {container("app", "acme/shop:1", published(8081, 80)),
                     container("blog", "other/blog:1", published(9000, 80)),
                     container("tool", "other/tool:1", published(9001, 80))};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  completed(draft);
  EXPECT_TRUE(notes(draft, "blog (other/blog:1) runs on web-1 too, and may be the service as well as app"));
  EXPECT_FALSE(notes(draft, "tool (other/tool:1) runs on web-1 too,"));
  std::string text = write(draft);
  std::erase(text, '\n');
  EXPECT_TRUE(text.contains("shop.conf for shop.example.com, and by")) << text;
}

TEST(Hosts, WhereNothingRunsYetTheHostsWithDockerAreToRunIt) {
  std::vector<HostState> hosts = {{"web-1"}, {"edge"}};
  for (HostState& host : hosts) host.dump = "# configuration file /etc/nginx/nginx.conf:\nhttp {}\n";
  hosts[1].without_docker = "edge: docker is not installed (20.10 or newer)";
  Draft both;
  read_hosts(both, hosts);
  EXPECT_EQ(completed(both).app_hosts.at(0).name, "web-1");
  EXPECT_EQ(completed(both).proxy_hosts.at(0).name, "edge");
  Draft bare;
  read_hosts(bare, std::span(hosts).subspan(1));
  EXPECT_EQ(completed(bare).app_hosts.at(0).name, "edge");
  EXPECT_TRUE(completed(bare).proxy_hosts.empty());
  EXPECT_TRUE(notes(bare, "docker is not installed (20.10 or newer): `bgdeploy setup`"));
}

TEST(Hosts, AProxyWhoseNginxIsRefusedIsNoAppHost) {
  std::vector<HostState> hosts = {{"web-1"}, {"edge"}};
  hosts[1].without_docker = "edge: docker is not installed (20.10 or newer)";
  hosts[1].refused = "nginx: [emerg] open() \"/etc/nginx/key\" failed (13: Permission denied)";
  for (const bool runs : {false, true}) {
    if (runs) hosts[0].containers = {container("app", "acme/shop:1", published(8081, 80))};
    Draft draft;
    read_hosts(draft, hosts);
    const auto spec = completed(draft);
    EXPECT_EQ(spec.app_hosts.size(), 1U);
    ASSERT_EQ(spec.proxy_hosts.size(), 1U);
    EXPECT_EQ(spec.proxy_hosts[0].name, "edge");
    EXPECT_TRUE(notes(draft, "With root's rights"));
  }
}

TEST(Hosts, AnNginxThatMayNotBeAskedIsTold) {
  HostState host{"web-1"};
  host.refused = "nginx: [emerg] open() failed";
  host.containers = {container("app", "acme/shop:1", published(8081, 80))};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  completed(draft);
  EXPECT_TRUE(notes(draft, "nginx on web-1: its configuration could not be read (nginx: [emerg]"));
  EXPECT_FALSE(notes(draft, "With root's rights")) << "they would not help";
}

std::string published(std::initializer_list<std::pair<int, int>> ports) {
  Json host;
  for (const auto& [outside, inside] : ports)
    host["HostConfig"]["PortBindings"][std::to_string(inside) + "/tcp"] = {
        {{"HostIp", ""}, {"HostPort", std::to_string(outside)}}};
  return host.dump();
}

std::string site(const std::string& name, const std::string& file, int port) {
  return "# configuration file /etc/nginx/conf.d/" + name + ".conf:\nserver { server_name " + name +
         ".example.com; include " + file +
         "; location / { proxy_pass $service_url; } }\n# configuration file " + file +
         ":\nset $service_url http://127.0.0.1:" + std::to_string(port) + ";\n";
}

constexpr const char* k_main =
    "# configuration file /etc/nginx/nginx.conf:\nevents {}\nhttp { include /etc/nginx/conf.d/*.conf; }\n";

TEST(Hosts, OfSeveralPortsTheSlotHasTheOneThatNginxSendsTo) {
  HostState host{"web-1"};
  host.dump = k_dump;
  host.containers = {container("app", "acme/shop:1", published({{5005, 5005}, {8081, 8080}, {9090, 9090}}))};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.slots[0].port, 8081);
  EXPECT_EQ(spec.docker.container_port, "8080");
  EXPECT_EQ(spec.nginx.include, "/etc/nginx/conf.d/service-url.inc");
  EXPECT_TRUE(notes(draft, "the port 5005:5005 of app: a slot publishes one port alone"));
  EXPECT_TRUE(notes(draft, "the port 9090:9090 of app"));
  EXPECT_FALSE(notes(draft, "the port 8081"));
}

TEST(Hosts, OfSeveralPortsThatNobodySendsToOneIsAGuess) {
  HostState host{"web-1"};
  const auto told = [&](const std::string& more) {
    host.containers = {container("app", "acme/shop:1", more)};
    Draft draft;
    read_hosts(draft, std::span(&host, 1));
    const auto spec = completed(draft);
    return std::pair(spec.slots[0].port, write(draft).contains("guessed: app publishes several ports"));
  };
  EXPECT_EQ(told(published({{5005, 5005}, {8081, 8080}})), std::pair(8081, true));
  EXPECT_EQ(told(published({{8081, 8080}})), std::pair(8081, false));
  Json asked = Json::parse(published({{9000, 9000}, {8081, 8080}, {7000, 7000}}));
  asked["Config"]["Healthcheck"]["Test"] = {"CMD", "curl", "http://localhost:9000/up"};
  EXPECT_EQ(told(asked.dump()), std::pair(9000, false)) << "the healthcheck asks it";
  // `-p 8080`: docker chooses, and says what
  EXPECT_EQ(told(R"({"HostConfig": {"PortBindings": {"8080/tcp": [{"HostIp": "", "HostPort": ""}]}},
                     "NetworkSettings": {"Ports": {"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"},
                                                                {"HostIp": "::", "HostPort": "32768"}]}}})"),
            std::pair(32768, false));
}

TEST(Hosts, TwoServicesOfOneImageAreNoSlots) {
  HostState host{"web-1"};
  host.dump = k_main + site("prod", "/etc/nginx/conf.d/prod.inc", 8081) +
              site("staging", "/etc/nginx/conf.d/staging.inc", 8082);
  host.containers = {container("shop-two", "acme/shop:2", published(8082, 80)),
                     container("shop-one", "acme/shop:1", published(8081, 80))};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.slots[0].container, "shop-one") << "the first site's";
  EXPECT_EQ(spec.slots[1].port, 8083) << "8082 is the other one's";
  EXPECT_EQ(spec.nginx.include, "/etc/nginx/conf.d/prod.inc");
  EXPECT_TRUE(
      notes(draft, "shop-two (acme/shop:2) runs on web-1 too, and may be the service as well as shop-one"));
}

TEST(Hosts, SlotsAreCalledAsSlotsAre) {
  const auto slots = [](const std::string& one, const std::string& other, const std::string& labels = "{}",
                        const std::string& other_labels = "{}") {
    HostState host{"web-1"};
    host.containers = {container(one, "acme/shop:1", published(8081, 80), labels),
                       container(other, "acme/shop:2", published(9001, 80), other_labels)};
    Draft draft;
    read_hosts(draft, std::span(&host, 1));
    return completed(draft).slots[1].port == 9001;
  };
  for (const auto& [one, other] :
       {std::pair("shop-blue", "shop-green"), std::pair("app-set1", "app-set2"),
        std::pair("m-8081", "m-9001"), std::pair("server-a", "server-b"), std::pair("shop", "shop-green"),
        std::pair("shop", "shop2"), std::pair("blue_api_1", "green_api_1")})
    EXPECT_TRUE(slots(one, other)) << one << " " << other;
  for (const auto& [one, other] :
       {std::pair("shop-prod", "shop-staging"), std::pair("shop", "shop-staging"), std::pair("web", "admin"),
        std::pair("shop-eu1", "shop-us2"), std::pair("happy_curie", "sad_bose")})
    EXPECT_FALSE(slots(one, other)) << one << " " << other;
  const auto compose = [](const char* project, const char* service) {
    return Json{{"com.docker.compose.project", project}, {"com.docker.compose.service", service}}.dump();
  };
  EXPECT_FALSE(slots("s-api-1", "s-api-2", compose("s", "api"), compose("s", "api"))) << "--scale";
  EXPECT_TRUE(slots("s-blue-1", "s-green-1", compose("s", "blue"), compose("s", "green")));
  EXPECT_TRUE(slots("s-blue-api-1", "s-green-api-1", compose("s-blue", "api"), compose("s-green", "api")));
  EXPECT_FALSE(slots("x-blue", "y-green", R"({"bgdeploy.service": "x"})", R"({"bgdeploy.service": "y"})"));
}

TEST(Hosts, AContainerOfBgdeployKeepsItsServiceAndSlot) {
  HostState host{"web-1"};
  host.containers = {container("web-green", "acme/shop:1", published(8082, 80),
                               R"({"bgdeploy.service": "web", "bgdeploy.slot": "green"})")};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.service, "web");
  EXPECT_EQ(spec.slots[0].name, "blue");
  EXPECT_EQ(spec.slots[1].name, "green");
  EXPECT_EQ(spec.slots[1].port, 8082);
  EXPECT_EQ(spec.slots[1].container, "web-green");
}

TEST(Hosts, AStoppedSlotOfBgdeployKeepsItsPort) {
  HostState host{"web-1"};
  const auto labels = [](const std::string& slot) {
    return R"({"bgdeploy.service": "web", "bgdeploy.slot": ")" + slot + R"("})";
  };
  host.containers = {container("web-blue", "acme/shop:1", published(8091, 80), labels("blue")),
                     container("web-green", "acme/shop:2", published(8082, 80), labels("green"))};
  host.containers[0].stopped = true;
  host.containers[0].container["Config"]["Env"] = {"VERSION=1", "OLD=yes"};
  host.containers[1].container["Config"]["Env"] = {"VERSION=2", "SLOT=green"};
  for (const bool recorded : {false, true}) {
    if (recorded)
      host.history["web"] =
          R"({"served": true, "ports": [8082, 8091], )"
          R"("health": "{\"http\": {\"path\": \"/up?key=hunter2\"}, \"deadline\": \"9s\"}"})"
          "\n{\"served\": true, \"ports\": [1, 2], \"health\": \"{}\"}\n{cut";
    Draft draft;
    read_hosts(draft, std::span(&host, 1));
    const auto spec = completed(draft);
    const int first = recorded ? 1 : 0;
    EXPECT_EQ(spec.slots[first].name, "blue") << "the usual order, or the recorded one";
    EXPECT_EQ(spec.slots[first].port, 8091);
    EXPECT_EQ(spec.slots[1 - first].name, "green");
    EXPECT_EQ(spec.slots[1 - first].port, 8082);
    EXPECT_EQ(spec.docker.environment,
              (std::map<std::string, std::string>{{"VERSION", "2"}, {"SLOT", "green"}}))
        << "what runs";
    EXPECT_EQ(http(spec).path, recorded ? "/up" : "/");
    EXPECT_FALSE(write(draft).contains("hunter"));
    EXPECT_FALSE(notes(draft, "differs")) << "from an older release";
  }
  host.containers.erase(host.containers.begin());
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.slots[0].name, "green");
  EXPECT_EQ(spec.slots[1].port, 8091) << "the container is gone, and a deploy recorded its port";
}

TEST(Hosts, TheSlotThatNginxDoesNotSendToIsFound) {
  HostState host{"web-1"};
  host.dump =
      std::string(k_main) +
      "# configuration file /etc/nginx/conf.d/a.conf:\nserver { location / { proxy_pass http://api; } }\n"
      "# configuration file /etc/nginx/conf.d/up.conf:\nupstream api { server 127.0.0.1:3001; }\n";
  host.containers = {container("api-worker", "acme/api:1"),
                     container("api-b", "acme/api:1", published(3002, 8080)),
                     container("api-a", "acme/api:1", published(3001, 8080))};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.slots[0].name, "a");
  EXPECT_EQ(spec.slots[1].name, "b");
  EXPECT_EQ(spec.slots[1].port, 3002);
  EXPECT_EQ(spec.slots[1].container, "api-b");
  EXPECT_TRUE(notes(draft, "api-worker (acme/api:1) runs on web-1 too"));
  EXPECT_FALSE(notes(draft, "api-b ("));
}

TEST(Hosts, AGuessedPortIsFree) {
  HostState host{"web-1"};
  host.dump = "# configuration file /etc/nginx/nginx.conf:\nhttp { server { listen [::]:8083; } }\n";
  host.listening = {8081, 8084};
  host.containers = {container("app", "acme/app:1", published(8081, 80)),
                     container("admin", "acme/admin:1", published(8082, 80))};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  EXPECT_EQ(completed(draft).slots[1].port, 8085);
  EXPECT_TRUE(write(draft).contains("guessed: 8082 is taken there")) << write(draft);
  // What a file's reader made up is looked at too.
  const File file{"docker-compose.yml", "services: {api: {image: acme/app, ports: ['8081:80']}}"};
  Draft both;
  ASSERT_TRUE(read_compose(both, std::span(&file, 1), {}, "x"));
  read_hosts(both, std::span(&host, 1));
  EXPECT_EQ(completed(both).slots[1].port, 8085);
  // And where a container has port 80, both.
  host.listening = {80, 8085};
  host.containers[0] = container("app", "acme/app:1", published(80, 80));
  host.containers[1] = container("admin", "acme/admin:1", published(8081, 80));
  Draft front;
  read_hosts(front, std::span(&host, 1));
  EXPECT_EQ(completed(front).slots[0].port, 8082);
  EXPECT_EQ(completed(front).slots[1].port, 8084);
}

TEST(Hosts, AGuessedPortBesideAnUnknownOneIsFreeToo) {
  HostState host{"web-1"};
  const auto told = [&] {
    Draft draft;
    read_hosts(draft, std::span(&host, 1));
    const auto spec = completed(draft);
    return std::pair(spec.slots[0].port, spec.slots[1].port);
  };
  host.dump =
      "# configuration file /etc/nginx/nginx.conf:\nhttp {\n"
      "  upstream api { server api-blue:8080; server api-green:8080; }\n"
      "  server { listen 80; location / { proxy_pass http://api; } }\n}\n";
  host.listening = {8081, 8082, 3002};
  host.containers = {container("api-blue", "acme/api:1"), container("api-green", "acme/api:1")};
  EXPECT_EQ(told(), std::pair(8083, 8084));
  host.containers[1] = container("api-green", "acme/api:1", published(3001, 8080));
  EXPECT_EQ(told(), std::pair(3003, 3001));
}

TEST(Hosts, AnAppOnTheHostsNetworkIsTold) {
  HostState host{"web-1"};
  host.dump = k_dump;
  host.containers = {container("other", "acme/other:1", published(9000, 80)),
                     container("app", "acme/app:1", R"({
      "Config": {"Env": ["PATH=/bin", "SERVER_PORT=8081"], "ExposedPorts": {"8080/tcp": {}}},
      "HostConfig": {"NetworkMode": "host"}, "NetworkSettings": {"Networks": {"host": {}}}})")};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.image, "acme/app");
  EXPECT_EQ(spec.slots[0].port, 8081);
  EXPECT_EQ(spec.docker.container_port, "{port}");
  EXPECT_TRUE(spec.docker.networks.empty());
  EXPECT_TRUE(notes(draft, "`docker run --network host` of app: a slot has a network of its own"));
}

std::string on_network(const std::string& more = "{}") {
  Json one = Json::parse(
      R"({"HostConfig": {"NetworkMode": "front"}, "NetworkSettings": {"Networks": {"front": {}}}})");
  one.merge_patch(Json::parse(more));
  return one.dump();
}

Texts names_of(const std::vector<const RunningContainer*>& all) {
  Texts names;
  for (const auto* one : all) names.push_back(one->id.substr(0, one->id.size() - 3));
  return names;
}

constexpr const char* k_dump_of_edge = R"(# configuration file /etc/nginx/nginx.conf:
http { server { listen 8080; include /etc/nginx/url.inc; location / { proxy_pass $target; } } }
# configuration file /etc/nginx/url.inc:
set $target http://shop:3000;
)";

// Whatever its image is called, and whatever an nginx of the host's that does not run would do.
TEST(Hosts, AnNginxInAContainerIsTheProxyWhereItSendsToOneThatRuns) {
  HostState host{"web-1"};
  host.containers = {container("shop", "acme/shop:1", on_network()),
                     container("db", "postgres:16", published(5432, 5432)),
                     container("shell", "acme/nginx-spa:1", on_network()),
                     container("edge", "acme/front:1", on_network(published(80, 8080)))};
  for (const char* installed :
       {"", "# configuration file /etc/nginx/nginx.conf:\nhttp { server { listen 80; } }\n",
        "# configuration file /etc/nginx/nginx.conf:\n"
        "http { server { listen 80; location / { proxy_pass http://127.0.0.1:5432; } } }\n"}) {
    host.dump = installed;
    const Texts expected = host.dump.contains("pass") ? Texts{"edge"} : Texts{"edge", "shell"};
    EXPECT_EQ(names_of(may_be_nginx(host)), expected) << installed;
    EXPECT_EQ(serves_there(host, host.containers[3], k_dump_of_edge), Serves::yes);
    EXPECT_EQ(serves_there(host, host.containers[2], "http { server { root /srv; } }"), Serves::no);
  }
  host.nginx = "edge";
  host.dump = k_dump_of_edge;
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.image, "acme/shop") << "though the proxy publishes a port, and the app none";
  EXPECT_EQ(spec.docker.container_port, "3000");
  EXPECT_EQ(spec.docker.host_ip, "none");
  EXPECT_EQ(spec.nginx.container, "edge");
  EXPECT_EQ(spec.nginx.include, "/etc/nginx/url.inc");
  EXPECT_FALSE(notes(draft, "edge ("));
}

// Such a slot names no container in the spec.
TEST(Hosts, NginxInAContainerFindsTheAppByTheNameThatASlotGivesIt) {
  const auto app = [](const std::string& name, const std::string& more = on_network()) {
    return container(name, "acme/app:1", more);
  };
  const auto deployed = [](const char* slot, bool stopped) {
    auto one = container(std::string("shop-") + slot, "acme/app:1", on_network(),
                         fmt::format(R"({{"bgdeploy.service": "shop", "bgdeploy.slot": "{}"}})", slot));
    one.stopped = stopped;
    return one;
  };
  const std::vector<RunningContainer> cases[] = {
      {app("shop")},
      {app("shop-v1")},
      {app("shop-blue")},
      {app("shop-green")},
      {app("shop-blue"), app("shop-green")},
      {app("shop-blue", on_network(published(8081, 8080)))},
      {deployed("blue", false)},
      {deployed("green", false), deployed("blue", true)},
  };
  for (const auto& apps : cases)
    for (const bool upstream : {false, true}) {
      HostState host{"web-1"};
      host.nginx = "edge";
      host.containers = apps;
      host.containers.push_back(container("edge", "nginx:latest", on_network(published(80, 80))));
      const std::string name = core::text_of(apps[0].container, "Name").substr(1);
      const std::string file = "# configuration file /etc/nginx/app.inc:\n";
      host.dump =
          std::string(k_main) + "# configuration file /etc/nginx/conf.d/shop.conf:\n" +
          (upstream ? "include app.inc;\nserver { location / { proxy_pass http://app; } }\n" + file +
                          fmt::format("upstream app {{\n    server {}:8080;\n    keepalive 32;\n}}\n", name)
                    : "server { include app.inc; location / { proxy_pass $service_url; } }\n" + file +
                          fmt::format("set $service_url http://{}:8080;\n", name));
      Draft draft;
      read_hosts(draft, std::span(&host, 1));
      const auto spec = completed(draft);
      const bool publishes = !core::member(apps[0].container["HostConfig"], "PortBindings").is_null();
      EXPECT_EQ(spec.nginx.container, "edge") << name;
      EXPECT_EQ(spec.nginx.address, "{container}") << name;
      EXPECT_EQ(spec.nginx.include, "/etc/nginx/app.inc") << name;
      EXPECT_EQ(spec.nginx.upstream.has_value(), upstream) << name;
      EXPECT_EQ(spec.docker.host_ip, publishes ? "127.0.0.1" : "none") << name;
      EXPECT_FALSE(notes(draft, "no value that it can have")) << name;
    }
}

TEST(Hosts, ASiteThatNamesTheContainerItselfTellsHowItIsReached) {
  HostState host{"web-1"};
  host.nginx = "edge";
  host.dump = std::string(k_main) +
              "# configuration file /etc/nginx/conf.d/a.conf:\n"
              "server { location / { proxy_pass http://shop-blue:8080; } }\n";
  host.containers = {container("edge", "nginx:latest", on_network(published(80, 80))),
                     container("shop-blue", "acme/app:1", on_network(published(8081, 8080)))};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.nginx.container, "edge");
  EXPECT_EQ(spec.nginx.address, "{container}");
  EXPECT_TRUE(notes(draft, "/etc/nginx/conf.d/a.conf on web-1 sends to port 8080 itself"));
}

TEST(Hosts, NginxInAContainerMayReachTheAppByTheHost) {
  for (const char* address : {"host.docker.internal", "localhost"}) {
    HostState host{"web-1"};
    host.nginx = "edge";
    host.dump = std::string(k_main) +
                "# configuration file /etc/nginx/conf.d/a.conf:\n"
                "server { include a.inc; location / { proxy_pass $service_url; } }\n"
                "# configuration file /etc/nginx/a.inc:\n" +
                fmt::format("set $service_url http://{}:8081;\n", address);
    host.containers = {container("edge", "nginx:latest", published(80, 80)),
                       container("shop-blue", "acme/app:1", published(8081, 8080))};
    Draft draft;
    read_hosts(draft, std::span(&host, 1));
    const auto spec = completed(draft);
    EXPECT_EQ(spec.nginx.container, "edge");
    EXPECT_EQ(spec.nginx.address, address);
    EXPECT_EQ(spec.nginx.include, "/etc/nginx/a.inc");
    EXPECT_FALSE(notes(draft, "no value that it can have")) << write(draft);
  }
}

TEST(Hosts, AnotherAppThatListensOnASlotsPortInItsContainerIsNotTheSlot) {
  HostState host{"web-1"};
  host.nginx = "edge";
  const auto part = [](const std::string& name, int port) {
    return fmt::format(
        "# configuration file /etc/nginx/conf.d/{0}.conf:\n"
        "server {{ include {0}.inc; location / {{ proxy_pass $service_url; }} }}\n"
        "# configuration file /etc/nginx/{0}.inc:\nset $service_url http://{0}:{1};\n",
        name, port);
  };
  host.dump = k_main + part("admin", 8081) + part("shop-blue", 8080);
  host.containers = {container("edge", "nginx:latest", on_network(published(80, 80))),
                     container("shop-blue", "acme/app:1", on_network(published(8081, 8080)))};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  EXPECT_EQ(completed(draft).nginx.include, "/etc/nginx/shop-blue.inc");
}

// As an app's own nginx in its image does, behind the one of the host.
TEST(Hosts, AnNginxBehindTheOneOfTheHostIsAnApp) {
  HostState host{"web-1"};
  host.dump = k_dump;
  host.containers = {container("shop", "acme/nginx-shop:1", published(8081, 80)),
                     container("api", "acme/api:1", on_network())};
  EXPECT_TRUE(may_be_nginx(host).empty());
  host.dump.clear();
  host.containers = {container("edge", "nginxinc/nginx-unprivileged:1", published(8080, 8080))};
  EXPECT_EQ(serves_there(host, host.containers[0], k_dump_of_edge), Serves::maybe) << "to another host";
}

// An admin's container has the image of the app, and a site of its own.
TEST(Hosts, TwoPassesOfOneLineAreTwo) {
  HostState host{"web-1"};
  host.dump = std::string(k_main) +
              "# configuration file /etc/nginx/conf.d/a.conf:\nserver { location / { proxy_pass "
              "http://127.0.0.1:3001; } location /admin { proxy_pass http://127.0.0.1:3002; } }\n";
  host.containers = {container("shop", "acme/shop:1", published(3001, 8080)),
                     container("admin", "acme/shop:1", published(3002, 8080))};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  EXPECT_NE(completed(draft).slots[1].container, "admin");
  EXPECT_TRUE(notes(draft, "admin (acme/shop:1) runs on web-1 too"));
}

TEST(Hosts, WhatPublishesNothingHasTheRecordedHealthToo) {
  HostState host{"web-1"};
  host.nginx = "edge";
  host.dump = k_dump_of_edge;
  host.containers = {container("shop", "acme/shop:1", on_network(),
                               R"({"bgdeploy.service": "shop", "bgdeploy.slot": "blue"})")};
  host.history["shop"] =
      R"({"served": true, "ports": [8081, 8082], "health": "{\"http\": {\"path\": \"/up\"}}"})";
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  EXPECT_EQ(http(completed(draft)).path, "/up");
}

// Nothing is sent to it, and no port is taken by it.
TEST(Hosts, AWorkerAloneIsTheService) {
  for (const auto& [name, label] :
       {std::pair("mailer", ""), std::pair("mailer-green", ""),
        std::pair("mailer-blue", R"({"bgdeploy.service": "mailer", "bgdeploy.slot": "blue"})")}) {
    HostState host{"web-1"};
    host.containers = {
        container("queue", "redis:7", published(6379, 6379)),
        container(name, "acme/jobs:1", R"({"HostConfig": {"Memory": 734003200}})", *label ? label : "{}")};
    Draft draft;
    read_hosts(draft, std::span(&host, 1));
    const auto spec = completed(draft);
    EXPECT_EQ(spec.service, "mailer");
    EXPECT_EQ(spec.image, "acme/jobs");
    EXPECT_TRUE(spec::is_worker(spec));
    EXPECT_FALSE(spec.proxied);
    EXPECT_EQ(spec.slots[0].container, "mailer-blue");
    EXPECT_EQ(spec.docker.mem_limit, 700 << 20);
    EXPECT_TRUE(std::holds_alternative<spec::HealthRunning>(spec.health.probe));
    EXPECT_TRUE(notes(draft, "queue (redis:7) runs on web-1 too"));
    EXPECT_EQ(notes(draft, "`docker rename mailer mailer-blue`"), std::string_view(name) == "mailer");
    EXPECT_FALSE(notes(draft, "container_port"));
  }
}

TEST(Hosts, WhereNoOneContainerIsTheServiceAllAreListed) {
  HostState host{"web-1"};
  const auto told = [&](Draft draft = {}) {
    read_hosts(draft, std::span(&host, 1));
    completed(draft);
    EXPECT_TRUE(notes(draft, "mailer (acme/mailer:1) runs on web-1 too"));
    return draft.text({"image"});
  };
  host.containers = {container("mailer", "acme/mailer:1"), container("cron", "acme/cron:1")};
  EXPECT_EQ(told(), "registry.example.com/shop-folder");
  host.containers[1] = container("proxy", "traefik:3", published(80, 80));
  EXPECT_EQ(told(), "registry.example.com/shop-folder") << "it may be what that proxy sends to";
  host.containers.pop_back();
  Draft folder;
  const File file{"docker-compose.yml", "services: {api: {image: acme/app, ports: ['8081:80']}}"};
  ASSERT_TRUE(read_compose(folder, std::span(&file, 1), {}, "x"));
  EXPECT_EQ(told(folder), "acme/app") << "which the folder has, and which does not run yet";
}

TEST(Hosts, WhatRunsOnAnyOfSeveralHostsIsTold) {
  std::vector<HostState> hosts = {{"web-1"}, {"web-2"}};
  const auto app = [](const std::string& image, const std::string& more) {
    Json all = Json::parse(published(8081, 8080));
    all.merge_patch(Json::parse(more));
    return container("shop", image, all.dump());
  };
  hosts[0].containers = {app("acme/shop:1", R"({"Config": {"Env": ["PATH=/bin", "A=1", "B=1"]}})")};
  hosts[1].containers = {
      app("acme/shop:2", R"({"Config": {"Env": ["PATH=/bin", "A=2", "B=1", "PASSWORD=hunter2"]},
                                                "HostConfig": {"Memory": 734003200, "Binds": ["/a:/b"]}})"),
      container("cron", "acme/cron:1")};
  Draft draft;
  read_hosts(draft, hosts);
  EXPECT_EQ(completed(draft).app_hosts.size(), 2U);
  EXPECT_TRUE(notes(draft, "cron (acme/cron:1) runs on web-2 too"));
  EXPECT_TRUE(
      notes(draft,
            "shop on web-2 is not as shop on web-1, and a spec has one word for both: image acme/shop:2, "
            "environment A, environment PASSWORD, mem_limit, volumes"))
      << write(draft);
  EXPECT_FALSE(write(draft).contains("hunter"));
  hosts[1].containers = hosts[0].containers;
  Draft same;
  read_hosts(same, hosts);
  EXPECT_FALSE(notes(same, "is not as"));
}

TEST(Hosts, TheContainersNameIsTheServicesWhereTheImagesSaysLess) {
  HostState host{"web-1"};
  const auto service = [&] {
    Draft draft;
    read_hosts(draft, std::span(&host, 1));
    return completed(draft).service;
  };
  host.containers = {container("shop", "acme/app:1", published(8081, 80))};
  EXPECT_EQ(service(), "shop");
  host.containers = {container("shop-blue", "acme/app:1", published(8081, 80)),
                     container("shop-green", "acme/app:1", published(8082, 80))};
  EXPECT_EQ(service(), "shop");
  host.containers = {container("web_1", "acme/app:1", published(8081, 80))};
  EXPECT_EQ(service(), "app") << "which says no less";
  host.containers = {container("tea", "acme/shop:1", published(8081, 80))};
  EXPECT_EQ(service(), "shop");
  host.containers.push_back(container("tea-admin", "acme/shop:1", published(8082, 80)));
  EXPECT_EQ(service(), "tea") << "two services have that image";
}

TEST(Hosts, NginxInAContainerMayFindTheAppByAnotherName) {
  HostState host{"web-1"};
  host.nginx = "edge";
  host.dump = R"(# configuration file /etc/nginx/nginx.conf:
http { server { include /etc/nginx/url.inc; location / { proxy_pass $target; } } }
# configuration file /etc/nginx/url.inc:
set $target http://web:8080;
)";
  host.containers = {container("edge", "nginx:latest"), container("shop_web_1", "acme/app", R"({
      "HostConfig": {"NetworkMode": "shop"},
      "NetworkSettings": {"Networks": {"shop": {"Aliases": ["web", "abc"], "IPAddress": "172.18.0.3"}}}})")};
  Draft draft;
  read_hosts(draft, std::span(&host, 1));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.docker.container_port, "8080");
  EXPECT_EQ(spec.docker.host_ip, "none");
  EXPECT_EQ(spec.docker.networks, Texts{"shop"});
  EXPECT_EQ(spec.nginx.container, "edge");
  EXPECT_EQ(spec.nginx.address, "{container}");
  EXPECT_TRUE(notes(draft, "web, abc on the network shop, by which others reach shop_web_1"));
}

TEST(Hosts, AHealthcheckIsTheImagesOrThatOfOneContainer) {
  HostState host{"web-1"};
  host.containers = {container("app", "acme/app:1", published(8081, 80), "{}")};
  const auto told = [&](const Json& of_container, const Json& of_image) {
    host.containers[0].container["Config"]["Healthcheck"]["Test"] = of_container;
    host.containers[0].image["Config"]["Healthcheck"]["Test"] = of_image;
    Draft draft;
    read_hosts(draft, std::span(&host, 1));
    return completed(draft).health.probe;
  };
  const auto exec = [&](const Json& of_container, const Json& of_image) {
    const auto probe = told(of_container, of_image);
    const auto* found = std::get_if<spec::HealthExec>(&probe);
    return found == nullptr ? Texts{"none"} : found->argv;
  };
  EXPECT_TRUE(std::holds_alternative<spec::HealthDocker>(told({"CMD", "/ok"}, {"CMD", "/ok"})));
  EXPECT_EQ(exec({"CMD-SHELL", "test -e $HOME/ok"}, nullptr), (Texts{"sh", "-c", "test -e $HOME/ok"}));
  EXPECT_EQ(exec({"CMD", "/other"}, {"CMD", "/ok"}), Texts{"/other"});
  EXPECT_TRUE(std::holds_alternative<spec::HealthHttp>(told({"NONE"}, {"CMD", "/ok"})));
}

// A host is not trusted: what it says may be anything.
TEST(Hosts, AnyAnswerIsTaken) {
  for (const char* text :
       {"{}", "[]", "null", R"({"Name": 1})", R"({"Name": ""})", R"({"Name": "/", "Config": []})",
        R"({"Name": "/x", "Config": {"Image": "\u001b[31m", "Env": ["A", "=", "B=\n"]},
                              "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "99999999999"}], "x": 1},
                              "Memory": -1, "NanoCpus": 1e300, "Binds": [":", "a"]}})"}) {
    HostState host{"web-1"};
    host.dump = text;
    host.containers = {{"id", Json::parse(text), Json::parse(text)}};
    Draft draft;
    read_hosts(draft, std::span(&host, 1));
    compose_origin(host);
    completed(draft);
  }
}

}  // namespace
}  // namespace bgdeploy::init
