// A printed spec loads as the same spec, and holds no secret.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "loading.hpp"

namespace bgdeploy::spec {
namespace {

const Variables k_tricky_variables{{"HOME", "/home/jo"}, {"EVIL", "${A} $$ $x {port}\n\"'\\\t: #"}};

std::string full_spec() {
  std::ifstream file(std::string(BGDEPLOY_SOURCE_DIR) + "/docs/spec.md");
  std::ostringstream text;
  text << file.rdbuf();
  const std::size_t begin = text.str().find("```yaml\n") + 8;
  return text.str().substr(begin, text.str().find("```", begin) - begin);
}

Spec same_place(Spec spec) {
  spec.environment.clear();
  return spec;
}

TEST(Render, LoadsBackAsTheSameSpec) {
  const std::string texts[] = {
      minimal(), full_spec(),
      minimal(
          "docker: {environment: {A: \"${EVIL}\", B: \"null\", C: \"~\", D: \"\", E: \"1\"}, command: [], "
          "entrypoint: [\"\", \"-\", \"- a\", \"{}\", \"[\", \"&a\", \"*a\", \"!a\"], "
          "labels: {\"null\": \"no\", \"a: b\": x, \"${X}\": y, \"yes\": z}}\n"),
      minimal("ssh: {sudo: [docker, nginx]}\n")};
  for (const auto& text : texts) {
    const Spec spec = same_place(must_load(text, k_tricky_variables));
    const std::string yaml = render(spec, false);
    EXPECT_EQ(must_load(yaml), spec) << yaml;
  }
}

TEST(Render, LoadsBackWithLocalHostsAndEnvironments) {
  std::string text = full_spec();
  const Spec staging = same_place(must_load(text, k_tricky_variables, "staging"));
  EXPECT_EQ(must_load(render(staging, false)), staging);
  text = minimal();
  text.replace(text.find("web.example.com"), 15, "{host: local, sudo: [docker]}");
  EXPECT_EQ(must_load(render(must_load(text), false)), must_load(text));
}

TEST(Render, PrintsTheSmallestSpecInFull) {
  EXPECT_EQ(render(must_load(minimal()), false), R"(service: app
image: example/app
hosts:
  app:
    - host: web.example.com
      sudo: false
      connect_timeout: 10s
      keepalive: 15s
slots:
  blue:
    port: 8081
    container: app-blue
  green:
    port: 8082
    container: app-green
docker:
  restart: unless-stopped
  read_only: false
  init: false
  stop_grace_period: 30s
health:
  tcp: true
  via: host
  interval: 500ms
  timeout: 2s
  success_threshold: 1
  deadline: 2m
proxy:
  nginx:
    include: /etc/nginx/app.inc
    template: "set $service_url http://{{address}}:{{port}};\n"
    test:
      - nginx
      - "-t"
    reload:
      - nginx
      - "-s"
      - reload
drain:
  timeout: 30s
verify: "off"
retire: stop
order: start_first
strategy: blue_green
parallel: 32
history:
  dir: "~/.local/state/bgdeploy"
  keep: 100
prune:
  images: 3
)");
}

TEST(Render, ShowsSitesAndTheContainer) {
  auto text = minimal();
  const std::string include = "include: /etc/nginx/app.inc";
  text.replace(text.find(include), include.size(),
               "container: web, sites: {from: \"~/s-{port}\", to: \"/e/s-{port}\"}");
  const auto nginx = nlohmann::json::parse(render(must_load(text), true))["proxy"]["nginx"];
  EXPECT_EQ(nginx["sites"], nlohmann::json::parse(R"({"from": "~/s-{port}", "to": "/e/s-{port}"})"));
  EXPECT_EQ(nginx["container"], "web");
  EXPECT_FALSE(nginx.contains("include"));
  EXPECT_FALSE(nginx.contains("template"));
}

TEST(Render, CarriesThatAHostIsReachedDirectly) {
  auto text = minimal();
  text.replace(text.find("[web.example.com]"), 17, "[{host: web.example.com, proxy_jump: none}]");
  const Spec spec = must_load(text);
  EXPECT_EQ(must_load(render(spec, false)), spec);
}

TEST(Render, ShowsSecretsBySource) {
  const Spec spec =
      must_load(minimal("secrets: {A: {env: TOKEN}}\nregistry: {username: ci, password: {file: t}}\n"),
                {{"TOKEN", "hunter2"}});
  const auto json = nlohmann::json::parse(render(spec, true));
  EXPECT_EQ(json["secrets"]["A"], nlohmann::json::parse(R"({"env": "TOKEN"})"));
  EXPECT_EQ(json["registry"]["password"], nlohmann::json::parse(R"({"file": "/srv/app/t"})"));
  EXPECT_EQ(render(spec, true).find("hunter2"), std::string::npos);
  EXPECT_EQ(render(spec, false).find("hunter2"), std::string::npos);
}

TEST(Render, PrintsJsonWithValuesAsTheyAre) {
  const Spec spec = must_load(minimal("docker: {user: \"a$$$$b\"}\n"));
  EXPECT_EQ(nlohmann::json::parse(render(spec, true))["docker"]["user"], "a$$b");
}

RC_GTEST_PROP(Render, CarriesAnyText, ()) {
  const auto printable_text = rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
  Spec spec = must_load(minimal());
  spec.docker.environment["X"] = *printable_text;
  spec.docker.labels["x"] = *printable_text;
  spec.docker.command = *rc::gen::container<std::vector<std::string>>(printable_text);
  RC_ASSERT(must_load(render(spec, false)) == spec);
}

rc::Gen<std::map<std::string, std::string>> any_map() {
  const auto name = rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange<char>('a', 'z')));
  return rc::gen::container<std::map<std::string, std::string>>(
      name, rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127)));
}

