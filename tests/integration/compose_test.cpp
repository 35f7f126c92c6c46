// Slots that compose runs, with both versions of it: taking over what was started by hand, launching,
// comparing, stopping and removing, and what a failure leaves behind.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/io/child.hpp"
#include "support/docker_lab.hpp"

namespace bgdeploy {
namespace {

namespace fs = std::filesystem;
using core::ErrorKind;
using testing::Docker;
using testing::DockerLab;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::soon;
using Json = nlohmann::json;

constexpr const char* k_hard_secret =
    "quote\" 'single' $HOME ${X} $$ `id` \\n\nline 2\n\ttab ünïcode 🦀 =";

constexpr const char* k_file = R"(version: "3.9"
services:
  api:
    image: "app:${APP_TAG}"
    command: [/app, serve]
    ports: ["${BGDEPLOY_PORT}:8080"]
    environment:
      - PROFILE=prod
)";

std::string run(const std::vector<std::string>& argv, const std::string& input = "") {
  const auto output = io::run_child(argv, input, soon());
  if (!output) throw std::runtime_error(argv.front() + ": " + output.error().message);
  if (!output->ok()) throw std::runtime_error(core::shell_join(argv) + ": " + output->err);
  return std::string(core::trim(output->out));
}

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The parameter is the version.
class Compose : public ::testing::TestWithParam<int> {
protected:
  Compose() {
    const auto& second = second_version();
    m_program = GetParam() == 1 ? "/usr/bin/docker-compose" : second;
    m_home = DockerLab::get().folder() / "home";
    fs::remove_all(m_home);
    fs::create_directories(m_home);
    setenv("HOME", m_home.c_str(), 1);
  }

  // Downloaded where it is not there yet, so before the lab leaves the machine's network.
  static const std::string& second_version() {
    static const std::string k_path = run({BGDEPLOY_SOURCE_DIR "/tests/lab/compose-v2"});
    return k_path;
  }

  static void settings(spec::Spec& spec) {
    spec.service = "shop";
    spec.compose.emplace();
    spec.compose->file = "/nowhere/compose.yml";
    spec.compose->project = "shop-{slot}";
    spec.compose->environment = {{"APP_TAG", "{tag}"}};
  }

  std::unique_ptr<Docker> docker(const std::function<void(spec::Spec&)>& change = {},
                                 const runtime::SecretValues& secrets = {}) {
    return std::make_unique<Docker>(
        [&](spec::Spec& spec) {
          settings(spec);
          spec.compose->command = {m_program};
          if (change) change(spec);
        },
        secrets);
  }

  static plan::Launch launch(const Docker& docker, const std::string& file = k_file,
                             const std::string& other = "") {
    return {{"release-1", "1", "app", ""},
            plan::ComposeLaunch{*docker.spec().compose, {file, other.empty() ? file : other}}};
  }

  static std::string names() {
    return DockerLab::get().docker({"ps", "-a", "--format", "{{.Names}} {{.State}}"});
  }

  // As a script would: with the file in a folder of the host.
  void by_hand(const std::string& project, const std::string& file, const std::string& text) {
    write(m_home / file, text);
    run({"env", "APP_TAG=1", "BGDEPLOY_PORT=8081", m_program, "-p", project, "-f", m_home / file, "up",
         "-d"});
  }

  // What takes the place of compose: `before` runs first, then compose, then `after`.
  std::string wrapped(const std::string& before, const std::string& after = "") {
    const auto path = m_home / "wrapper";
    write(path,
          "#!/bin/sh\n" + before + "\n" + core::shell_quote(m_program) + " \"$@\" || exit $?\n" + after);
    fs::permissions(path, fs::perms::owner_all);
    return path;
  }

