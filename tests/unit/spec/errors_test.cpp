// The reports on wrong specs, word for word.
#include <gtest/gtest.h>

#include "loading.hpp"

namespace bgdeploy::spec {
namespace {

using core::ErrorKind;

// The minimal spec with one piece of it replaced.
std::string with(const std::string& piece, const std::string& other) {
  std::string text = minimal();
  const std::size_t at = text.find(piece);
  EXPECT_NE(at, std::string::npos) << piece;
  return text.replace(at, piece.size(), other);
}
std::string with_host(const std::string& entry) {
  return with("[web.example.com]", "[" + entry + "]");
}

TEST(Report, NamesEveryErrorInFileOrder) {
  EXPECT_EQ(report_of("service: Shop!\n"
                      "imgae: example/app\n"
                      "hosts: {app: [web.example.com, \"-oProxyCommand=id\"]}\n"
                      "slots:\n"
                      "  blue: 80801\n"
                      "  green: 8082\n"
                      "health:\n"
                      "  http: {path: up, port: x}\n"
                      "  interval: 5\n"
                      "proxy: {nginx: {include: conf.d/x.inc}}\n"),
            R"(bgdeploy.yml: 9 errors
bgdeploy.yml:1:1: image is missing
service: Shop!
^
bgdeploy.yml:1:10: service must be a name of a-z, 0-9, '.', '_' and '-' that begins )"
            R"(with a letter or a digit, not 'Shop!'
service: Shop!
         ^
bgdeploy.yml:2:1: unknown key 'imgae', did you mean 'image'?
imgae: example/app
^
bgdeploy.yml:3:32: hosts.app[1] must be [user@]host[:port], not '-oProxyCommand=id'
hosts: {app: [web.example.com, "-oProxyCommand=id"]}
                               ^
bgdeploy.yml:5:9: slots.blue must be a port from 1 to 65535, not '80801'
  blue: 80801
        ^
bgdeploy.yml:8:16: health.http.path must be a path that begins with '/' and has no spaces, not 'up'
  http: {path: up, port: x}
               ^
bgdeploy.yml:8:26: health.http.port must be a port from 1 to 65535, not 'x'
  http: {path: up, port: x}
                         ^
bgdeploy.yml:9:13: health.interval must be a duration such as 500ms, 10s, 2m or 1h, not '5': write 5s
  interval: 5
            ^
bgdeploy.yml:10:26: proxy.nginx.include must be the absolute path of a file, not 'conf.d/x.inc'
proxy: {nginx: {include: conf.d/x.inc}}
                         ^
)");
}

TEST(Report, PutsTheCaretBelowWideCharactersAndTabs) {
  EXPECT_EQ(report_of(minimal("docker: {labels: {이름: a},\timit: true}\n")),
            "bgdeploy.yml: 1 error\n"
            "bgdeploy.yml:7:27: unknown key 'imit', did you mean 'init'?\n"
            "docker: {labels: {이름: a},\timit: true}\n"
            "                           \t^\n");
}

TEST(Report, ShowsAWindowOfALongLine) {
  const std::string report =
      report_of(minimal("docker: {labels: {a: " + std::string(500, 'x') + "}, imit: true}\n"));
  EXPECT_NE(report.find("bgdeploy.yml:7:525: unknown key 'imit'"), std::string::npos) << report;
  EXPECT_NE(report.find("\n" + std::string(57, 'x') + "}, imit: true}\n" + std::string(60, ' ') + "^\n"),
            std::string::npos)
      << report;
}

TEST(Report, DisarmsEscapeSequences) {
  const std::string report = report_of(minimal("\"\x1b[31mx\": 1\n"));
  EXPECT_EQ(report.find('\x1b'), std::string::npos);
  EXPECT_NE(report.find("unknown key '\\x1b[31mx'"), std::string::npos) << report;
}

TEST(Report, CapsWhatItLists) {
  std::string text = minimal();
  for (int i = 0; i < 500; ++i) text += "key" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(load_text(text).error().message, "/srv/app/bgdeploy.yml: at least 100 errors");
}

TEST(Report, PlacesErrorsInTheEnvironmentTheyComeFrom) {
  EXPECT_EQ(report_of(minimal("environments:\n  staging:\n    slots: {blue: x}\n"), {}, "staging"),
            "bgdeploy.yml: 1 error\n"
            "bgdeploy.yml:9:19: slots.blue must be a port from 1 to 65535, not 'x'\n"
            "    slots: {blue: x}\n"
            "                  ^\n");
}

TEST(Report, NamesTheEnvironmentsThereAre) {
  EXPECT_EQ(messages_of(minimal("environments: {staging: {}, prod: {}}\n"), {}, "stagin"),
            "7:1: there is no environment 'stagin'; there are: staging, prod");
  EXPECT_EQ(report_of(minimal(), {}, "x"),
            "bgdeploy.yml: 1 error\nbgdeploy.yml: there is no environment 'x': the spec has none\n");
}

TEST(Report, ChecksTheKeysOfEnvironmentsThatAreNotPicked) {
  EXPECT_EQ(messages_of(minimal(
                "environments: {a: {dokcer: {}}, b: {docker: {memlimit: 1g}}, c: {environments: {}}}\n")),
            "7:20: unknown key 'dokcer', did you mean 'docker'?\n"
            "7:46: unknown key 'memlimit', did you mean 'mem_limit'?\n"
            "7:66: an environment cannot have environments");
}

TEST(Report, SaysWhereAKeyBelongs) {
  const auto of = [](const std::string& line) { return messages_of(minimal(line + "\n")); };
  EXPECT_EQ(of("container_port: 8080"), "7:1: unknown key 'container_port': it belongs below `docker`");
  EXPECT_EQ(of("upstream: shop"), "7:1: unknown key 'upstream': it belongs below `proxy.nginx`");
  EXPECT_EQ(of("docker: {registry: {}}"), "7:10: unknown key 'registry': it belongs to the top of the file");
  EXPECT_EQ(of("docker: {ports: [\"8081:8080\"]}"),
            "7:10: unknown key 'ports': a port is published by `slots` and docker.container_port");
  EXPECT_EQ(of("docker: {depends_on: [db]}"),
            "7:10: unknown key 'depends_on': for several containers use `compose`");
  EXPECT_EQ(messages_of("service: shop\nimage: x\nhosts:\napp: [web-1]\nslots: {blue: 1, green: 2}\n"
                        "health: {tcp: true}\nproxy: none\n"),
            "4:1: 'app' belongs below 'hosts': indent it");
  EXPECT_EQ(messages_of("service: shop\nimage: x\nhosts: {app: [a]}\nslots: {blue: 1, green: 2}\n"
                        "health:\nhttp: {path: up}\ninterval: 1s\nproxy:\n  nginx:\n  include: /a/b.inc\n"),
            "6:1: 'http' belongs below 'health': indent it\n"
            "6:14: health.http.path must be a path that begins with '/' and has no spaces, not 'up'\n"
            "10:3: 'include' belongs below 'nginx': indent it");
  EXPECT_EQ(of("name: shop"), "7:1: unknown key 'name': `service` is the service's name");
  EXPECT_EQ(of("services: {web: {}}"),
            "7:1: unknown key 'services': a compose file is named in `compose: {file: …}`");
  EXPECT_EQ(of("environment: {A: b}"),
            "7:1: unknown key 'environment': it belongs below `docker` or `compose`");
  EXPECT_EQ(of("ssh: {key: x}"), "7:7: unknown key 'key': the private key is ssh.identity_file");
  EXPECT_EQ(of("docker: {privileged: true}"),
            "7:10: unknown key 'privileged': only a compose file has it, see `compose`");
  EXPECT_EQ(messages_of(with("{tcp: true}", "{tcp: true, path: /}")),
            "5:21: unknown key 'path': it belongs below `health.http`");
}

TEST(Report, SaysWhatToWriteWhereAMapOrAListIsWanted) {
  const auto of = [](const std::string& line) { return messages_of(minimal(line + "\n")); };
  const auto health = [](const std::string& value) { return messages_of(with("{tcp: true}", value)); };
  const auto proxy = [](const std::string& value) {
    return messages_of(with("{nginx: {include: /etc/nginx/app.inc}}", value));
  };
  const auto slots = [](const std::string& value) {
    return messages_of(with("{blue: 8081, green: 8082}", value));
  };
  EXPECT_EQ(health("/up"), "5:9: health must be a map of keys and values: write {http: {path: /up}}");
  EXPECT_EQ(health("http://localhost:8080/up"),
            "5:9: health must be a map of keys and values: write {http: {path: /up}}");
  EXPECT_EQ(health("{http: /up}"), "5:16: health.http must be a map of keys and values: write {path: /up}");
  EXPECT_EQ(health("{tcp: true, interval: 5}"),
            "5:31: health.interval must be a duration such as 500ms, 10s, 2m or 1h, not '5': write 5s");
  EXPECT_EQ(proxy("nginx"),
            "6:8: proxy must be a map of keys and values: write {nginx: {include: "
            "/etc/nginx/conf.d/service-url.inc}}, or none");
  EXPECT_EQ(proxy("{nginx: /a/b.inc}"),
            "6:16: proxy.nginx must be a map of keys and values: write {include: /a/b.inc}");
  EXPECT_EQ(slots("[8081, 8082]"), "4:8: slots must name each slot: write {blue: 8081, green: 8082}");
  EXPECT_EQ(slots("[{blue: 8081}, {green: 8082}]"),
            "4:8: slots must be a map of keys and values: leave out the '- ' before its keys");
  EXPECT_EQ(slots("{blue: \"8081:8080\", green: 8082}"),
            "4:15: slots.blue is the port on the host alone: write 8081, and the app's own as "
            "docker.container_port: 8080");
  EXPECT_EQ(of("docker: {container_port: \"8081:8080\"}"),
            "7:26: docker.container_port is the app's own port alone: write 8080; the ports on the host "
            "belong to `slots`");
  EXPECT_EQ(of("drain: 30s"), "7:8: drain must be a map of keys and values: write {timeout: 30s}");
  EXPECT_EQ(of("compose: docker-compose.yml"),
            "7:10: compose must be a map of keys and values: write {file: docker-compose.yml}");
  EXPECT_EQ(of("docker: [container_port: 80]"),
            "7:9: docker must be a map of keys and values: leave out the '- ' before its keys");
  EXPECT_EQ(of("docker: {environment: A=b}"),
            "7:23: docker.environment must be a map of keys and values: write {NAME: value}");
  EXPECT_EQ(of("docker: {environment: [{A: b}]}"),
            "7:24: docker.environment[0] must be NAME=value; in a map leave out the '- '");
  EXPECT_EQ(of("docker: {volumes: /a:/b}"), "7:19: docker.volumes must be a list: write [/a:/b]");
  EXPECT_EQ(of("docker: {networks: {a: }}"),
            "7:20: docker.networks must be a list: begin each of its items with '- '");
  EXPECT_EQ(of("hooks: {before_deploy: ./x.sh}"),
            "7:24: hooks.before_deploy must be a list: write [{run: \"./x.sh\"}]");
  EXPECT_EQ(of("hooks: {before_deploy: [./x.sh]}"),
            "7:25: hooks.before_deploy[0] must be a map of keys and values: write {run: \"./x.sh\"}");
  EXPECT_EQ(of("registry: ghcr.io"),
            "7:11: registry must be a map of keys and values: write {username: NAME, password: {env: "
            "REGISTRY_TOKEN}}; `image` names the registry");
  EXPECT_EQ(of("environments: [staging]"),
            "7:15: environments must be a map of keys and values: write {staging: {…}}");
}

TEST(Report, SaysHowHostsAreWritten) {
  const auto with = [](const std::string& hosts) {
    return messages_of("service: shop\nimage: x\nhosts: " + hosts +
                       "\nslots: {blue: 1, green: 2}\nhealth: {tcp: true}\nproxy: none\n");
  };
  EXPECT_EQ(with("web-1"), "3:8: hosts must say which of them run the slots: write `hosts: {app: [web-1]}`");
  EXPECT_EQ(with("[a, b]"), "3:8: hosts must say which of them run the slots: write `hosts: {app: […]}`");
}

TEST(Report, SaysWhatToDoAboutTheUsualSlipsOfYaml) {
  const auto of = [](const std::string& line) { return messages_of(minimal(line + "\n")); };
  EXPECT_EQ(of("docker: {user: ${X}}"),
            "7:17: this is not valid YAML: end of map flow not found; put the value in quotes");
  EXPECT_EQ(of("docker: {volumes: [/log/{slot}:/log]}"),
            "7:25: this is not valid YAML: end of sequence flow not found; put the value in quotes");
  EXPECT_EQ(of("retire: @x"), "7:9: this is not valid YAML: unknown token; put the value in quotes");
  EXPECT_EQ(of("retire: ${X:?a: b}"),
            "7:15: this is not valid YAML: illegal map value; check the indentation, or put a value that "
            "holds ': ' in "
            "quotes");
}

TEST(Report, SaysWhereAQuoteOpensThatIsNeverClosed) {
  const auto of = [](const std::string& lines) { return messages_of(minimal(lines + "\n")); };
  EXPECT_EQ(of("docker: {user: \"app}"),
            "7:16: the quote that opens here is never closed: put a \" after the value");
  EXPECT_EQ(of("retire: \"stop"),
            "7:9: the quote that opens here is never closed: put a \" after the value");
  EXPECT_EQ(of("retire: 'it''s"), "7:9: the quote that opens here is never closed: put a ' after the value");
  EXPECT_EQ(of("retire: \"a\\\""),
            "7:9: the quote that opens here is never closed: put a \" after the value");
  // The next one closes it.
  EXPECT_EQ(
      of("retire: \"stop\ndocker: {user: \"app\"}"),
      "8:17: this is not valid YAML: end of map not found; the quote that opens in line 7 ends only here: "
      "close it there");
  EXPECT_EQ(of("docker: {labels: {a: \"two\n  lines\", b: 'it''s'}}"), "loaded");
}

TEST(Report, ShowsLinesThatOnlyMentionSecrets) {
  EXPECT_EQ(report_of(minimal("docker:  # secrets are below\n  inti: true\n")),
            "bgdeploy.yml: 1 error\n"
            "bgdeploy.yml:8:3: unknown key 'inti', did you mean 'init'?\n"
            "  inti: true\n"
            "  ^\n");
}

TEST(Unsupported, IsRefusedAndHasItsOwnKind) {
  const std::pair<std::string, std::string> cases[] = {
      {"strategy: rolling",
       "7:1: a strategy other than blue_green is not supported yet: leave it out, and let `watch` take back "
       "a bad "
       "release"},
  };
  for (const auto& [line, message] : cases) {
    EXPECT_EQ(messages_of(minimal(line)), message);
    EXPECT_EQ(load_text(minimal(line)).error().kind, ErrorKind::unsupported) << line;
  }
}

TEST(Strategy, SpelledInAnotherWayIsAMistake) {
  for (const std::string text : {"blue-green", "bluegreen", "Blue_Green", "blue_gren"}) {
    EXPECT_EQ(messages_of(minimal("strategy: " + text + "\n")),
              "7:11: strategy has no '" + text + "', did you mean 'blue_green'?");
    EXPECT_EQ(load_text(minimal("strategy: " + text + "\n")).error().kind, ErrorKind::usage);
  }
}

TEST(Hosts, NeedAnAddressWhereSshDoesNotGiveOne) {
  EXPECT_EQ(messages_of(with("{app: [web.example.com]}", "{app: [{host: b, proxy_jump: j}], proxy: [p]}")),
            "3:9: hosts.app must give 'b' an `address`, by which hosts.proxy reaches it");
  EXPECT_EQ(messages_of(with("{app: [web.example.com]}", "{app: [local], proxy: [p]}")),
            "3:9: hosts.app must give 'local' an `address`, by which hosts.proxy reaches it");
  EXPECT_EQ(messages_of(with("{app: [web.example.com]}", "{app: [local], proxy: [local]}")), "loaded");
  EXPECT_EQ(messages_of(with("{app: [web.example.com]}",
                             "{app: [{host: b, proxy_jump: j, address: 10.0.0.1}], proxy: [p]}")),
            "loaded");
  EXPECT_EQ(messages_of(with("{app: [web.example.com]}", "{app: [{host: b, proxy_jump: none}], proxy: [p]}")),
            "loaded");
}

TEST(Proxy, NoneHasNoProxyHosts) {
  const auto text = with("{nginx: {include: /etc/nginx/app.inc}}", "none");
  EXPECT_EQ(messages_of(text), "loaded");
  EXPECT_FALSE(load_text(text)->proxied);
  auto several = text;
  several.replace(several.find("{app: [web.example.com]}"), 24, "{app: [a], proxy: [a]}");
  EXPECT_EQ(messages_of(several), "3:19: hosts.proxy has no meaning with `proxy: none`");
}

TEST(Unsupported, IsUsageWhenMoreIsWrong) {
  EXPECT_EQ(load_text(minimal("strategy: rolling\nx: 1\n")).error().kind, ErrorKind::usage);
}

TEST(Secrets, AreNeverEchoed) {
  const std::string texts[] = {
      minimal("secrets:\n  A: hunter2\n"),
      minimal("secrets: {A: hunter2}\n"),
      minimal("secrets: hunter2\n"),
      minimal("secrets: [hunter2]\n"),
      minimal("secrets: {A: {env: \"hunter2!\"}}\n"),
      minimal("secrets: {A: {evn: hunter2}}\n"),
      minimal("secrets: {A: {env: {x: hunter2}}}\n"),
      minimal("secrets: {A: {command: \"hunter2 '\"}}\n"),
      minimal("secrets: {A: {hunter2}}\n"),
      minimal("secrets: {A: \"${hunter2!}\"}\n"),
      minimal("secrets: {A: {env: \"${hunter2}\"}}\n"),
      minimal("registry: {username: ci, password: \"x${hunter2\"}\n"),
      minimal("registry: {username: ci, password: {hunter2}}\n"),
      minimal("secrets: {A: *hunter2}\n"),
      minimal("secrets: {A: !hunter2 x}\n"),
      minimal("secrets: {A: hunter2\n"),
      minimal("secrets:\n  A: x: hunter2\n"),
      minimal("secrets: {\n  A: \"\\qhunter2\" }\n"),
      minimal("secrets:\n  A: |\n    x\n    hunter2\n  A: hunter2\n"),
      minimal("registry: {usrname: ci, password: hunter2}\n"),
      minimal("registry:\n  username: [ci]\n  password: hunter2\n"),
      minimal("registry:\n  username: ci\n  password:\n    - hunter2\n"),
      minimal("notify: [{slack: hunter2}]\n"),
      minimal("notify:\n  - webhook: hunter2\n"),
      minimal("notify:\n  - webhook:\n      - hunter2\n"),
      minimal("notify: [{slack: {evn: hunter2}}]\n"),
      minimal("notify: [{slack: \"${hunter2!}\"}]\n"),
      minimal("notify: [{slack: hunter2\n"),
      minimal("environments: {a: {secrets: {A: hunter2}, x: 1}}\n"),
      minimal("registry:\n  username: ci\n  password:hunter2\n"),
      minimal("registry:\n  username: ci\n  password=hunter2\n"),
      minimal("registry:\n  username: ci\n  password:\n  hunter2:\n"),
      minimal("registry: {username: ci, pasword: hunter2}\n"),
      minimal("registry: {username: ci, PASSWORD: hunter2}\n"),
      minimal("registry: \"ci:hunter2\"\n"),
      minimal("password:hunter2: x\n"),
      minimal("Secrets: {DB: hunter2}\n"),
      minimal("notify: [{slak: hunter2}]\n"),
      minimal("notify:\n  - hunter2\n"),
      minimal("ssh: {passphrase: hunter2}\n"),
  };
  for (const auto& text : texts) {
    const std::string report = report_of(text, {}, text.find("environments") == std::string::npos ? "" : "a");
    EXPECT_EQ(report.find("hunter2"), std::string::npos) << report;
    EXPECT_NE(report.find("error"), std::string::npos) << text;
  }
}

TEST(Secrets, AreNotTakenForTheNamesOfTheirVariables) {
  const Variables variables{{"SECRET", "hunter2"}, {"STAGE", "PROD"}, {"PROD_TOKEN", "x"}};
  const auto of = [&](const std::string& source) {
    return report_of(minimal("secrets: {A: {env: \"" + source + "\"}}\n"), variables);
  };
  EXPECT_EQ(of("${SECRET}"),
            "bgdeploy.yml: 1 error\nbgdeploy.yml:7:20: env takes the name of a variable that is set: write {env: "
            "NAME}, without ${…}\n");
  EXPECT_EQ(of("${STAGE}_TOKEN"), "loaded");
  EXPECT_EQ(report_of(minimal("secrets: {A: {file: \"${FILE:?see the wiki}\"}}\n")),
            "bgdeploy.yml: 1 error\nbgdeploy.yml:7:21: variable 'FILE' is not set: see the wiki\n");
}

TEST(Secrets, SayWhereSecretsBelong) {
  EXPECT_EQ(report_of(minimal("secrets:\n  DB: hunter2\n")),
            "bgdeploy.yml: 1 error\n"
            "bgdeploy.yml:8:7: secrets.DB must say where the secret comes from, {env: NAME}, {file: PATH} or "
            "{command: [CMD, …]}; the secret itself does not belong in this file\n");
  EXPECT_EQ(messages_of(minimal("secrets: {A: {}, B: {env: X, file: y}, C: {command: []}, 1D: {env: X}}\n")),
            "7:14: secrets.A must have exactly one of env, file and command\n"
            "7:30: secrets.B must have exactly one of env, file and command, and has env and file\n"
            "7:53: secrets.C.command must name a program\n"
            "7:58: secrets.1D is not a name for an environment variable");
  EXPECT_EQ(messages_of(minimal("docker: {environment: {A: 1}}\nsecrets: {A: {env: X}}\n")),
            "8:11: secrets.A is in docker.environment too; keep it in one of them");
  EXPECT_EQ(messages_of(minimal("registry: {username: ci}\n")), "7:1: registry.password is missing");
}

TEST(Variables, ReportWhatIsMissing) {
  const auto of = [](const std::string& value, const Variables& variables = {}) {
    return messages_of(minimal("docker: {user: \"" + value + "\"}\n"), variables);
  };
  EXPECT_EQ(of("${X}"), "7:16: variable 'X' is not set; ${X:-default} would give it a default");
  EXPECT_EQ(of("${X:?say who}"), "7:16: variable 'X' is not set: say who");
  EXPECT_EQ(of("${X:?}", {{"X", ""}}), "7:16: variable 'X' is empty");
  EXPECT_EQ(of("a ${X"), "7:16: '${' has no '}'; write '$$' for a plain '$'");
  EXPECT_EQ(of("${}"),
            "7:16: '${}' is none of ${VAR}, ${VAR:-default} and ${VAR:?message}; write '$$' for a plain '$'");
  EXPECT_EQ(
      of("${A-b}"),
      "7:16: '${A-b}' is none of ${VAR}, ${VAR:-default} and ${VAR:?message}; write '$$' for a plain '$'");
  EXPECT_EQ(of("${X}", {{"X", "\xFF"}}), "7:16: variable 'X' is not UTF-8");
  EXPECT_EQ(of("${X}", {{"X", std::string("a\0b", 3)}}), "7:16: variable 'X' holds a NUL byte");
  EXPECT_EQ(of("~/x"), "loaded");
  EXPECT_EQ(messages_of(minimal("docker: {env_file: ~/x}")),
            "7:20: docker.env_file begins with '~', but HOME is not set");
}

TEST(Hosts, AreRefusedWhenTheyCouldBeSomethingElse) {
  for (const auto* host : {"\"-oProxyCommand=id\"",
                           "\"a@-b\"",
                           "\"-a@b\"",
                           "\"a b\"",
                           "\"a\\nb\"",
                           "\"a;id\"",
                           "\"$$(id)\"",
                           "\"a@\"",
                           "\"@a\"",
                           "\"a:0\"",
                           "\"a:65536\"",
                           "\"a:x\"",
                           "\"a:\"",
                           "\"[::1\"",
                           "\"[a]:22\"",
                           "\"::1::2\"",
                           "\"a`id`@b\"",
                           "\"\"",
                           "\"a%h\"",
                           "\"[::1]x\"",
                           "\"a@b/c\""}) {
    EXPECT_NE(messages_of(with_host(host)).find("hosts.app[0] must be [user@]host[:port], not"),
              std::string::npos)
        << host << ": " << messages_of(with_host(host));
  }
  EXPECT_EQ(messages_of(with_host("{host: \"-x\"}")),
            "3:22: hosts.app[0].host must be [user@]host[:port], not '-x'");
  EXPECT_EQ(messages_of(with_host("{user: jo}")), "3:15: hosts.app[0].host is missing");
  EXPECT_EQ(messages_of(with_host("{host: jo@a, user: jo}")), "3:34: hosts.app[0].user is in `host` already");
  EXPECT_EQ(messages_of(with_host("{host: a, user: \"-x\"}")),
            "3:31: hosts.app[0].user must be the name of a user, not '-x'");
  EXPECT_EQ(messages_of(with_host("{host: a, proxy_jump: [\"-x\"]}")),
            "3:38: hosts.app[0].proxy_jump[0] must be [user@]host[:port], not '-x'");
  EXPECT_EQ(messages_of(with_host("")), "3:14: hosts.app must name at least one host");
  EXPECT_EQ(messages_of(with("[web.example.com]", "web")), "3:14: hosts.app must be a list: write [web]");
  EXPECT_EQ(messages_of(with("{app: [web.example.com]}", "{}")), "3:1: hosts.app is missing");
}

TEST(Hosts, KnowWhatBelongsToSsh) {
  EXPECT_EQ(messages_of(with_host("{host: local, user: jo, host_key: x}")),
            "3:29: hosts.app[0].user has no meaning for 'local', which is reached without SSH\n"
            "3:39: hosts.app[0].host_key has no meaning for 'local', which is reached without SSH");
  EXPECT_EQ(messages_of(with_host("{host: a, host_key: \"MD5:aa\"}")),
            "3:35: hosts.app[0].host_key must be a fingerprint as `ssh-keygen -l` prints it, SHA256:…, not "
            "'MD5:aa'");
  EXPECT_EQ(messages_of(minimal("ssh: {sudo: [docker, root], port: 0, keepalive: 0s}\n")),
            "7:22: ssh.sudo[1] must be docker or nginx, not 'root'\n"
            "7:35: ssh.port must be a port from 1 to 65535, not '0'\n"
            "7:49: ssh.keepalive must be longer than 0, not '0s'");
  EXPECT_EQ(messages_of(minimal("ssh: {sudo: yes}\n")),
            "7:13: ssh.sudo must be true, false or a list of docker and nginx, not 'yes'");
}

TEST(Image, ComesWithoutTagOrDigest) {
  const auto of = [](const std::string& image) { return messages_of(with("example/app", image)); };
  EXPECT_EQ(of("example/app:1.2"),
            "2:8: image must not carry a tag: write 'example/app' here, and give the tag with --tag");
  EXPECT_EQ(
      of("\"example/app@sha256:00\""),
      "2:8: image must not carry a digest: write 'example/app' here, and give the digest with --digest");
  EXPECT_EQ(of("Example/App"),
            "2:8: image names no valid repository: 'Example/App'; it is such as 'owner/app' or "
            "'registry.example.com:5000/app', in lower case");
  EXPECT_EQ(of("https://ghcr.io/acme/app"),
            "2:8: image must not begin with a scheme: write 'ghcr.io/acme/app'");
  EXPECT_EQ(of("\"\""), "2:8: image must not be empty");
}

TEST(Slots, AreTwoAndDistinct) {
  const auto of = [](const std::string& slots) {
    return messages_of(with("{blue: 8081, green: 8082}", slots));
  };
  EXPECT_EQ(of("{blue: 1}"), "4:1: slots must be exactly two, not 1");
  EXPECT_EQ(of("{a: 1, b: 2, c: 3}"), "4:1: slots must be exactly two, not 3");
  EXPECT_EQ(of("{a: 1, b: 1}"), "4:18: slots.b has the port of slot 'a', 1");
  EXPECT_EQ(of("{a: 1, b: {port: 2, container: app-a}}"),
            "4:18: slots.b has the container of slot 'a', 'app-a'");
  EXPECT_EQ(
      of("{A: 1, b: 2}"),
      "4:9: slots.A must have a name of a-z, 0-9, '.', '_' and '-' that begins with a letter or a digit");
  EXPECT_EQ(of("{a: {container: x y}, b: 2}"),
            "4:9: slots.a.port is missing\n"
            "4:24: slots.a.container must be a container's name: letters, digits, '_', '.' and '-', two at "
            "least, the "
            "first a letter or a digit, not 'x y'");
  EXPECT_EQ(of("[1, 2]"), "4:8: slots must name each slot: write {blue: 1, green: 2}");
}

TEST(HealthErrors, NameTheKindAndTheValue) {
  const auto of = [](const std::string& health) { return messages_of(with("{tcp: true}", health)); };
  EXPECT_EQ(of("{}"), "5:9: health must have exactly one of http, tcp, docker, exec and running");
  EXPECT_EQ(of("{tcp: true, docker: true}"),
            "5:21: health must have exactly one of http, tcp, docker, exec and running, and has tcp and docker; "
            "an environment takes one away with null");
  EXPECT_EQ(of("{tcp: false}"), "5:15: health.tcp must be true; leave it out otherwise");
  EXPECT_EQ(of("{tcp: yes}"),
            "5:15: health.tcp must be true or false, not 'yes'");
  EXPECT_EQ(of("{exec: []}"), "5:16: health.exec must name a program");
  EXPECT_EQ(of("{tcp: true, via: proxy}"), "5:26: health.via must be host or direct, not 'proxy'");
  EXPECT_EQ(of("{tcp: true, success_threshold: 0}"),
            "5:40: health.success_threshold must be a whole number from 1 to 1000, not '0'");
  EXPECT_EQ(of("{tcp: true, timeout: 0s, deadline: 100h}"),
            "5:30: health.timeout must be longer than 0, not '0s'\n"
            "5:44: health.deadline must be at most 24h, not '100h'");
  for (const auto* status : {"2xx", "99", "600", "299-200", "200-", "\"200,,204\"", "\"\""}) {
    EXPECT_NE(of("{http: {status: " + std::string(status) + "}}").find("must be statuses"), std::string::npos)
        << status;
  }
  EXPECT_EQ(of("{http: {headers: {\"X-A\": \"b\\r\\nEvil: 1\"}}}"),
            "5:34: health.http.headers.X-A must be one line without control characters");
  EXPECT_EQ(of("{http: {headers: {\"A\\r\\nB\": c}}}"),
            "5:27: health.http.headers.A\\x0d\\x0aB is not a name for a header");
  EXPECT_EQ(of("{http: {path: \"/a b\"}}"),
            "5:23: health.http.path must be a path that begins with '/' and has no spaces, not '/a b'");
}

TEST(NginxErrors, KeepTheConfigurationClosed) {
  const auto of = [](const std::string& nginx) {
    return messages_of(with("{include: /etc/nginx/app.inc}", nginx));
  };
  EXPECT_EQ(of("{}"), "6:9: proxy.nginx.include is missing");
  EXPECT_EQ(of("{include: /x/}"), "6:26: proxy.nginx.include must be the absolute path of a file, not '/x/'");
  EXPECT_EQ(of("{include: /x, template: \" \"}"), "6:40: proxy.nginx.template must not be empty");
  EXPECT_EQ(of("{include: /x, template: a, upstream: b}"),
            "6:43: proxy.nginx.upstream and template exclude each other");
  EXPECT_EQ(of("{include: /x, upstream: \"a {}\"}"),
            "6:40: proxy.nginx.upstream must be a name of letters, digits, '_', '.' and '-', not 'a {}'");
  EXPECT_EQ(of("{include: /x, address: \"a; return 200\"}"),
            "6:39: proxy.nginx.address must be an address, a name or a placeholder, not 'a; return 200'");
  EXPECT_EQ(of("{include: /x, port: \"80;\"}"),
            "6:36: proxy.nginx.port must be a port from 1 to 65535, {port} or {container_port}, not '80;'");
  EXPECT_EQ(of("{include: /x, test: []}"), "6:36: proxy.nginx.test must name a program");
  EXPECT_EQ(messages_of(with("{nginx: {include: /etc/nginx/app.inc}}", "nginx")),
            "6:8: proxy must be a map of keys and values: write {nginx: {include: "
            "/etc/nginx/conf.d/service-url.inc}}, or none");
}

TEST(NginxErrors, ATemplateNamesWhatHasAValue) {
  const auto of = [](const std::string& text) {
    return messages_of(with("{include: /etc/nginx/app.inc}", "{include: /x, template: \"" + text + "\"}"));
  };
  const std::string place = "6:40: proxy.nginx.template ";
  EXPECT_EQ(of("{{#backends}}{{host}} {{{address}}} {{&port}} {{ container }} {{slot}} {{tag}} "
               "{{weight}}{{/backends}}"),
            "loaded");
  EXPECT_EQ(of("{{^backends}}{{/backends}}{{#tag}}{{tag}}{{/tag}}{{! a remark }}{{=<% %>=}}<%port%> {{x}}"),
            "loaded");
  EXPECT_EQ(of("set $service_url http://{{adress}}:{{port}};"),
            place + "has no value for {{adress}}, did you mean {{address}}?");
  EXPECT_EQ(of("{{#backend}}{{Port}}{{/backend}} {{{hots}}}"),
            place + "has no value for {{#backend}}, did you mean {{#backends}}?\n" + place +
                "has no value for {{Port}}, did you mean {{port}}?\n" + place +
                "has no value for {{hots}}, did you mean {{host}}?");
  EXPECT_EQ(of("{{#backends}}{{prot}}{{/backends}}{{^x-y-z}}{{/x-y-z}}"),
            place + "has no value for {{prot}}, did you mean {{port}}?\n" + place +
                "has no value for {{^x-y-z}}; known are host, address, port, container, slot, tag, weight, "
                "and backends");
  EXPECT_EQ(of("{{backends.0.port}}"), place +
                                           "has no value for {{backends.0.port}}; write {{port}} between "
                                           "{{#backends}} and {{/backends}}");
  EXPECT_EQ(of("{{backends}}"), place +
                                    "names all backends at once: put what is said of each between "
                                    "{{#backends}} and {{/backends}}");
  EXPECT_EQ(of("{{> other}}"), place + "must not take in another one: {{> other}}");
  EXPECT_EQ(of("{{#backends}}{{port}}"), place + "has {{#backends}} without {{/backends}}");
  EXPECT_EQ(of("{{port}}{{/backends}}"), place + "has {{/backends}} where nothing is open");
  EXPECT_EQ(of("{{port"), place + "has a {{ that nothing closes");
  EXPECT_EQ(of("{{=<% %>=}}<%adress%> {{port}}"),
            place + "has no value for {{adress}}, did you mean {{address}}?");
  EXPECT_EQ(of("set $u http://127.0.0.1:{port}; # $${port}"),
            place + "has no value for {port}, write {{port}}");
}

// What nginx is told has to lead somewhere, which the spec alone tells: with its place, and with all the
// rest.
TEST(NginxErrors, ATemplateNamesAllBackends) {
  const auto of = [](const std::string& nginx, const std::string& hosts = "{app: [a, b], proxy: [c]}") {
    return messages_of(with("{app: [web.example.com]}", hosts)
                           .replace(with("{app: [web.example.com]}", hosts).find("{nginx:"),
                                    std::string::npos, "{nginx: {include: /x, " + nginx + "}}\n"));
  };
  const std::string all = "{{#backends}}server {{address}}:{{port}};{{/backends}}";
  EXPECT_EQ(of("template: \"set $x http://{{address}}:{{port}};\""),
            "6:40: proxy.nginx.template does not use all of 2 backends: put what is said of each between "
            "{{#backends}} and {{/backends}}");
  EXPECT_EQ(of("template: \"{{#backends}}x{{/backends}}{{^backends}}{{port}}{{/backends}}\""),
            "6:40: proxy.nginx.template does not use all of 2 backends: put what is said of each between "
            "{{#backends}} and {{/backends}}");
  EXPECT_EQ(
      of("test: nginx -t"),
      "6:9: proxy.nginx must tell of 2 backends: give it `upstream`, or a `template` with {{#backends}}");
  EXPECT_EQ(of("template: \"" + all + "\""), "loaded");
  EXPECT_EQ(of("upstream: shop"), "loaded");
  EXPECT_EQ(of("test: nginx -t", "{app: [a, b]}"), "loaded") << "each fronts itself";
  EXPECT_EQ(of("test: nginx -t", "{app: [a], proxy: [c, d]}"), "loaded");
  EXPECT_EQ(of("template: \"{{#backends}}\""),
            "6:40: proxy.nginx.template has {{#backends}} without {{/backends}}");
}

TEST(NginxErrors, TheSlotsAreNotTheSame) {
  const auto of = [](const std::string& nginx, const std::string& docker = "") {
    return messages_of(with("{include: /etc/nginx/app.inc}", "{include: /x, " + nginx + "}") + docker);
  };
  EXPECT_EQ(of("template: nothing"),
            "6:40: proxy.nginx.template says the same for blue and green: it has to use {{port}} or "
            "{{container}} or {{slot}}");
  EXPECT_EQ(of("template: \"{{host}} {{address}} {{tag}}\""),
            "6:40: proxy.nginx.template says the same for blue and green: it has to use {{port}} or "
            "{{container}} or {{slot}}");
  EXPECT_EQ(of("template: \"{{=<% %>=}}<%port%>\""), "loaded");
  EXPECT_EQ(
      of("template: \"{{=<%=}}\""),
      "6:40: proxy.nginx.template has a {{=…=}} that does not name two delimiters, as {{=<% %>=}} does");
  EXPECT_EQ(of("address: 10.0.0.1, port: 80"),
            "6:55: proxy.nginx.port makes blue and green the same to nginx: use {port} in `port`, or "
            "{container} in `address`");
  EXPECT_EQ(of("upstream: shop, port: 80"),
            "6:52: proxy.nginx.port makes blue and green the same to nginx: use {port} in `port`, or "
            "{container} in `address`");
  EXPECT_EQ(of("address: \"{container}\", port: 80"), "loaded");
  EXPECT_EQ(of("address: 10.0.0.1"), "loaded");
  EXPECT_EQ(of("template: \"{{slot}}\", port: 80"), "loaded");
  const std::string fixed = "docker: {host_ip: none, container_port: 80, networks: [n]}\n";
  EXPECT_EQ(of("container: proxy", fixed), "loaded") << "it is told the containers' names";
  EXPECT_EQ(of("address: 10.0.0.1", fixed),
            "6:39: proxy.nginx.address makes blue and green the same to nginx: use {port} in `port`, or "
            "{container} in `address`");
}

TEST(NginxErrors, ARuleOfSeveralKeysIsToldWithTheOthers) {
  EXPECT_EQ(messages_of(minimal("docker: {host_ip: none, container_port: 80}\nretire: foo\n")),
            "7:19: docker.host_ip is none, so proxy.nginx.address must say how nginx reaches the containers\n"
            "8:9: retire must be stop, remove or keep, not 'foo'");
  EXPECT_EQ(messages_of(with("{blue: 8081, green: 8082}", "{blue: 8081}") + "docker: {host_ip: none}\n"),
            "4:1: slots must be exactly two, not 1")
      << "nobody knows what the rest would mean";
}

TEST(NginxErrors, SitesStandAlone) {
  const auto of = [](const std::string& nginx) {
    return messages_of(with("{include: /etc/nginx/app.inc}", nginx));
  };
  const std::string sites = "sites: {from: \"/f-{port}\", to: \"/e/s-{port}\"}";
  EXPECT_EQ(of("{" + sites + "}"), "loaded");
  for (const std::string other : {"include: /x", "template: a", "upstream: b", "address: c", "port: 80"}) {
    EXPECT_EQ(of("{" + sites + ", " + other + "}"),
              "6:17: proxy.nginx.sites and " + other.substr(0, other.find(':')) + " exclude each other");
  }
  EXPECT_EQ(
      of("{sites: {from: /f, to: /t}}"),
      "6:31: proxy.nginx.sites.from must be another file for each slot: use {slot}, {port} or {container}");
  EXPECT_EQ(of("{sites: {from: \"f-{port}\", to: /t}}"),
            "6:31: proxy.nginx.sites.from must be the absolute path of a file on the proxy host, or one that "
            "begins with '~/', not 'f-{port}'");
  EXPECT_EQ(of("{sites: {from: \"/f-{slot}-{tag}\", to: /t}}"),
            "6:31: proxy.nginx.sites.from must not hold {tag}: use {slot}, {port} or {container}");
  EXPECT_EQ(of("{sites: {from: \"/f-{slot}\", to: \"/e/{slot}/s\"}}"),
            "6:48: proxy.nginx.sites.to must be in one folder for both slots");
  EXPECT_EQ(of("{sites: {from: \"/f-{slot}\", to: \"/f-{slot}\"}}"),
            "6:48: proxy.nginx.sites.to must not be what is copied");
  EXPECT_EQ(of("{sites: {from: \"/f-{slot}\"}}"), "6:17: proxy.nginx.sites.to is missing");
  EXPECT_EQ(of("{include: /x, container: \"-a\"}"),
            "6:41: proxy.nginx.container must be a container's name, not '-a'");
}

TEST(DockerErrors, NameTheValue) {
  const auto of = [](const std::string& docker) {
    return messages_of(minimal("docker: {" + docker + "}\n"));
  };
  EXPECT_EQ(of("environment: {A: [1]}"), "7:27: docker.environment.A must be one value, not a list");
  EXPECT_EQ(of("environment: {\"A B\": 1}"),
            "7:24: docker.environment.A B is not a name for an environment variable");
  EXPECT_EQ(of("environment: [A, A=2]"), "7:27: docker.environment[1] names 'A' a second time");
  EXPECT_EQ(of("environment: [=2]"), "7:24: docker.environment[0] must be NAME=value");
  EXPECT_EQ(of("logging: {options: [max-size]}"), "7:30: docker.logging.options[0] must be NAME=value");
  EXPECT_EQ(of("environment: [A=1, A=2]"), "7:29: docker.environment[1] names 'A' a second time");
  EXPECT_EQ(of("container_port: 0"),
            "7:26: docker.container_port must be a port from 1 to 65535, or {port}, not '0'");
  EXPECT_EQ(of("host_ip: localhost"),
            "7:19: docker.host_ip must be an IP address of the host, or none, not 'localhost'");
  EXPECT_EQ(of("mem_limit: 1m"), "7:21: docker.mem_limit must be at least 6m, not '1m'");
  EXPECT_EQ(of("mem_limit: lots"), "7:21: docker.mem_limit must be a size such as 700m or 1g, not 'lots'");
  EXPECT_EQ(of("cpus: -1"), "7:16: docker.cpus must be a number above 0, not '-1'");
  EXPECT_EQ(of("cpus: nan"), "7:16: docker.cpus must be a number above 0, not 'nan'");
  EXPECT_EQ(
      of("restart: sometimes"),
      "7:19: docker.restart must be no, always, unless-stopped, on-failure or on-failure:N, not 'sometimes'");
  EXPECT_EQ(of("init: on"),
            "7:16: docker.init must be true or false, not 'on'");
  EXPECT_EQ(of("command: \"a 'b\""), "7:19: docker.command has a quote that is never closed");
  EXPECT_EQ(of("labels: {bgdeploy.slot: x}"),
            "7:19: docker.labels.bgdeploy.slot begins with 'bgdeploy.', which bgdeploy keeps for itself");
  EXPECT_EQ(of("ulimits: {nofile: {soft: 2, hard: 1}}"),
            "7:28: docker.ulimits.nofile must not have a soft limit above the hard one");
  EXPECT_EQ(of("logging: {driver: \"\"}"), "7:28: docker.logging.driver must not be empty");
  EXPECT_EQ(of("stop_signal: \"SIG TERM\""),
            "7:23: docker.stop_signal must be a signal such as SIGTERM, not 'SIG TERM'");
  EXPECT_EQ(of("volumes: [\"./log:/log\"]"),
            "7:20: docker.volumes[0] must have an absolute path on the host, or a volume's name, as its "
            "source: nothing "
            "on the host is relative to this file");
  EXPECT_EQ(of("volumes: [\"/a:b\"]"),
            "7:20: docker.volumes[0] must have an absolute path in the container as its target");
  EXPECT_EQ(of("volumes: [\"/a:/b:rx\"]"), "7:20: docker.volumes[0] has a mode that docker does not know");
  EXPECT_EQ(of("extra_hosts: [\"a:b:c\"]"),
            "7:24: docker.extra_hosts[0] must be NAME:ADDRESS or NAME:host-gateway, not 'a:b:c'");
  EXPECT_EQ(of("networks: x"), "7:20: docker.networks must be a list: write [x]");
}

TEST(DockerErrors, NothingIsTakenThatOnlyFailsAtTheStart) {
  const auto of = [](const std::string& docker) {
    return messages_of(minimal("docker: {" + docker + "}\n"));
  };
  EXPECT_EQ(of("extra_hosts: [\"db=10.0.0\"]"),
            "7:24: docker.extra_hosts[0] must be NAME:ADDRESS or NAME:host-gateway, not 'db=10.0.0'");
  EXPECT_EQ(of("extra_hosts: {db: gateway}"),
            "7:28: docker.extra_hosts.db must be an IP address or host-gateway, not 'gateway'");
  EXPECT_EQ(of("extra_hosts: {\"a b\": 1.2.3.4}"), "7:24: docker.extra_hosts.a b is not a name for a host");
  EXPECT_EQ(of("volumes: [\"~/x:/x\"]"), of("volumes: [\"../x:/x\"]"));
  EXPECT_EQ(of("volumes: ['C:\\x:/x']"),
            "7:20: docker.volumes[0] must have an absolute path in the container as its target");
  EXPECT_EQ(of("volumes: [\"d:/x\"]"), "7:20: docker.volumes[0] has no valid name of a volume as its source");
  EXPECT_EQ(of("volumes: [\"/d:/\"]"),
            "7:20: docker.volumes[0] cannot have '/' as its target: that is the container's own root");
  EXPECT_EQ(of("volumes: [\"/d:/x:\"]"), "7:20: docker.volumes[0] has a mode that docker does not know");
  EXPECT_EQ(of("volumes: [\"/d:/x:rw,ro\"]"),
            "7:20: docker.volumes[0] has two modes that exclude each other");
  EXPECT_EQ(of("volumes: [\"/d:/x:nocopy\"]"),
            "7:20: docker.volumes[0] has the mode nocopy, which is for volumes that have a name");
  EXPECT_EQ(of("volumes: [\"data:/x:rshared\"]"),
            "7:20: docker.volumes[0] has a propagation mode, which is for paths of the host");
  EXPECT_EQ(of("volumes: [\"/a:/x\", \"/b:/x\"]"), "7:19: docker.volumes mount '/x' twice in the container");
  EXPECT_EQ(of("tmpfs: /x, volumes: [/x]"), "7:30: docker.volumes mount '/x' twice in the container");
  EXPECT_EQ(of("volumes: [{type: npipe, target: /x}]"),
            "7:27: docker.volumes[0].type must be bind, volume or tmpfs, not 'npipe'");
  EXPECT_EQ(
      of("volumes: [{type: bind, source: data, target: /x}]"),
      "7:41: docker.volumes[0].source must be an absolute path on the host; with a volume's name, type is "
      "volume");
  EXPECT_EQ(
      of("volumes: [{type: volume, source: /data, target: /x}]"),
      "7:43: docker.volumes[0].source must be the name of a volume; with a path of the host, type is bind");
  EXPECT_EQ(of("volumes: [{type: tmpfs, target: /x, bind: {}}]"),
            "7:46: docker.volumes[0].bind has no meaning for a tmpfs: it belongs to type bind");
  EXPECT_EQ(
      of("tmpfs: \"/run:sise=1m\""),
      "7:17: docker.tmpfs has the option 'sise=1m', which tmpfs does not know; such are size=64m, mode=1777, "
      "uid=1000 and noexec");
  EXPECT_EQ(of("tmpfs: run"), "7:17: docker.tmpfs must be an absolute path in the container, not 'run'");
  EXPECT_EQ(of("ulimits: {files: 1}"),
            "7:20: docker.ulimits.files is not a limit that docker knows; such are nofile, nproc and memlock");
  EXPECT_EQ(of("cap_add: [NET_ADMN]"),
            "7:20: docker.cap_add[0] must be a capability such as NET_ADMIN, not 'NET_ADMN'; did you mean "
            "NET_ADMIN?");
  EXPECT_EQ(of("stop_signal: SIGTREM"),
            "7:23: docker.stop_signal must be a signal such as SIGTERM, not 'SIGTREM'");
  EXPECT_EQ(of("cpus: 0.001"), "7:16: docker.cpus must be at least 0.01: docker refuses less");
  EXPECT_EQ(of("socket: tcp://1.2.3.4:2375"),
            "7:18: docker.socket must be the absolute path of a socket on the host, such as "
            "/run/user/1000/podman/podman.sock, not 'tcp://1.2.3.4:2375'");
}

TEST(OtherErrors, NameTheValue) {
  EXPECT_EQ(messages_of(minimal("retire: maybe\n")), "7:9: retire must be stop, remove or keep, not 'maybe'");
  EXPECT_EQ(messages_of(minimal("parallel: 0\n")),
            "7:11: parallel must be a whole number from 1 to 1000, not '0'");
  EXPECT_EQ(messages_of(minimal("drain: 30s\n")),
            "7:8: drain must be a map of keys and values: write {timeout: 30s}");
  EXPECT_EQ(messages_of(minimal("verify: false\n")), "7:9: verify must be a map of host and path, or off");
  EXPECT_EQ(messages_of(minimal("verify: {host: \"a b\"}\n")),
            "7:16: verify.host must be a name or an address, with a port or without, not 'a b'");
  EXPECT_EQ(messages_of(minimal("verify: {path: x}\n")),
            "7:16: verify.path must be a path that begins with '/' and has no spaces, not 'x'");
  EXPECT_EQ(
      messages_of(minimal("history: {dir: state}\n")),
      "7:16: history.dir must be an absolute path on the host, or one that begins with '~/', not 'state'");
}

TEST(Errors, WhatIsPublishedOnTheLoopbackIsOutOfReachOfNginxElsewhere) {
  const auto text = [](const std::string& app, const std::string& proxy, const std::string& nginx = "") {
    return "service: app\nimage: example/app\nhosts: {app: [" + app + "], proxy: [" + proxy +
           "]}\nslots: {blue: 8081, green: 8082}\ndocker: {host_ip: 127.0.0.1, container_port: 80}\n"
           "health: {tcp: true}\nproxy: {nginx: {include: /etc/nginx/app.inc" +
           nginx + "}}\n";
  };
  EXPECT_EQ(messages_of(text("web-1", "front")),
            "5:19: docker.host_ip is 127.0.0.1, which only web-1 itself reaches, and nginx on front is told "
            "the address "
            "of web-1: leave it out, or write an address of web-1 that front reaches");
  EXPECT_NE(messages_of(text("{host: web-1, address: 10.0.0.5}", "front")).find("is told 10.0.0.5"),
            std::string::npos);
  EXPECT_EQ(messages_of(text("web-1", "web-1")), "loaded");
  EXPECT_EQ(messages_of(text("{host: web-1, address: 127.0.0.1}", "front")), "loaded") << "a tunnel";
  EXPECT_EQ(messages_of(text("web-1", "front", ", address: 192.0.2.1")), "loaded") << "the user's word";
  EXPECT_EQ(messages_of(text("web-1", "front", ", port: \"{port}\"")), "loaded") << "somebody's forwarder";
}

TEST(Errors, WhatIsPublishedOnTheLoopbackIsOutOfReachOfADirectCheck) {
  const auto text = [](const std::string& app, const std::string& more,
                       const std::string& health = "tcp: true") {
    return "service: app\nimage: example/app\nhosts: {app: [" + app +
           "]}\nslots: {blue: 8081, green: 8082}\nproxy: none\nhealth: {via: direct, " + health + "}\n" +
           more;
  };
  const std::string refused =
      "6:15: health.via is direct, but the port is published on 127.0.0.1 of web-1, which only web-1 itself "
      "reaches: leave it out, or set docker.host_ip to an address of web-1 that this machine reaches";
  EXPECT_EQ(messages_of(text("web-1", "")), refused);
  EXPECT_EQ(messages_of(text("web-1", "docker: {host_ip: 127.0.0.1}\n")), refused);
  EXPECT_EQ(messages_of(text("web-1", "", "http: {path: /}")), refused);
  EXPECT_EQ(messages_of(text("local, web-1", "")), refused);
  EXPECT_EQ(messages_of(text("local", "")), "loaded");
  EXPECT_EQ(messages_of(text("web-1", "", "docker: true")), "loaded") << "docker asks in the container";
  EXPECT_EQ(messages_of(text("web-1", "docker: {host_ip: 0.0.0.0}\n")), "loaded");
  EXPECT_EQ(messages_of(text("{host: web-1, address: 127.0.0.1}", "")), "loaded") << "a tunnel";
}

}  // namespace
}  // namespace bgdeploy::spec
