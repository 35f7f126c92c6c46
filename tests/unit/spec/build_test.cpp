#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "loading.hpp"

namespace bgdeploy::spec {
namespace {

std::string error_of(const std::string& build) {
  const auto spec = load_text(minimal("build: " + build + "\n"));
  return spec ? "loads" : spec.error().details.at(0);
}

TEST(LoadBuild, HasDefaults) {
  EXPECT_EQ(must_load(minimal()).build, std::nullopt);
  EXPECT_EQ(must_load(minimal("build: {}\n")).build, (Build{"/srv/app", "Dockerfile", {}, {}}));
  EXPECT_EQ(must_load(minimal("build: {context: .}\n")).build->context, "/srv/app");
}

TEST(LoadBuild, ReadsEveryKey) {
  const auto spec =
      must_load(minimal("build: {context: ../web/, dockerfile: ./docker/Dockerfile, target: runner, args: "
                        "{NODE_ENV: production, A: ''}}\n"));
  EXPECT_EQ(spec.build,
            (Build{"/srv/web", "docker/Dockerfile", "runner", {{"NODE_ENV", "production"}, {"A", ""}}}));
  EXPECT_EQ(must_load(minimal("build: {context: ~/web, args: [A=b=c]}\n"), {{"HOME", "/home/jo"}}).build,
            (Build{"/home/jo/web", "Dockerfile", {}, {{"A", "b=c"}}}));
  EXPECT_EQ(must_load(minimal("build: {dockerfile: /srv/app/x/Dockerfile}\n")).build->dockerfile,
            "x/Dockerfile");
}

TEST(LoadBuild, RenderedLoadsAgain) {
  const auto spec = must_load(minimal("build: {context: web, target: runner, args: {A: '$${b}'}}\n"));
  EXPECT_EQ(must_load(render(spec, false)).build, spec.build);
}

TEST(LoadBuild, RefusesWhatIsWrong) {
  for (const char* dockerfile : {"../Dockerfile", "/etc/Dockerfile", "x/../../Dockerfile", ".", "x/", "''"})
    EXPECT_NE(error_of(std::string("{dockerfile: ") + dockerfile + "}").find("build.dockerfile must"),
              std::string::npos)
        << dockerfile;
  EXPECT_NE(error_of("{target: --push}").find("build.target must be the name or number of a stage"),
            std::string::npos);
  EXPECT_NE(error_of("{args: {'A B': c}}").find("build.args has 'A B'"), std::string::npos);
  EXPECT_NE(error_of("{contxt: .}").find("did you mean 'context'?"), std::string::npos);
  for (const char* key : {"context", "dockerfile", "target", "args"})
    EXPECT_NE(error_of(std::string("{") + key + ": [[wrong]]}"), "loads") << key;
}

TEST(LoadBuild, AWorkingDirectoryThatIsGoneIsNoException) {
  const int before = ::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  auto folder = (std::filesystem::temp_directory_path() / "bgdeploy-spec-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  ASSERT_EQ(::chdir(folder.c_str()), 0);
  std::filesystem::remove(folder);
  const auto loaded =
      load({"bgdeploy.yml", minimal("build: {}\n")}, "", [](std::string_view) { return std::nullopt; });
  EXPECT_TRUE(loaded) << loaded.error().message;
  ASSERT_EQ(::fchdir(before), 0);
  ::close(before);
}

}  // namespace
}  // namespace bgdeploy::spec
