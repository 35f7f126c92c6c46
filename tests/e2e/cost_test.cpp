// What one deploy costs its host, counted and not timed: on a small machine each process takes about 10 ms.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "scenario.hpp"

namespace e2e {
namespace {

constexpr const char* k_counter = "/run/lab/execs.so";
constexpr const char* k_counted = "/run/lab/execs";

class Cost : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    std::ifstream file(BGDEPLOY_LAB_EXECS, std::ios::binary);
    lab().write(k_counter, {std::istreambuf_iterator<char>(file), {}});
    lab().sh(std::string("printf 'SetEnv LD_PRELOAD=") + k_counter + " LAB_EXECS=" + k_counted +
             "\\n' >>/run/lab/sshd_config; kill -HUP \"$(cat /run/sshd.pid)\"");
  }
  // The command lines of what the deploys since the last call started through SSH.
  static Words started() {
    Words lines;
    std::string text = lab().read(k_counted).value_or("");
    for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
      lines.push_back(text.substr(0, end));
    lab().remove(k_counted);
    return lines;
  }
};

bool begins(const std::string& line, std::initializer_list<std::string_view> beginnings) {
  return std::ranges::any_of(beginnings, [&](std::string_view words) { return line.starts_with(words); });
}

TEST_F(Cost, OfADeployIsFewProcessesAndCommands) {
  // What is to be pulled is asked of the registry, and whether it fits of the host.
  for (const char* tag : {"1.0", "1.1", "1.2"}) lab().image(tag, {{"LAYER", tag}});
  write_spec();
  deploy_well("1.0");
  deploy_well("1.1");
  ASSERT_THAT(started(), testing::Not(testing::IsEmpty())) << "nothing is counted";
  deploy_well("1.2");
  Words all = started();
  // On a busy machine the lock's holder hears more beats, and a wait takes more polls.
  std::erase_if(all, [](const std::string& line) {
    return begins(line, {"sleep ", "timeout 10 head -n 1", "head -n 1"});
  });
  const auto commands =
      std::ranges::count_if(all, [](const std::string& line) { return line.ends_with("sh -c sh"); });
  std::string list;
  for (const auto& line : all) list += line + "\n";
  EXPECT_LE(commands, 3) << list;
  EXPECT_LE(all.size(), 29) << list;
  const auto nginx = std::ranges::count_if(all, [](const auto& line) { return begins(line, {"nginx "}); });
  EXPECT_EQ(nginx, 2) << "it reads its configuration to tell what it has, and to test what it gets\n" << list;
}

}  // namespace
}  // namespace e2e
