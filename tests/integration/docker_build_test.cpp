// Builds on a real daemon, with BuildKit and with the classic builder.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "bgdeploy/context/archive.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/io/child.hpp"
#include "support/docker_lab.hpp"

namespace bgdeploy {
namespace {

namespace fs = std::filesystem;
using core::ErrorKind;
using ::testing::Contains;
using testing::Docker;
using testing::DockerLab;
using ::testing::HasSubstr;
using testing::soon;

class DockerBuild : public ::testing::TestWithParam<const char*> {
protected:
  DockerBuild() {
    DockerLab::get();
    std::string folder = "/tmp/bgdeploy-build-XXXXXX";
    m_folder = mkdtemp(folder.data());
    fs::create_directories(m_folder / "app");
    fs::create_directories(m_folder / "bin");
    choose_builder(GetParam());
    write("Dockerfile", "FROM app:1\nARG WORD\nCOPY . /src/\nLABEL word=$WORD\n");
  }
  ~DockerBuild() override {
    setenv("PATH", m_path.c_str(), 1);
    for (const auto& image :
         lines_of(DockerLab::get().docker({"image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "built"})))
      DockerLab::get().docker({"image", "rm", image});
    fs::remove_all(m_folder);
  }

  // A docker command that calls itself what makes the script take this builder; the work is done by the real
  // one.
  void choose_builder(const std::string& builder) const {
    const bool classic = builder == "classic";
    std::ofstream(m_folder / "bin/docker")
        << "#!/bin/sh\ncase $1 in\n--version) echo 'Docker version " << (classic ? "23.0.1" : "20.10.24")
        << ", build x' ;;\nbuildx) exit 1 ;;\n*) exec /usr/bin/docker \"$@\" ;;\nesac\n";
    chmod((m_folder / "bin/docker").c_str(), 0755);
    setenv("PATH", ((m_folder / "bin").string() + ":" + m_path).c_str(), 1);
  }
  void write(const std::string& path, const std::string& text, int mode = 0644) const {
    fs::create_directories((m_folder / "app" / path).parent_path());
    std::ofstream(m_folder / "app" / path, std::ios::binary) << text;
    chmod((m_folder / "app" / path).c_str(), static_cast<mode_t>(mode));
  }
  context::Files files(spec::Build build = {}) const {
    build.context = m_folder / "app";
    return context::read_files(build, soon()).value();
  }
  static plan::Release release(const context::Files& files) { return {"r1", "v1", "built", files.digest}; }
  static std::vector<std::string> lines_of(const std::string& text) { return core::split_lines(text); }

  const std::string m_path = std::getenv("PATH");
  fs::path m_folder;
};

TEST_P(DockerBuild, TheImageHoldsTheContextAndIsKnownByItsHash) {
  write("run.sh", "#!/bin/sh\n", 0750);
  write("a b/한\n글", "odd name");
  write(".dockerignore", "*.log\n");
  write("debug.log", "not sent");
  fs::create_symlink("run.sh", m_folder / "app/link");
  Docker docker;
  const auto source = files({.args = {{"WORD", "it's \"$HOME\" `id`"}}});
  ASSERT_FALSE(docker.images().present(release(source), soon()).value());

  std::vector<std::string> output;
  const auto built = docker.images().build(
      release(source), source, [&](const auto& line) { output.push_back(line); }, soon());
  ASSERT_TRUE(built) << built.error().message << ::testing::PrintToString(built.error().details);
  EXPECT_THAT(output, Contains(HasSubstr("COPY . /src/")));
  EXPECT_TRUE(docker.images().present(release(source), soon()).value());
  auto& lab = DockerLab::get();
  const std::string tag = "built:build-" + source.digest.substr(6, 32);
  EXPECT_EQ(lab.docker({"inspect", "-f", "{{.Id}}", tag}),
            lab.docker({"inspect", "-f", "{{.Id}}", "built:v1"}));
  EXPECT_EQ(lab.docker({"inspect", "-f", "{{index .Config.Labels \"word\"}}", tag}), "it's \"$HOME\" `id`");
  EXPECT_EQ(lab.docker({"inspect", "-f", "{{index .Config.Labels \"bgdeploy.build\"}}", tag}), source.digest);

  const auto id = lab.docker({"create", tag});
  const fs::path out = m_folder / "out";
  fs::create_directory(out);
  lab.docker({"export", "-o", (m_folder / "out.tar").string(), id});
  ASSERT_TRUE(
      io::run_child({"tar", "-xpf", m_folder / "out.tar", "-C", out, "src"}, "", soon()).value().ok());
  EXPECT_EQ(fs::read_symlink(out / "src/link"), "run.sh");
  EXPECT_EQ(fs::status(out / "src/run.sh").permissions(), fs::perms(0750));
  EXPECT_TRUE(fs::exists(out / "src/a b/한\n글"));
  EXPECT_FALSE(fs::exists(out / "src/debug.log"));
  struct stat found {};
  stat((out / "src/run.sh").c_str(), &found);
  EXPECT_EQ(found.st_uid, 0U);

  // A container of it is what the same files ask for again.
  const plan::Launch launch{release(source), docker.spec().docker};
  const auto container = docker.launch_ready(0, launch);
  EXPECT_EQ(container.release, release(source));
  const auto slots = docker.runtime().observe({launch, std::nullopt}, soon());
  EXPECT_EQ((*slots)[0].container->differences, std::vector<std::string>{});
}

TEST_P(DockerBuild, AFailureShowsItsLastLinesAndLeavesNoContainer) {
  write("Dockerfile", "FROM app:1\nRUN [\"/app\", \"no-such-command\"]\n");
  Docker docker;
  const auto source = files();
  const auto built = docker.images().build(release(source), source, {}, soon());
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().kind, ErrorKind::refused);
  EXPECT_THAT(built.error().message, HasSubstr("docker build failed with exit code "));
  EXPECT_THAT(built.error().details, Contains(HasSubstr("no-such-command")));
  EXPECT_EQ(DockerLab::get().docker({"ps", "-aq"}), "");
  EXPECT_FALSE(docker.images().present(release(source), soon()).value());
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return condition();
}

TEST_P(DockerBuild, ABuildThatIsGivenUpEndsOnTheHostToo) {
  const std::string word = m_folder.filename().string();
  write("Dockerfile", "FROM app:1\nRUN [\"/app\", \"serve\", \"" + word + "\"]\n");
  Docker docker;
  const auto source = files();
  std::stop_source stop;
  const auto built = docker.images().build(
      release(source), source,
      [&](const std::string& line) {
        if (line.ends_with("ready")) stop.request_stop();
      },
      core::Wait::for_at_most(std::chrono::seconds(60), stop.get_token()));
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().kind, ErrorKind::cancelled) << built.error().message;
  // BuildKit in Docker 20.10 may go on with the RUN itself, and nobody can tell it to stop.
  const std::string left = GetParam() == std::string("classic") ? "serve " + word + "|" : "";
  EXPECT_TRUE(eventually([&] {
    const auto found = io::run_child({"pgrep", "-fc", left + source.digest}, "", soon());
    return found && found->out == "0\n";
  })) << "processes are left";
  EXPECT_TRUE(eventually([] { return DockerLab::get().docker({"ps", "-aq"}).empty(); }));
  EXPECT_FALSE(docker.images().present(release(source), soon()).value());
}

TEST_P(DockerBuild, AFileThatChangesMeanwhileBuildsNothing) {
  write("data", std::string(3 << 20, 'x'));
  Docker docker;
  const auto source = files();
  write("data", std::string(3 << 20, 'y'));
  const auto built = docker.images().build(release(source), source, {}, soon());
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().kind, ErrorKind::conflict) << built.error().message;
  EXPECT_FALSE(docker.images().present(release(source), soon()).value());
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool k_sanitized = true;
#else
constexpr bool k_sanitized = false;
#endif

// In a child, so that its peak memory is its own.
TEST_P(DockerBuild, AHundredMegabytesAreNeverHeldInMemory) {
  write("data", "");
  fs::resize_file(m_folder / "app/data", 100 << 20);
  write("Dockerfile", "FROM app:1\nCOPY data /data\n");
  const pid_t child = fork();
  if (child == 0) {
    Docker docker;
    const auto source = files();
    const auto built = docker.images().build(release(source), source, {}, soon());
    if (!built) std::fprintf(stderr, "%s\n", built.error().message.c_str());
    _exit(built ? 0 : 1);
  }
  int status = 0;
  rusage usage{};
  ASSERT_EQ(wait4(child, &status, 0, &usage), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  const auto size = DockerLab::get().docker({"image", "inspect", "-f", "{{.Size}}", "built:v1"});
  EXPECT_GT(std::stoll(size), 100 << 20);
  if (!k_sanitized) {
    EXPECT_LT(usage.ru_maxrss, 60'000) << "kilobytes";
  }
}

TEST_P(DockerBuild, AHostWithoutTheCommandIsNamed) {
  Docker docker;
  const auto source = files();
  std::ofstream(m_folder / "bin/docker") << "#!/bin/sh\nexit 127\n";
  const auto built = docker.images().build(release(source), source, {}, soon());
  choose_builder(GetParam());
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().kind, ErrorKind::not_found);
}

INSTANTIATE_TEST_SUITE_P(Builders, DockerBuild, ::testing::Values("buildkit", "classic"),
                         [](const auto& one) { return one.param; });

}  // namespace
}  // namespace bgdeploy
