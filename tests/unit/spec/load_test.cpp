// What a good spec becomes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loading.hpp"

namespace bgdeploy::spec {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(Load, FillsInTheDefaults) {
  const Spec spec = must_load(minimal());
  EXPECT_EQ(spec.service, "app");
  EXPECT_EQ(spec.image, "example/app");
  ASSERT_EQ(spec.app_hosts.size(), 1U);
  EXPECT_EQ(spec.app_hosts[0].name, "web.example.com");
  EXPECT_EQ(spec.app_hosts[0].ssh, Ssh{});
  EXPECT_TRUE(spec.proxy_hosts.empty());
  EXPECT_EQ(spec.slots[0], (Slot{"blue", 8081, "app-blue"}));
  EXPECT_EQ(spec.slots[1], (Slot{"green", 8082, "app-green"}));
  EXPECT_FALSE(spec.registry);
  EXPECT_EQ(spec.docker, Docker{});
  EXPECT_EQ(spec.docker.stop_grace_period, 30s);
  EXPECT_EQ(spec.health.probe, (decltype(spec.health.probe){HealthTcp{}}));
  EXPECT_EQ(spec.health.interval, 500ms);
  EXPECT_EQ(spec.nginx.template_text, "set $service_url http://{{address}}:{{port}};\n");
  EXPECT_EQ(spec.drain_timeout, 30s);
  EXPECT_FALSE(spec.verify) << "there is no request to ask with";
  EXPECT_EQ(spec.retire, Retire::stop);
  EXPECT_EQ(spec.history, History{});
}

TEST(Load, VerifiesByDefaultWithTheHealthRequest) {
  auto text = minimal();
  text.replace(text.find("health: {tcp: true}"), 19, "health: {http: {path: /up}}");
  EXPECT_EQ(must_load(text).verify, (Verify{"/up", {}}));
  EXPECT_EQ(must_load(text + "verify: {host: \"shop.example.com:8443\", path: /}\n").verify,
            (Verify{"/", "shop.example.com:8443"}));
  EXPECT_EQ(must_load(text + "verify:\n").verify, (Verify{"/up", {}}));
  EXPECT_FALSE(must_load(text + "verify: off\n").verify);
  EXPECT_EQ(must_load(minimal("verify: {host: a.example.com}\n")).verify, (Verify{"/", "a.example.com"}));
  text.replace(text.find("proxy:"), text.find('\n', text.find("proxy:")) - text.find("proxy:"),
               "proxy: none");
  EXPECT_FALSE(must_load(text).verify);
  EXPECT_FALSE(must_load(text + "verify: off\n").verify);
}

TEST(Load, KeepsTheOrderOfTheSlots) {
  const Spec spec = must_load(
      "service: app\nimage: example/app\nhosts: {app: [h]}\nhealth: {tcp: true}\nproxy: {nginx: {include: "
      "/x}}\n"
      "slots: {b: {port: 2}, a: {port: 1, container: other}}");
  EXPECT_EQ(spec.slots[0], (Slot{"b", 2, "app-b"}));
  EXPECT_EQ(spec.slots[1], (Slot{"a", 1, "other"}));
}

Host only_host(const std::string& entry, const std::string& ssh = "") {
  std::string text = minimal(ssh.empty() ? "" : "ssh: " + ssh + "\n");
  text.replace(text.find("[web.example.com]"), 17, "[" + entry + "]");
  const Spec spec = must_load(text);
  return spec.app_hosts.empty() ? Host{} : spec.app_hosts[0];
}

TEST(LoadHosts, ReadsTheShortForm) {
  const Host host = only_host("\"jo@web.example.com:2222\"");
  EXPECT_EQ(host.name, "web.example.com");
  EXPECT_EQ(host.ssh.user, "jo");
  EXPECT_EQ(host.ssh.port, 2222);
  EXPECT_EQ(only_host("\"[2001:db8::1]:2222\"").name, "2001:db8::1");
  EXPECT_EQ(only_host("\"[2001:db8::1]:2222\"").ssh.port, 2222);
  EXPECT_EQ(only_host("\"2001:db8::1\"").name, "2001:db8::1");
  EXPECT_EQ(only_host("\"2001:db8::1\"").ssh.port, std::nullopt);
  EXPECT_EQ(only_host("jo@corp@10.0.0.1").ssh.user, "jo@corp");
}

TEST(LoadHosts, LaysTheEntryOverTheCommonSettings) {
  const Host host = only_host("{host: web, user: ubuntu, sudo: [docker], proxy_jump: [a, \"b:22\"]}",
                              "{user: ec2-user, port: 2200, sudo: true, proxy_jump: x, keepalive: 1m}");
  EXPECT_EQ(host.ssh.user, "ubuntu");
  EXPECT_EQ(host.ssh.port, 2200);
  EXPECT_EQ(host.ssh.sudo, (Sudo{false, true, false}));
  EXPECT_THAT(*host.ssh.proxy_jump, ElementsAre("a", "b:22"));
  EXPECT_EQ(host.ssh.keepalive, 1min);
  EXPECT_EQ(only_host("jo@web", "{user: ec2-user}").ssh.user, "jo");
}

TEST(LoadHosts, TellsNoJumpHostFromWhatOpenSshSays) {
  EXPECT_EQ(only_host("web").ssh.proxy_jump, std::nullopt);
  for (const std::string none : {"none", "[]"}) {
    const Host host = only_host("{host: web, proxy_jump: " + none + "}", "{proxy_jump: bastion}");
    ASSERT_TRUE(host.ssh.proxy_jump) << none;
    EXPECT_THAT(*host.ssh.proxy_jump, ::testing::IsEmpty()) << none;
  }
}

TEST(LoadHosts, FilesAreRelativeToTheSpecAsAllOthersAre) {
  const auto key = [](const std::string& file) {
    return only_host("web", "{identity_file: \"" + file + "\"}").ssh.identity_file;
  };
  EXPECT_EQ(key("keys/%h"), "/srv/app/keys/%h");
  EXPECT_EQ(key("../deploy"), "/srv/deploy");
  EXPECT_EQ(key("/etc/key"), "/etc/key");
  EXPECT_EQ(key("~/.ssh/key"), "~/.ssh/key");
  EXPECT_EQ(key("%d/key"), "%d/key");
  EXPECT_EQ(only_host("{host: web, known_hosts_file: hosts}").ssh.known_hosts_file, "/srv/app/hosts");
  const auto elsewhere = load({"/srv/100%d/bgdeploy.yml", minimal("ssh: {identity_file: key}\n")}, "",
                              [](std::string_view) -> std::optional<std::string> { return {}; });
  EXPECT_EQ(elsewhere->app_hosts[0].ssh.identity_file, "/srv/100%%d/key") << "OpenSSH's %d is not meant";
}

TEST(LoadHosts, KnowsTheLocalMachine) {
  const Host host = only_host("local", "{user: ec2-user, sudo: [nginx]}");
  EXPECT_TRUE(host.local);
  EXPECT_EQ(host.ssh.user, std::nullopt);
  EXPECT_EQ(host.ssh.sudo, (Sudo{false, false, true}));
  EXPECT_EQ(only_host("{host: local, sudo: true, address: 10.0.0.1}").address, "10.0.0.1");
  EXPECT_FALSE(only_host("\"local:22\"").local);
}

TEST(LoadHosts, TakesPinnedKeysAndAddresses) {
  const std::string key = "SHA256:" + std::string(42, 'a') + "+";
  const Host host = only_host("{host: web, address: 172.31.0.12, host_key: \"" + key + "\"}");
  EXPECT_EQ(host.host_key, key);
  EXPECT_EQ(host.address, "172.31.0.12");
}

TEST(LoadDocker, ReadsWhatComposeReads) {
  const Docker docker = must_load(minimal(R"(docker:
  container_port: "{port}"
  environment: [A=1, "B=x=y", C=]
  env_file: .env
  command: server --name "a b" 'c "d' e\ f
  entrypoint: []
  ulimits: {nproc: 10, nofile: {soft: 1, hard: -1}}
  tmpfs: /run
  restart: on-failure:3
  extra_hosts: ["db:10.0.0.9", "six=[::1]", "h:host-gateway"]
  volumes: ["/a/{slot}:/b:ro,z", "data:/d", /anonymous]
  mem_limit: 1.5g
  cpus: 0.5
)"))
                            .docker;
  EXPECT_EQ(docker.container_port, "{port}");
  EXPECT_THAT(docker.environment, UnorderedElementsAre(Pair("A", "1"), Pair("B", "x=y"), Pair("C", "")));
  EXPECT_THAT(docker.env_file, ElementsAre("/srv/app/.env"));
  EXPECT_THAT(*docker.command, ElementsAre("server", "--name", "a b", "c \"d", "e f"));
  EXPECT_TRUE(docker.entrypoint && docker.entrypoint->empty());
  EXPECT_THAT(docker.ulimits, ElementsAre(Ulimit{"nproc", 10, 10}, Ulimit{"nofile", 1, -1}));
  EXPECT_THAT(docker.tmpfs, ElementsAre("/run"));
  EXPECT_EQ(docker.mem_limit, 1536LL << 20);
  EXPECT_EQ(docker.cpus, 0.5);
  EXPECT_EQ(docker.volumes.size(), 3U);
}

TEST(LoadDocker, WritesEachMeaningInTheSpellingOfTheApi) {
  const Docker docker = must_load(minimal(R"(docker:
  socket: unix:///run/user/1000/podman/podman.sock
  environment: {A: 1, B: , C: true}
  extra_hosts: ["db=10.0.0.5", "x:10.0.0.6,10.0.0.7", "six:::1", "s=[2001:db8::1]", "h=host-gateway"]
  volumes:
    - /a:/b:rw
    - /a:/c:z,ro
    - {type: bind, source: /a, target: /d, read_only: true, bind: {propagation: rslave}}
    - {type: volume, source: data, target: /e, volume: {nocopy: true}}
    - {type: volume, target: /f}
    - {type: tmpfs, target: /g, tmpfs: {size: 64m, mode: 1777}}
  cap_add: [net_admin, CAP_SYS_TIME, all]
  stop_signal: 15
  labels: [a, b=c]
  logging: {options: {max-file: 3, mode: non-blocking}}
)"))
                            .docker;
  EXPECT_THAT(docker.environment, UnorderedElementsAre(Pair("A", "1"), Pair("C", "true")));
  EXPECT_THAT(docker.inherited, ElementsAre("B"));
  EXPECT_THAT(docker.extra_hosts, ElementsAre("db:10.0.0.5", "x:10.0.0.6", "x:10.0.0.7", "six:::1",
                                              "s:2001:db8::1", "h:host-gateway"));
  EXPECT_THAT(docker.volumes, ElementsAre("/a:/b", "/a:/c:ro,z", "/a:/d:ro,rslave", "data:/e:nocopy", "/f"));
  EXPECT_THAT(docker.tmpfs, ElementsAre("/g:size=67108864,mode=1777"));
  EXPECT_THAT(docker.cap_add, ElementsAre("NET_ADMIN", "SYS_TIME", "ALL"));
  EXPECT_EQ(docker.stop_signal, "SIGTERM");
  EXPECT_THAT(docker.labels, UnorderedElementsAre(Pair("a", ""), Pair("b", "c")));
  EXPECT_THAT(docker.logging->options,
              UnorderedElementsAre(Pair("max-file", "3"), Pair("mode", "non-blocking")));
}

TEST(LoadDocker, ExtraHostsMayBeAMap) {
  EXPECT_THAT(
      must_load(minimal("docker: {extra_hosts: {db: 10.0.0.5, x: [10.0.0.6, \"[::1]\"], h: host-gateway}}"))
          .docker.extra_hosts,
      ElementsAre("db:10.0.0.5", "x:10.0.0.6", "x:::1", "h:host-gateway"));
}

TEST(LoadDocker, KeepsScalarsAsTheyAreWritten) {
  const Docker docker =
      must_load(minimal("docker: {environment: {A: 007, B: yes, C: 1.10, D: true, E: 1e3, F: \"\"}}")).docker;
  EXPECT_THAT(docker.environment, UnorderedElementsAre(Pair("A", "007"), Pair("B", "yes"), Pair("C", "1.10"),
                                                       Pair("D", "true"), Pair("E", "1e3"), Pair("F", "")));
}

TEST(LoadHealth, ReadsEveryKind) {
  const auto probe = [](const std::string& health) {
    std::string text = minimal();
    text.replace(text.find("{tcp: true}"), 11, health);
    return must_load(text).health.probe;
  };
  const auto http =
      std::get<HealthHttp>(probe("{http: {path: \"/up?x=1\", status: \"200, 204,300-399\", headers: {Host: "
                                 "a.example}, body: ok, port: 80}}"));
  EXPECT_EQ(http.path, "/up?x=1");
  EXPECT_THAT(http.status, ElementsAre(Pair(200, 200), Pair(204, 204), Pair(300, 399)));
  EXPECT_THAT(http.headers, ElementsAre(Pair("Host", "a.example")));
  EXPECT_EQ(http.port, 80);
  EXPECT_THAT(std::get<HealthHttp>(probe("{http: {status: 200}}")).status, ElementsAre(Pair(200, 200)));
  EXPECT_EQ(std::get<HealthHttp>(probe("{http: }")), HealthHttp{});
  EXPECT_TRUE(std::holds_alternative<HealthDocker>(probe("{docker: true}")));
  EXPECT_THAT(std::get<HealthExec>(probe("{exec: [a, b]}")).argv, ElementsAre("a", "b"));
}

TEST(LoadSecrets, KeepsOnlyTheSource) {
  const Spec spec =
      must_load(minimal("secrets: {A: {env: X}, B: {file: ~/b}, C: {file: c}, D: {command: [p, q]}}\n"
                        "registry: {username: ci, password: {env: TOKEN}}"),
                {{"HOME", "/home/jo"}});
  EXPECT_EQ(spec.secrets.at("A"), SecretSource{FromEnv{"X"}});
  EXPECT_EQ(spec.secrets.at("B"), SecretSource{FromFile{"/home/jo/b"}});
  EXPECT_EQ(spec.secrets.at("C"), SecretSource{FromFile{"/srv/app/c"}});
  EXPECT_EQ(spec.secrets.at("D"), (SecretSource{FromCommand{{"p", "q"}}}));
  EXPECT_EQ(spec.registry, (Registry{"ci", FromEnv{"TOKEN"}}));
}

TEST(LoadEnvironments, MergeMapsAndReplaceTheRest) {
  const std::string text = minimal(R"(docker: {environment: {A: 1, B: 2}, networks: [x, y], mem_limit: 1g}
environments:
  staging:
    hosts: {app: [staging.example.com]}
    slots: {blue: {port: 9091}}
    docker: {environment: {B: 3, C: 4}, networks: [z], mem_limit: null}
    health: {tcp: null, exec: [check]}
  empty:
)");
  const Spec spec = must_load(text, {}, "staging");
  EXPECT_EQ(spec.environment, "staging");
  EXPECT_EQ(spec.app_hosts[0].name, "staging.example.com");
  EXPECT_EQ(spec.slots[0], (Slot{"blue", 9091, "app-blue"}));
  EXPECT_THAT(spec.docker.environment, ElementsAre(Pair("A", "1"), Pair("B", "3"), Pair("C", "4")));
  EXPECT_THAT(spec.docker.networks, ElementsAre("z"));
  EXPECT_EQ(spec.docker.mem_limit, std::nullopt);
  EXPECT_TRUE(std::holds_alternative<HealthExec>(spec.health.probe));
  EXPECT_EQ(must_load(text, {}, "empty").app_hosts[0].name, "web.example.com");
  EXPECT_EQ(must_load(text).docker.mem_limit, 1 << 30);
}

TEST(LoadEnvironments, DoNotNeedTheVariablesOfTheOthers) {
  const std::string text = minimal("environments: {a: {image: \"${IMAGE}\"}, b: {image: other/app}}");
  EXPECT_EQ(must_load(text, {}, "b").image, "other/app");
  EXPECT_EQ(must_load(text, {{"IMAGE", "third/app"}}, "a").image, "third/app");
}

TEST(LoadYaml, SharesAnchorsAndMergeKeys) {
  const Spec spec =
      must_load(minimal("docker:\n  environment: &env {A: 1, B: 2}\n  labels: {<<: *env, B: 3, C: 4}\n"));
  EXPECT_THAT(spec.docker.labels, ElementsAre(Pair("A", "1"), Pair("B", "3"), Pair("C", "4")));
}

TEST(LoadYaml, TakesAQuestionMarkInABareValueForWhatItIs) {
  const auto command = [](const std::string& items) {
    return must_load(minimal("docker:\n  command: [" + items + "]\n"))
        .docker.command.value_or(std::vector<std::string>{});
  };
  using Words = std::vector<std::string>;
  EXPECT_EQ(command("a?b, what?, ?x, a ? b, why?"), (Words{"a?b", "what?", "?x", "a ? b", "why?"}));
  EXPECT_EQ(command("\"a?b\", 'what? ', \"\\xC0?\" # why?\n"), (Words{"a?b", "what? ", "\u00C0?"}));
  EXPECT_EQ(must_load(minimal("docker: {user: a?b?}\n")).docker.user, "a?b?");
  EXPECT_EQ(must_load(minimal("docker: {? user : x}\n")).docker.user, "x");
  EXPECT_EQ(must_load(minimal("? docker\n: ? user\n  : x\n")).docker.user, "x");
  EXPECT_EQ(must_load(minimal("docker: {labels: {a?: b, &c? d: *c?}}\n")).docker.labels,
            (std::map<std::string, std::string>{{"a?", "b"}, {"d", "d"}}));
}

TEST(LoadYaml, TakesJsonAndWindowsLines) {
  EXPECT_EQ(must_load(R"({"service":"app","image":"example/app","hosts":{"app":["h"]},"slots":{"a":1,"b":2},
"health":{"tcp":true},"proxy":{"nginx":{"include":"/x"}}})")
                .slots[1]
                .port,
            2);
  std::string text = minimal("docker:\n  user: jo\n");
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) text.insert(at, "\r");
  EXPECT_EQ(must_load(text).docker.user, "jo");
  EXPECT_EQ(must_load("\xEF\xBB\xBF---\n" + minimal("...\n")).service, "app");
}

std::string interpolated(const std::string& value, const Variables& variables = {}) {
  return must_load(minimal("docker:\n  environment:\n    X: " + value + "\n"), variables)
      .docker.environment["X"];
}

TEST(Interpolation, ReplacesVariables) {
  const Variables variables{{"A", "one"}, {"EMPTY", ""}, {"B_2", "two"}};
  EXPECT_EQ(interpolated("${A}-${B_2}", variables), "one-two");
  EXPECT_EQ(interpolated("\"${EMPTY}\"", variables), "");
  EXPECT_EQ(interpolated("${EMPTY:-default}", variables), "default");
  EXPECT_EQ(interpolated("${NONE:-default}", variables), "default");
  EXPECT_EQ(interpolated("\"${NONE:-}\"", variables), "");
  EXPECT_EQ(interpolated("${A:-default}", variables), "one");
  EXPECT_EQ(interpolated("${A:?must be there}", variables), "one");
  EXPECT_EQ(interpolated("${NONE:-${A}/${NONE:-x}}", variables), "one/x");
  EXPECT_EQ(interpolated("\"${A:-{port}}{port}\"", variables), "one{port}");
  EXPECT_EQ(interpolated("\"${NONE:-{port}}\"", variables), "{port}");
}

TEST(Interpolation, LeavesPlainDollarsAlone) {
  EXPECT_EQ(interpolated("$name $ $1 a$"), "$name $ $1 a$");
  EXPECT_EQ(interpolated("$$name $${A} $$$$"), "$name ${A} $$");
}

TEST(Interpolation, DoesNotScanWhatItPutIn) {
  EXPECT_EQ(interpolated("${A}", {{"A", "${B} $$ {port}"}}), "${B} $$ {port}");
}

TEST(Interpolation, ReachesEveryScalarButNoKey) {
  const Spec spec = must_load(
      minimal("docker: {mem_limit: \"${MEM}\", init: \"${INIT}\", labels: {\"${MEM}\": \"${MEM}\"}}\n"
              "retire: ${RETIRE}"),
      {{"MEM", "64m"}, {"INIT", "true"}, {"RETIRE", "keep"}});
  EXPECT_EQ(spec.docker.mem_limit, 64 << 20);
  EXPECT_TRUE(spec.docker.init);
  EXPECT_THAT(spec.docker.labels, ElementsAre(Pair("${MEM}", "64m")));
  EXPECT_EQ(spec.retire, Retire::keep);
}

TEST(Interpolation, CannotAddStructure) {
  const std::string evil = "x\n  user: root\nservice: evil # {a: [b]} \"'";
  EXPECT_EQ(interpolated("${EVIL}", {{"EVIL", evil}}), evil);
  EXPECT_EQ(interpolated("\"${EVIL}\"", {{"EVIL", evil}}), evil);
}

}  // namespace
}  // namespace bgdeploy::spec
