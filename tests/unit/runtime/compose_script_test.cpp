#include "runtime/compose/script.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bgdeploy/io/child.hpp"

namespace bgdeploy::runtime {
namespace {

namespace fs = std::filesystem;

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
  return {{"id-1", "1.0$x", "own/app", "sha256:ab"}, plan::ComposeLaunch{*spec.compose, {}}};
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
  const auto fronted = Json::parse(compose_override(spec, 0, launch_of(spec), service, {}, "web-1 web-2"));
  EXPECT_EQ(fronted["services"]["api"]["labels"]["bgdeploy.proxies"], "web-1 web-2");
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
  const auto output = io::run_child({"env", "HOME=/home/jo", "COMPOSE_FILE=x", "TMPDIR=/tmp", "sh", "-s"},
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
      const auto output = io::run_child(argv, compose_script(call).reveal(),
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

// What stands beside the file, in a folder of its own for the test.
class ComposeBeside : public testing::Test {
protected:
  using Kind = plan::ComposeFile::Kind;
  ComposeBeside() {
    std::string folder = "/tmp/bgdeploy-beside-XXXXXX";
    m_home = mkdtemp(folder.data());
  }
  ~ComposeBeside() override { fs::remove_all(m_home); }

  static plan::ComposeFile file(const std::string& path, const std::string& text, Kind kind = Kind::part) {
    return {path, kind, false, core::Secret(text)};
  }
  ComposeCall call(const std::string& print, std::vector<plan::ComposeFile> beside) const {
    return {.program = {"sh", "-c", print, "sh"},
            .folder = "shop/blue",
            .file = "main",
            .remote_file = {},
            .second_file = {},
            .keep = false,
            .beside = std::move(beside),
            .project = "p",
            .environment = {},
            .arguments = {"config"}};
  }
  std::string run(const ComposeCall& call) const {
    const auto output =
        io::run_child({"env", "HOME=" + m_home.string(), "sh", "-s"}, compose_script(call).reveal(),
                      core::Wait::for_at_most(std::chrono::seconds(20)));
    if (!output) return output.error().message;
    return output->ok() && output->err.empty() ? output->out : "failed: " + output->err;
  }
  void keep(std::vector<plan::ComposeFile> beside) const {
    auto kept = call("", std::move(beside));
    kept.keep = true;
    EXPECT_EQ(run(kept), "");
  }
  fs::path folder() const { return m_home / ".local/state/bgdeploy/shop/blue"; }
  std::string read(const std::string& name) const {
    std::ifstream stream(folder() / name);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  fs::path m_home;
};

TEST_F(ComposeBeside, IsKeptWithItsModesAndTakenAwayAgain) {
  const std::string binary("a\0b\xff\n", 5);
  auto script = file("d/e/run", "#!/bin/sh\n", Kind::data);
  script.executable = true;
  keep({file("d/bin", binary, Kind::data), script, file("key", "s3cret", Kind::secret)});
  EXPECT_EQ(read("d/bin"), binary);
  EXPECT_EQ(fs::status(folder() / "d/bin").permissions(), fs::perms(0644));
  EXPECT_EQ(fs::status(folder() / "d/e/run").permissions(), fs::perms(0755));
  EXPECT_EQ(fs::status(folder() / "key").permissions(), fs::perms(0600));
  std::ofstream(folder() / "d/written") << "by the app";
  keep({file("d/bin", "new", Kind::data)});
  EXPECT_EQ(read("d/bin"), "new");
  EXPECT_EQ(read("d/written"), "by the app");
  EXPECT_FALSE(fs::exists(folder() / "key"));
  EXPECT_FALSE(fs::exists(folder() / "d/e/run"));
  keep({});
  EXPECT_FALSE(fs::exists(folder() / "d/bin"));
}

TEST_F(ComposeBeside, NoLinkLeadsOutOfTheFolder) {
  const auto outside = m_home / "outside";
  fs::create_directory(outside);
  std::ofstream(outside / "victim") << "whole";
  keep({file("d/victim", "1", Kind::data), file("link", "2", Kind::data)});
  fs::remove_all(folder() / "d");
  fs::create_directory_symlink(outside, folder() / "d");
  fs::remove(folder() / "link");
  fs::create_symlink(outside / "victim", folder() / "link");
  std::ofstream(folder() / ".bgdeploy-files", std::ios::app) << "../../../../../outside/victim\n";
  keep({file("d/victim", "3", Kind::data), file("link", "4", Kind::data)});
  std::ifstream victim(outside / "victim");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(victim), {}), "whole");
  EXPECT_EQ(read("link"), "4");
}

TEST_F(ComposeBeside, IsReadFromACopyWhileNothingMayChange) {
  const auto seen = run(call("printf %s \"$6\"; cat \"$6/a.env\"", {file("a.env", "one")}));
  EXPECT_THAT(seen, testing::AllOf(testing::StartsWith("/tmp/bgdeploy."), testing::EndsWith("one")));
  EXPECT_FALSE(fs::exists(folder()));
}

TEST_F(ComposeBeside, IsComparedWithWhatIsThere) {
  const auto same = [&](std::vector<plan::ComposeFile> beside) {
    auto compared = call("echo asked", std::move(beside));
    compared.only_if_same = true;
    return run(compared) == "asked\n";
  };
  EXPECT_TRUE(same({}));
  EXPECT_FALSE(same({file("a", "1")}));
  keep({file("a", "1"), file("b", "2")});
  EXPECT_TRUE(same({file("a", "1"), file("b", "2")}));
  EXPECT_FALSE(same({file("a", "1"), file("b", "3")}));
  EXPECT_FALSE(same({file("a", "1")}));
  EXPECT_FALSE(same({}));
}

TEST_F(ComposeBeside, MayBeCalledAsOurOwnFilesAre) {
  auto taken = call("cat \"$4\"", {file("compose.yml", "theirs"), file("bgdeploy.yml", "theirs")});
  taken.keep = true;
  EXPECT_EQ(run(taken), "main");
  EXPECT_EQ(read("compose.yml"), "theirs");
  EXPECT_EQ(read(".bgdeploy.compose.yml"), "main");
}

}  // namespace
}  // namespace bgdeploy::runtime