  fs::path m_home;
  std::string m_program;
};

INSTANTIATE_TEST_SUITE_P(Versions, Compose, ::testing::Values(1, 2),
                         [](const auto& version) { return "V" + std::to_string(version.param); });

TEST_P(Compose, StartsASlotWithOurLabelsOnIt) {
  const auto docker = this->docker();
  const auto container = docker->runtime().launch(0, launch(*docker), soon());
  ASSERT_TRUE(container) << container.error().message << ::testing::PrintToString(container.error().details);
  EXPECT_TRUE(container->managed);
  EXPECT_EQ(container->name, GetParam() == 1 ? "shop-blue_api_1" : "shop-blue-api-1");
  EXPECT_EQ(container->release, launch(*docker).release);
  EXPECT_EQ(container->status, plan::Container::Status::running);
  EXPECT_EQ(docker->runtime().reachable(0, container->id, {}, soon())->port, 8081);
  const auto slots = docker->runtime().observe({}, soon());
  ASSERT_TRUE(slots);
  EXPECT_EQ((*slots)[0].container->id, container->id);
  EXPECT_FALSE((*slots)[1].container);
  EXPECT_THAT((*slots)[0].others, IsEmpty());
  // Where a user finds what runs.
  EXPECT_EQ(read(m_home / ".local/state/bgdeploy/shop/compose/blue/compose.yml"), k_file);
}

TEST_P(Compose, SecretsReachTheContainerAndNothingElse) {
  const runtime::SecretValues secrets{{{"HARD", core::Secret(k_hard_secret)},
                                       {"spring.datasource.password", core::Secret("s3cret-dotted")},
                                       {"PATH", core::Secret("s3cret-path")},
                                       {"EMPTY", core::Secret("")}},
                                      {}};
  const auto seen = m_home / "seen";
  const auto docker = this->docker(
      [&](spec::Spec& spec) {
        spec.compose->command = {wrapped("for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done >>" +
                                         seen.string() + " 2>/dev/null")};
      },
      secrets);
  const auto container = docker->runtime().launch(0, launch(*docker), soon());
  ASSERT_TRUE(container) << container.error().message << ::testing::PrintToString(container.error().details);
  std::map<std::string, std::string> environment;
  for (const auto& entry : Json::parse(docker->inspect(container->id, "{{json .Config.Env}}"))) {
    const auto text = entry.get<std::string>();
    environment[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
  }
  EXPECT_EQ(environment["HARD"], k_hard_secret);
  EXPECT_EQ(environment["spring.datasource.password"], "s3cret-dotted");
  EXPECT_EQ(environment["PATH"], "s3cret-path");
  EXPECT_EQ(environment["EMPTY"], "");
  EXPECT_EQ(environment["PROFILE"], "prod");
  EXPECT_THAT(read(seen), HasSubstr("up -d"));
  EXPECT_THAT(read(seen), Not(HasSubstr("s3cret-")));
  EXPECT_THAT(read(seen), Not(HasSubstr("line 2")));
  for (const auto& entry : fs::recursive_directory_iterator(m_home)) {
    if (!entry.is_regular_file()) continue;
    EXPECT_THAT(read(entry.path()), Not(HasSubstr("s3cret-"))) << entry.path();
    EXPECT_THAT(read(entry.path()), Not(HasSubstr("🦀"))) << entry.path();
  }
}

TEST_P(Compose, VariablesMayHaveAnyName) {
  const auto theirs = m_home / "theirs";
  fs::create_directory(theirs);
  const auto docker = this->docker([&](spec::Spec& spec) {
    for (const std::string name : {"at", "file", "directory", "folder", "home"})
      spec.compose->environment[name] = theirs;
    spec.compose->environment["UID"] = "1000";
  });
  const auto wanted = launch(*docker, std::string(k_file) + "      - SEEN=${UID}:${at}\n");
  const auto container = docker->runtime().launch(0, wanted, soon());
  ASSERT_TRUE(container) << container.error().message << ::testing::PrintToString(container.error().details);
  EXPECT_THAT(docker->inspect(container->id, "{{json .Config.Env}}"),
              HasSubstr("SEEN=1000:" + theirs.string()));
  const auto slots = docker->runtime().observe({wanted, wanted}, soon());
  ASSERT_TRUE(slots) << slots.error().message;
  EXPECT_THAT((*slots)[0].container->differences.value(), IsEmpty());
  EXPECT_TRUE(fs::exists(theirs));
}

TEST_P(Compose, KnowsWhatIsRightAlreadyAndWhatChanged) {
  const runtime::SecretValues secrets{{{"KEY", core::Secret("one")}}, {}};
  const auto docker = this->docker({}, secrets);
  ASSERT_TRUE(docker->runtime().launch(0, launch(*docker), soon()));
  auto same = launch(*docker);
  same.release.id = "release-2";
  auto slots = docker->runtime().observe({same, same}, soon());
  ASSERT_TRUE(slots) << slots.error().message << ::testing::PrintToString(slots.error().details);
  EXPECT_THAT((*slots)[0].container->differences.value(), IsEmpty());

  auto other_image = same;
  other_image.release.digest = "sha256:0";
  slots = docker->runtime().observe({other_image, other_image}, soon());
  EXPECT_THAT((*slots)[0].container->differences.value(), ElementsAre("image"));

  const auto changed = launch(*docker, std::string(k_file) + "      - MORE=1\n");
  slots = docker->runtime().observe({changed, changed}, soon());
  EXPECT_THAT((*slots)[0].container->differences.value(),
              ElementsAre("compose file, environment or secrets"));
  const runtime::SecretValues rotated{{{"KEY", core::Secret("two")}}, {}};
  spec::Host local;
  local.name = "local";
  local.local = true;
  const auto here = host::connect(local, soon()).value();
  const auto again = runtime::open(*here, docker->spec(), {}, 0, rotated, soon()).value();
  slots = again.runtime->observe({same, same}, soon());
  EXPECT_THAT((*slots)[0].container->differences.value(),
              ElementsAre("compose file, environment or secrets"));
}

TEST_P(Compose, TakesOverWhatAScriptStarted) {
  const auto docker = this->docker();
  by_hand("shop-blue", "docker-compose-blue.yml", k_file);
  by_hand("shop-blue-2", "look-alike.yml", "services: {api: {image: 'app:1', command: [/app, serve]}}\n");
  auto slots = docker->runtime().observe({}, soon());
  ASSERT_TRUE(slots);
  ASSERT_TRUE((*slots)[0].container);
  const auto old = *(*slots)[0].container;
  EXPECT_FALSE(old.managed);
  EXPECT_EQ(old.release.image, "app");
  EXPECT_EQ(old.release.tag, "1");
  EXPECT_TRUE(old.running());
  EXPECT_FALSE((*slots)[1].container);

  const auto green = docker->runtime().launch(1, launch(*docker), soon());
  ASSERT_TRUE(green) << green.error().message << ::testing::PrintToString(green.error().details);
  slots = docker->runtime().observe({launch(*docker), launch(*docker)}, soon());
  ASSERT_TRUE(slots) << slots.error().message << ::testing::PrintToString(slots.error().details);
  EXPECT_EQ((*slots)[0].container->id, old.id);
  EXPECT_EQ((*slots)[0].container->started, old.started);
  EXPECT_THAT((*slots)[0].container->differences.value(), ElementsAre("image"));
  ASSERT_TRUE(docker->runtime().stop(old.id, std::chrono::seconds(5), soon()));
  ASSERT_TRUE(docker->runtime().remove(old.id, soon()));
  EXPECT_THAT(names(), Not(HasSubstr("shop-blue_api")));
  EXPECT_THAT(DockerLab::get().docker({"network", "ls", "--format", "{{.Name}}"}),
              Not(HasSubstr("shop-blue_default")));
  EXPECT_THAT(names(),
              HasSubstr(GetParam() == 1 ? "shop-blue-2_api_1 running" : "shop-blue-2-api-1 running"));
}

// server-a and server-b in one project, each with a file of its own, on a network made by hand.
TEST_P(Compose, LeavesTheOtherSlotOfASharedProjectAlone) {
  const auto docker = this->docker([](spec::Spec& spec) {
    spec.slots = {spec::Slot{"a", 8080, "evan-a"}, spec::Slot{"b", 8081, "evan-b"}};
    spec.compose->project = "evan";
  });
  DockerLab::get().docker({"network", "create", "evannet"});
  const auto file = [](const std::string& slot, int port) {
    return "version: \"3\"\nservices:\n  server-" + slot +
           ":\n    image: app:1\n    command: [/app, serve]\n    container_name: server-" + slot +
           "\n    ports:\n      - " + std::to_string(port) +
           ":8080\n    restart: always\nnetworks:\n  default:\n    external:\n      name: evannet\n";
  };
  by_hand("evan", "docker-compose.a.yml", file("a", 8080));
  auto wanted = launch(*docker, file("a", 8080), file("b", 8081));
  auto slots = docker->runtime().observe({wanted, wanted}, soon());
  ASSERT_TRUE(slots) << slots.error().message << ::testing::PrintToString(slots.error().details);
  ASSERT_TRUE((*slots)[0].container);
  EXPECT_EQ((*slots)[0].container->name, "server-a");
  const auto old = *(*slots)[0].container;

  const auto b = docker->runtime().launch(1, wanted, soon());
  ASSERT_TRUE(b) << b.error().message << ::testing::PrintToString(b.error().details);
  EXPECT_EQ(b->name, "server-b");
  slots = docker->runtime().observe({}, soon());
  EXPECT_EQ((*slots)[0].container->id, old.id);
  EXPECT_EQ((*slots)[0].container->started, old.started);
  EXPECT_EQ((*slots)[1].container->id, b->id);

  ASSERT_TRUE(docker->runtime().stop(old.id, std::chrono::seconds(5), soon()));
  EXPECT_EQ(docker->inspect(old.id, "{{.HostConfig.RestartPolicy.Name}} {{.State.Status}}"),
            "unless-stopped exited");
  EXPECT_EQ(docker->inspect(b->id, "{{.HostConfig.RestartPolicy.Name}} {{.State.Status}}"), "always running");
  ASSERT_TRUE(docker->runtime().remove(old.id, soon()));
  EXPECT_EQ(names(), "server-b running");
  EXPECT_THAT(DockerLab::get().docker({"network", "ls", "--format", "{{.Name}}"}), HasSubstr("evannet"));
}

constexpr const char* k_two = R"(services:
  api:
    image: app:1
    command: [/app, serve]
    ports: ["${BGDEPLOY_PORT}:8080"]
    restart: always
  side:
    image: app:1
    command: SIDE
    restart: "no"
)";

std::string two(const std::string& side) {
  std::string text = k_two;
  return text.replace(text.find("SIDE"), 4, side);
}

void name_service(spec::Spec& spec) {
  spec.compose->service = "api";
}

TEST_P(Compose, StopsStartsAndRemovesTheWholeProjectOfASlot) {
  const auto docker = this->docker(name_service);
  const auto container = docker->runtime().launch(0, launch(*docker, two("[/app, serve]")), soon());
  ASSERT_TRUE(container) << container.error().message << ::testing::PrintToString(container.error().details);
  EXPECT_EQ(core::split_lines(names()).size(), 2U);
  EXPECT_THAT(names(), Not(HasSubstr("exited")));
  ASSERT_TRUE(docker->runtime().stop(container->id, std::chrono::seconds(5), soon()));
  EXPECT_THAT(names(), Not(HasSubstr("running")));
  EXPECT_EQ(docker->inspect(container->id, "{{.HostConfig.RestartPolicy.Name}}"), "unless-stopped");
  ASSERT_TRUE(docker->runtime().start(container->id, soon()));
  EXPECT_THAT(names(), Not(HasSubstr("exited")));
  EXPECT_EQ(docker->inspect(container->id, "{{.HostConfig.RestartPolicy.Name}}"), "always");
  ASSERT_TRUE(docker->runtime().stop(container->id, std::chrono::seconds(5), soon()));
  ASSERT_TRUE(docker->runtime().remove(container->id, soon()));
  EXPECT_EQ(names(), "");
  EXPECT_THAT(DockerLab::get().docker({"network", "ls", "--format", "{{.Name}}"}),
              Not(HasSubstr("shop-blue")));
}

// What is beside it may be meant to end, and nothing says what policy a start would have to put back.
TEST_P(Compose, AStopChangesOnFailureOfTheServiceAlone) {
  const auto docker = this->docker(name_service);
  auto file = two("[/app, serve]");
  file.replace(file.find("always"), 6, "on-failure:2");
  file.replace(file.find("\"no\""), 4, "on-failure");
  const auto container = docker->runtime().launch(0, launch(*docker, file), soon());
  ASSERT_TRUE(container) << container.error().message << ::testing::PrintToString(container.error().details);
  const auto side =
      DockerLab::get().docker({"ps", "-aq", "--filter", "label=com.docker.compose.service=side"});
  const auto policies = [&] {
    const std::string format =
        "{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}";
    return docker->inspect(container->id, format) + ", " + docker->inspect(side, format);
  };
  EXPECT_EQ(policies(), "on-failure 2, on-failure 0");
  ASSERT_TRUE(docker->runtime().stop(container->id, std::chrono::seconds(5), soon()));
  EXPECT_EQ(policies(), "unless-stopped 0, on-failure 0");
  ASSERT_TRUE(docker->runtime().start(container->id, soon()));
  EXPECT_EQ(policies(), "on-failure 2, on-failure 0");
}

TEST_P(Compose, TellsWhatFailsBesideTheService) {
  const auto docker = this->docker(name_service);
  const auto container = docker->runtime().launch(
      0, launch(*docker, two("[/app, print, '', \"no such database\", \"3\"]")), soon());
  ASSERT_TRUE(container) << container.error().message << ::testing::PrintToString(container.error().details);
  const auto list =
      DockerLab::get().docker({"ps", "-aq", "--filter", "label=com.docker.compose.service=side"});
  ASSERT_TRUE(docker->runtime().await_exit(list, soon()));
  const auto told = docker->runtime().neighbours(0, soon());
  ASSERT_TRUE(told);
  EXPECT_THAT(*told, ElementsAre("service side exited with exit code 3: no such database"));
}

TEST_P(Compose, AFailedLaunchSaysWhyAndLeavesNothing) {
  const auto docker = this->docker(name_service);
  const auto broken = docker->runtime().launch(0, launch(*docker, two("[/no-such-program]")), soon());
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr("failed with exit code"));
  EXPECT_THAT(::testing::PrintToString(broken.error().details), HasSubstr("/no-such-program"));
  EXPECT_EQ(names(), "");
  EXPECT_THAT(DockerLab::get().docker({"network", "ls", "--format", "{{.Name}}"}),
              Not(HasSubstr("shop-blue")));
}

