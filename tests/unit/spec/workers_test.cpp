// Services without HTTP and port, what may not run twice, who is told, and what is kept.
#include "bgdeploy/spec/notify.hpp"
#include "loading.hpp"

namespace bgdeploy::spec {
namespace {

std::string worker(const std::string& more = "", const std::string& health = "{running: {for: 10s}}",
                   const std::string& proxy = "none") {
  return "service: jobs\nimage: example/jobs\nhosts: {app: [web]}\nslots: [blue, green]\nhealth: " + health +
         "\nproxy: " + proxy + "\n" + more;
}

TEST(Workers, HaveSlotsWithoutAPort) {
  const Spec spec = must_load(worker());
  EXPECT_TRUE(is_worker(spec));
  EXPECT_EQ(spec.slots[0], (Slot{"blue", 0, "jobs-blue"}));
  EXPECT_EQ(spec.slots[1], (Slot{"green", 0, "jobs-green"}));
  EXPECT_EQ(spec.health.probe, (decltype(spec.health.probe){HealthRunning{std::chrono::seconds(10)}}));
  EXPECT_FALSE(spec.proxied);
  EXPECT_EQ(must_load(render(spec, false)), spec);
  EXPECT_FALSE(is_worker(must_load(minimal())));
}

TEST(Workers, AreHealthyByWhatNeedsNoPort) {
  for (const char* health : {"{docker: true}", "{exec: [/app, ok]}", "{running: {}}", "{http: {port: 9000}}"})
    EXPECT_EQ(messages_of(worker("", health)), "loaded") << health;
  EXPECT_EQ(messages_of(worker("", "{tcp: true}")),
            "5:10: health.tcp has no meaning where the slots have no ports");
  EXPECT_EQ(messages_of(worker("", "{http: {path: /}}")),
            "5:10: health.http must name the container's `port`, since the slots have none");
  EXPECT_EQ(messages_of(worker("", "{docker: true, via: direct}")),
            "5:24: health.via must be host where the slots have no ports: nothing is published");
  EXPECT_EQ(messages_of(worker("", "{running: {for: 2m}}")),
            "5:10: health.running must be shorter than health.deadline");
}

TEST(Workers, HaveNoProxyAndPublishNothing) {
  EXPECT_EQ(
      messages_of(worker("", "{docker: true}", "{nginx: {include: /etc/nginx/a.inc}}")),
      "6:1: proxy needs slots with ports, {blue: 8081, green: 8082}; a worker, whose slots are a list, has "
      "`proxy: none`");
  EXPECT_EQ(messages_of(worker("docker: {container_port: 80, host_ip: none}\n")),
            "7:10: docker.container_port has no meaning where the slots have no ports\n"
            "7:30: docker.host_ip has no meaning where the slots have no ports");
}

TEST(Workers, HaveTwoSlotsWithNames) {
  const auto of = [](const std::string& slots) {
    auto text = worker();
    text.replace(text.find("[blue, green]"), 13, slots);
    return messages_of(text);
  };
  EXPECT_EQ(of("[blue]"), "4:1: slots must be exactly two, not 1");
  EXPECT_EQ(of("[blue, blue]"), "4:15: slots[1] is there twice: 'blue'");
  EXPECT_NE(of("[8081, 8082]").find("4:8: slots must name each slot"), std::string::npos)
      << of("[8081, 8082]");
}

TEST(Order, StopFirstIsForWhatNobodyAsks) {
  EXPECT_EQ(must_load(worker("order: stop_first\n")).order, Order::stop_first);
  EXPECT_EQ(must_load(worker()).order, Order::start_first);
  EXPECT_EQ(messages_of(minimal("order: stop_first\n")),
            "7:1: order must be start_first behind a proxy: nobody would be served in between");
  EXPECT_EQ(messages_of(worker("order: stop_first\nretire: keep\n")),
            "7:1: order must be start_first with `retire: keep`, which lets both run");
}

TEST(NotifyKeys, SayWhoIsToldOfWhat) {
  const Spec spec = must_load(minimal(
      "notify: [{slack: {env: SLACK}}, {webhook: {file: hook}, on: [failed, rolled_back]}, {slack: {env: S}, "
      "on: held}]\n"));
  ASSERT_EQ(spec.notify.size(), 3U);
  EXPECT_EQ(spec.notify[0], (Notify{Notify::Kind::slack, FromEnv{"SLACK"}, {}}));
  EXPECT_EQ(spec.notify[1],
            (Notify{Notify::Kind::webhook, FromFile{"/srv/app/hook"}, {"failed", "rolled_back"}}));
  EXPECT_EQ(spec.notify[2].on, std::vector<std::string>{"held"});
  EXPECT_EQ(must_load(render(spec, false)), spec);
}

TEST(NotifyKeys, NameWhatIsWrong) {
  EXPECT_EQ(messages_of(minimal("notify: [{on: failed}]\n")),
            "7:10: notify[0] must have exactly one of slack and webhook");
  EXPECT_EQ(messages_of(minimal("notify: [{slack: {env: A}, webhook: {env: B}}]\n")),
            "7:28: notify[0] must have exactly one of slack and webhook, and has slack and webhook");
  EXPECT_EQ(messages_of(minimal("notify: [{slack: {env: A}, on: [faild]}]\n")),
            "7:33: notify[0].on[0] must be succeeded, unchanged, held, failed, rolled_back, interrupted or "
            "inconsistent, not 'faild'");
  EXPECT_EQ(messages_of(minimal("notify: [{slck: {env: A}}]\n")),
            "7:10: notify[0] must have exactly one of slack and webhook\n"
            "7:11: unknown key 'slck', did you mean 'slack'?");
}

TEST(PruneKeys, SayHowManyReleasesAreKept) {
  EXPECT_EQ(must_load(minimal()).prune.images, 3);
  EXPECT_EQ(must_load(minimal("prune: {images: 0}\n")).prune.images, 0);
  EXPECT_EQ(messages_of(minimal("prune: {images: -1}\n")),
            "7:17: prune.images must be a whole number from 0 to 1000, not '-1'");
}

}  // namespace
}  // namespace bgdeploy::spec
