// What init writes, and what it leaves alone.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/arguments.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"

namespace bgdeploy::cli {
namespace {

namespace fs = std::filesystem;

class Init : public ::testing::Test {
protected:
  void SetUp() override {
    std::string path = fs::temp_directory_path() / "bgdeploy-init-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    m_before = fs::current_path();
    folder = path;
    fs::current_path(folder);
    write("compose.yml", "services: {api: {image: acme/api, ports: ['8081:80'], env_file: api.env}}\n");
    write("api.env", "A=1\n");
  }
  void TearDown() override {
    fs::current_path(m_before);
    fs::remove_all(folder);
  }
  static void write(const std::string& name, const std::string& text) { std::ofstream(name) << text; }
  static std::string read(const std::string& name) {
    std::ostringstream text;
    text << std::ifstream(name).rdbuf();
    return text.str();
  }
  static int init(const Arguments& arguments = {}) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = run_init(arguments);
    ::testing::internal::GetCapturedStdout();
    ::testing::internal::GetCapturedStderr();
    return code;
  }
  static bool written(const std::string& name) {
    return read(name).starts_with("# Written by `bgdeploy init`");
  }

  fs::path folder;

private:
  fs::path m_before;
};

TEST_F(Init, NothingIsReplacedWithoutForce) {
  for (const char* name : {"bgdeploy.yml", "bgdeploy.yaml"}) {
    write(name, "mine");
    EXPECT_EQ(init(), 2);
    EXPECT_EQ(init({.file = name}), 2);
    EXPECT_EQ(read(name), "mine");
    EXPECT_EQ(init({.force = true}), 0);
    EXPECT_TRUE(written(name));
    fs::remove(name);
    EXPECT_FALSE(fs::exists("bgdeploy.yml")) << name;
  }
}

TEST_F(Init, ALinkIsNeverReplaced) {
  write("other.yml", "mine");
  for (const char* target : {"other.yml", "nowhere.yml"}) {
    fs::create_symlink(target, "bgdeploy.yml");
    EXPECT_EQ(init(), 2);
    EXPECT_NE(init({.force = true}), 0);
    EXPECT_EQ(fs::read_symlink("bgdeploy.yml"), target);
    fs::remove("bgdeploy.yml");
  }
  EXPECT_EQ(read("other.yml"), "mine");
  EXPECT_FALSE(fs::exists("nowhere.yml"));
}

TEST_F(Init, ASpecElsewhereFindsItsFiles) {
  EXPECT_EQ(init({.file = "deploy/bgdeploy.yml"}), 0);
  const auto spec = load_spec({.file = "deploy/bgdeploy.yml"});
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_TRUE(read("deploy/bgdeploy.yml").contains("../api.env")) << read("deploy/bgdeploy.yml");
}

TEST_F(Init, OptionsWithoutAMeaningAreRefused) {
  EXPECT_EQ(init({.file = "-"}), 2);
  EXPECT_FALSE(fs::exists("-"));
  EXPECT_EQ(init({.environment = "staging"}), 2);
  EXPECT_FALSE(fs::exists("bgdeploy.yml"));
}

}  // namespace
}  // namespace bgdeploy::cli
