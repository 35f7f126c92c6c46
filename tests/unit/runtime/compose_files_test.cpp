#include "bgdeploy/runtime/compose_files.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "bgdeploy/host/child.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

spec::Spec spec_for_tests() {
  spec::Spec spec;
  spec.service = "shop";
  spec.slots = {spec::Slot{"blue", 8081, "shop-blue"}, spec::Slot{"green", 8082, "shop-green"}};
  spec.compose.emplace();
  spec.compose->project = "shop-{slot}";
  spec.compose->environment = {{"TAG", "{tag} on {host} {slot}:{port} {x}"}};
  return spec;
}

plan::Launch launch_of(const spec::Spec& spec) {
  return {{"id-1", "1.0$x", "own/app", "sha256:ab"}, {}, plan::ComposeLaunch{*spec.compose, {}}};
}

TEST(ComposeVersion, IsToldByWhatIsPrinted) {
  EXPECT_THAT(
      compose_version("docker-compose version 1.29.2, build unknown\ndocker-py version: 5.0.3\n").value(),
      ElementsAre(1, 29));
  EXPECT_THAT(compose_version("Docker Compose version v2.26.1-4\n").value(), ElementsAre(2, 26));
  EXPECT_THAT(compose_version("Docker Compose version 2.39.1+ds1\n").value(), ElementsAre(2, 39));
  EXPECT_EQ(compose_version("docker-compose version 1.25.5, build 8a1c60f6").error().kind,
            ErrorKind::unsupported);
  EXPECT_EQ(compose_version("docker-compose version 1.25.5, build 8a1c60f6").error().message,
            "docker-compose 1.25 is too old: 1.27 is needed");
  EXPECT_EQ(compose_version("hello").error().kind, ErrorKind::refused);
}

TEST(ComposeOverride, PinsTheImageAndNamesSecretsOnly) {
  auto spec = spec_for_tests();
  const SecretValues secrets{{{"A.B", core::Secret("hidden")}, {"KEY", core::Secret("hidden")}}, {}};
  const spec::ComposeService service{"api", "own/app:x", "", "always", "", {}};
  const auto text = compose_override(spec, 0, launch_of(spec), service, secrets);
  EXPECT_THAT(text, Not(HasSubstr("hidden")));
  const auto json = Json::parse(text);
  ASSERT_EQ(json["services"].size(), 1U);
  const auto& api = json["services"]["api"];
  EXPECT_EQ(api["image"], "own/app@sha256:ab");
  EXPECT_EQ(api["labels"], (Json{{"bgdeploy.service", "shop"},
                                 {"bgdeploy.slot", "blue"},
                                 {"bgdeploy.release", "id-1"},
                                 {"bgdeploy.tag", "1.0$$x"},
                                 {"bgdeploy.digest", "sha256:ab"},
                                 {"bgdeploy.image", "own/app"},
                                 {"bgdeploy.restart", "always"}}));
  EXPECT_EQ(api["environment"], (Json{{"A.B", "${BGDEPLOY_SECRET_0}"}, {"KEY", "${BGDEPLOY_SECRET_1}"}}));
  EXPECT_FALSE(api.contains("container_name"));
  spec.compose->named = {true, false};
  EXPECT_EQ(Json::parse(
                compose_override(spec, 0, launch_of(spec), service, {}))["services"]["api"]["container_name"],
            "shop-blue");
}

TEST(ComposeEnvironment, HoldsWhatTheFileMayAskFor) {
  const auto spec = spec_for_tests();
  const SecretValues secrets{
      {{"A.B", core::Secret("dotted")}, {"DOCKER_HOST", core::Secret("no")}, {"KEY", core::Secret("k")}}, {}};
  const auto environment =
      compose_environment(spec, 1, launch_of(spec), {"web-1", "10.0.0.1", "0.0.0.0"}, secrets);
  ASSERT_TRUE(environment);
  std::map<std::string, std::string> seen;
  for (const auto& [name, value] : *environment) seen[name] = value.reveal();
  EXPECT_EQ(seen, (std::map<std::string, std::string>{{"BGDEPLOY_IMAGE", "own/app@sha256:ab"},
                                                      {"BGDEPLOY_PORT", "8082"},
                                                      {"BGDEPLOY_SECRET_0", "dotted"},
                                                      {"BGDEPLOY_SECRET_1", "no"},
                                                      {"BGDEPLOY_SECRET_2", "k"},
                                                      {"BGDEPLOY_SLOT", "green"},
                                                      {"BGDEPLOY_TAG", "1.0$x"},
                                                      {"KEY", "k"},
                                                      {"TAG", "1.0$x on web-1 green:8082 {x}"}}));
  const SecretValues binary{{{"KEY", core::Secret("\xff")}}, {}};
  EXPECT_EQ(compose_environment(spec, 1, launch_of(spec), {}, binary).error().message,
            "the secret KEY is not UTF-8 text, and compose carries nothing else");
}