TEST_P(Compose, AFailedLaunchLeavesWhatOthersStartedMeanwhile) {
  // As `docker compose run` and `up` of another service would, while ours is under way.
  const auto meanwhile = [&](const std::string& project, const std::string& service, bool oneoff) {
    return wrapped(
        "case \"$*\" in *' up '*) docker create --name theirs --label com.docker.compose.project=" + project +
        " --label com.docker.compose.service=" + service +
        " --label com.docker.compose.container-number=1 --label com.docker.compose.oneoff=" +
        (oneoff ? "True" : "False") + " app:1 >/dev/null;; esac");
  };
  {
    const auto docker = this->docker([&](spec::Spec& spec) {
      name_service(spec);
      spec.compose->command = {meanwhile("shop-blue", "api", true)};
    });
    ASSERT_FALSE(docker->runtime().launch(0, launch(*docker, two("[/no-such-program]")), soon()));
    EXPECT_EQ(names(), "theirs created");
  }
  const auto docker = this->docker([&](spec::Spec& spec) {
    spec.compose->project = "shop";
    spec.compose->service = "api-{slot}";
    spec.compose->command = {meanwhile("shop", "other", false)};
  });
  const std::string file =
      "services:\n  api-blue:\n    image: app:1\n    command: [/no-such-program]\n    ports: ['8081:8080']\n"
      "    depends_on: [db]\n  db:\n    image: app:1\n    command: [/app, serve]\n"
      "  other:\n    image: app:1\n";
  ASSERT_FALSE(docker->runtime().launch(0, launch(*docker, file), soon()));
  EXPECT_EQ(names(), "theirs created");
}