Docker any_docker() {
  const auto flag = [] { return *rc::gen::arbitrary<bool>(); };
  const auto texts = rc::gen::container<std::vector<std::string>>(
      rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127)));
  Docker docker;
  docker.environment = *any_map();
  docker.labels = *any_map();
  if (flag()) docker.command = *texts;
  if (flag()) docker.entrypoint = *texts;
  if (flag()) docker.container_port = *rc::gen::element<std::string>("8080", "{port}");
  if (flag()) docker.mem_limit = *rc::gen::inRange<std::int64_t>(6 << 20, std::int64_t{1} << 40);
  if (flag()) docker.shm_size = *rc::gen::inRange<std::int64_t>(1, std::int64_t{1} << 40);
  if (flag()) docker.cpus = *rc::gen::inRange(10, 1'000'000) / 1000.0;
  if (flag()) docker.logging = Logging{"json-file", *any_map()};
  if (flag()) docker.ulimits = {{"nofile", 1, *rc::gen::inRange<std::int64_t>(1, 1 << 30)}, {"core", -1, -1}};
  if (flag()) docker.env_file = {"/srv/.env", "/srv/a b"};
  if (flag()) docker.volumes = {"/a/{slot}:/b", "data:/c:ro"};
  if (flag()) docker.extra_hosts = {"a:10.0.0.1", "six:::1", "h:host-gateway"};
  if (flag()) docker.inherited = {"FROM_HERE"};
  if (flag()) docker.tmpfs = {"/run", "/x:size=64m,mode=1777"};
  if (flag()) docker.cap_add = {"ALL", "NET_ADMIN"};
  if (flag()) docker.stop_signal = "SIGRTMIN+3";
  docker.read_only = flag();
  docker.init = flag();
  docker.stop_grace_period = Duration{*rc::gen::inRange(0, 1'000'000)};
  docker.restart = *rc::gen::element<std::string>("no", "always", "on-failure:3");
  return docker;
}

RC_GTEST_PROP(DockerJson, RoundTrips, ()) {
  const Docker docker = any_docker();
  const auto again = load_docker(docker_to_json(docker));
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == docker);
}

TEST(DockerJson, CarriesEveryKeyOfTheReference) {
  const Docker docker = must_load(full_spec(), k_tricky_variables).docker;
  const auto again = load_docker(docker_to_json(docker));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, docker);
}

TEST(DockerJson, DoesNotInterpolate) {
  Docker docker;
  docker.environment = {{"A", "${HOME} $$"}};
  EXPECT_EQ(load_docker(docker_to_json(docker)), docker);
}

TEST(DockerJson, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(load_docker("{").error().details.front(), "docker: this is not valid JSON");
  EXPECT_EQ(load_docker("[]").error().details.front(), "docker: docker must be a map of keys and values");
  EXPECT_EQ(load_docker(R"({"privileged": true})").error().details.front(),
            "docker: unknown key 'privileged': only a compose file has it, see `compose`");
  EXPECT_EQ(load_docker(R"({"cpus": "x"})").error().details.front(),
            "docker: docker.cpus must be a number above 0, not 'x'");
  EXPECT_FALSE(load_docker(R"({"user": "a\u0000b"})"));
  EXPECT_FALSE(load_docker("{\"labels\":" + std::string(10'000, '[') + std::string(10'000, ']') + "}"));
}

}  // namespace
}  // namespace bgdeploy::spec