// The shell itself is asked what it makes of the script.
TEST(ComposeScript, ArrivesByteForByte) {
  const std::string hard = "a'b\"c $(touch /nowhere) `id` \\ \n\nend\n";
  const std::string print = "printf '[%s]' \"$@\" \"$HARD\" \"${COMPOSE_FILE-unset}\"; cat \"$4\"";
  const ComposeCall call{.program = {"sh", "-c", print, "sh"},
                         .folder = "it's/one",
                         .file = hard,
                         .remote_file = {},
                         .second_file = {},
                         .keep = false,
                         .project = "p",
                         .environment = {{"HARD", core::Secret(hard)}},
                         .arguments = {"config", hard}};
  const auto script = compose_script(call);
  const auto wait = core::Wait::for_at_most(std::chrono::seconds(20));
  const auto output = host::run_child({"env", "HOME=/home/jo", "COMPOSE_FILE=x", "TMPDIR=/tmp", "sh", "-s"},
                                      script.reveal(), wait);
  ASSERT_TRUE(output);
  EXPECT_EQ(output->err, "");
  EXPECT_THAT(output->out, testing::StartsWith("[-p][p][-f][/tmp/bgdeploy."));
  EXPECT_THAT(output->out,
              testing::EndsWith("/compose.yml][--project-directory][/home/jo/.local/state/bgdeploy/it's/"
                                "one][config][" +
                                hard + "][" + hard + "][unset]" + hard));
}

// What users call their variables is theirs, whatever the host's sh is and keeps for itself.
TEST(ComposeScript, PassesVariablesOfAnyName) {
  std::string folder = "/tmp/bgdeploy-theirs-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::map<std::string, core::Secret> theirs{
      {"UID", core::Secret("1000")},     {"PPID", core::Secret("it's 1")}, {"GROUPS", core::Secret("2")},
      {"PWD", core::Secret("/nowhere")}, {"OPTIND", core::Secret("3")},    {"BASHOPTS", core::Secret("y")},
      {"at", core::Secret(folder)},      {"file", core::Secret("f")},      {"folder", core::Secret("o")},
      {"home", core::Secret("h")},       {"directory", core::Secret("d")}, {"IFS", core::Secret("/")}};
  const std::vector<std::vector<std::string>> shells{{"sh", "-s"}, {"bash", "-c", "exec -a sh bash -s"}};
  for (const auto& shell : shells) {
    for (const bool resolved : {false, true}) {
      SCOPED_TRACE(shell.front() + (resolved ? " resolved" : ""));
      const std::string print = "tr '\\0' '\\n' </proc/$$/environ; test \"$4\" = - || cat \"$4\"";
      const ComposeCall call{.program = {"sh", "-c", print, "sh"},
                             .folder = "shop/blue",
                             .file = "the file\n",
                             .remote_file = {},
                             .second_file = {},
                             .keep = false,
                             .project = "p",
                             .environment = theirs,
                             .arguments = {"config"},
                             .resolved = resolved};
      std::vector<std::string> argv{"env", "HOME=/home/jo"};
      argv.insert(argv.end(), shell.begin(), shell.end());
      const auto output = host::run_child(argv, compose_script(call).reveal(),
                                          core::Wait::for_at_most(std::chrono::seconds(20)));
      ASSERT_TRUE(output);
      EXPECT_EQ(output->exit_code, 0) << output->err;
      for (const auto& [name, value] : theirs)
        EXPECT_THAT("\n" + output->out, HasSubstr("\n" + name + "=" + value.reveal() + "\n"));
      if (!resolved) {
        EXPECT_THAT(output->out, testing::EndsWith("the file\n"));
      }
      EXPECT_TRUE(std::filesystem::is_directory(folder)) << "what a variable of the user names was removed";
    }
  }
  std::filesystem::remove(folder);
}

}  // namespace
}  // namespace bgdeploy::runtime