TEST_P(Compose, AnInterruptedLaunchEndsComposeAndLeavesNothing) {
  const auto begun = m_home / "begun", ended = m_home / "ended";
  const auto docker = this->docker([&](spec::Spec& spec) {
    name_service(spec);
    spec.compose->command = {wrapped("",
                                     "case \"$*\" in *' up '*) ;; *) exit 0;; esac\n"
                                     "trap ': >" +
                                         ended.string() + "; exit 1' TERM\n: >" + begun.string() +
                                         "\ntail -f /dev/null & wait")};
  });
  std::stop_source stop;
  std::jthread interrupt([&] {
    while (!fs::exists(begun)) std::this_thread::yield();
    stop.request_stop();
  });
  const auto started =
      docker->runtime().launch(0, launch(*docker, two("[/app, serve]")),
                               core::Wait::for_at_most(std::chrono::seconds(60), stop.get_token()));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::cancelled);
  EXPECT_TRUE(fs::exists(ended));
  EXPECT_EQ(names(), "");
}

TEST_P(Compose, AFileOnTheHostKeepsItsFolderAndLendsNoName) {
  const auto folder = m_home / "srv";
  write(folder / ".env", "COMPOSE_PROJECT_NAME=elsewhere\nCOMPOSE_FILE=other.yml\nFROM_DOT_ENV=yes\n");
  write(folder / "app.env", "FROM_ENV_FILE=yes\n");
  write(folder / "compose.yml",
        "services:\n  api:\n    image: app:1\n    command: [/app, serve]\n    env_file: app.env\n"
        "    environment: {DOT: \"${FROM_DOT_ENV}\"}\n    ports: [\"${BGDEPLOY_PORT}:8080\"]\n"
        "    volumes: [\"./data:/data\"]\n    build: .\n");
  setenv("COMPOSE_PROJECT_NAME", "of-the-login", 1);
  const auto docker = this->docker([](spec::Spec& spec) {
    spec.compose->file = "";
    spec.compose->remote_file = "~/srv/compose.yml";
  });
  const auto container = docker->runtime().launch(1, launch(*docker, "", ""), soon());
  unsetenv("COMPOSE_PROJECT_NAME");
  ASSERT_TRUE(container) << container.error().message << ::testing::PrintToString(container.error().details);
  EXPECT_THAT(container->name, HasSubstr("shop-green"));
  const auto environment = docker->inspect(container->id, "{{json .Config.Env}}");
  EXPECT_THAT(environment, HasSubstr("FROM_ENV_FILE=yes"));
  EXPECT_THAT(environment, HasSubstr("DOT=yes"));
  EXPECT_THAT(docker->inspect(container->id, "{{range .Mounts}}{{.Source}}{{end}}"),
              HasSubstr((folder / "data").string()));
  auto same = launch(*docker, "", "");
  const auto slots = docker->runtime().observe({same, same}, soon());
  ASSERT_TRUE(slots) << slots.error().message << ::testing::PrintToString(slots.error().details);
  EXPECT_THAT((*slots)[1].container->differences.value(), IsEmpty());
}

TEST_P(Compose, RefusesAFileThatCannotWorkBeforeAnythingIsTouched) {
  const auto docker = this->docker();
  auto wanted = launch(*docker, two("[/app, serve]"));
  auto slots = docker->runtime().observe({wanted, wanted}, soon());
  ASSERT_FALSE(slots);
  EXPECT_EQ(slots.error().kind, ErrorKind::usage);
  EXPECT_EQ(
      slots.error().message,
      "the compose file of slot blue has 2 services (api, side): say in compose.service which one answers "
      "health checks");
  wanted = launch(*docker, "services: {api: {image: 'app:1', ports: ['8081:8080']}}\n");
  slots = docker->runtime().observe({wanted, wanted}, soon());
  ASSERT_FALSE(slots);
  EXPECT_EQ(slots.error().message, "service api of slot green does not publish port 8082");
  wanted = launch(*docker, "services: {api: {image: 'app:1', potrs: ['8081:8080']}}\n");
  slots = docker->runtime().observe({wanted, wanted}, soon());
  ASSERT_FALSE(slots);
  EXPECT_THAT(slots.error().message, HasSubstr("the compose file of slot"));
  EXPECT_THAT(::testing::PrintToString(slots.error().details), HasSubstr("potrs"));
  EXPECT_EQ(names(), "");
}

TEST_P(Compose, KnowsTheImageFromTheFile) {
  const auto docker = this->docker([](spec::Spec& spec) { spec.image = ""; });
  auto wanted = launch(*docker, "services: {api: {image: 'registry:5000/own/app:${APP_TAG}'}}\n");
  wanted.release.image = "";
  EXPECT_EQ(docker->runtime().repository(wanted, soon()).value(), "registry:5000/own/app");
}

}  // namespace
}  // namespace bgdeploy
