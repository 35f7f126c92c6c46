// "First deploy" and "In CI" of the README, typed as they are printed: on a host with nginx as Debian
// installs it, by a login that has no other rights at the end than those that the README gives it. And all of
// docs/getting-started.md, on a host where nothing was set up.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "in_terminal.hpp"
#include "scenario.hpp"

namespace e2e {
namespace {

namespace fs = std::filesystem;

const fs::path k_root = fs::path(BGDEPLOY_EXAMPLES).parent_path();
constexpr const char* k_host = "web-1.example.com";

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void spill(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// What stands behind ``` where a block begins ("sh server"), and the block.
struct Block {
  std::string kind, text;
};

// Of one section, or of all.
std::vector<Block> blocks_of(const std::string& section, const std::string& page = "README.md") {
  std::istringstream lines(slurp(k_root / page));
  std::vector<Block> blocks;
  bool here = section.empty(), inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ") && !section.empty()) here = line == "## " + section;
    if (!here) continue;
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) blocks.push_back({line.substr(3), ""});
    } else if (inside) {
      blocks.back().text += line + "\n";
    }
  }
  return blocks;
}

class Readme : public ::testing::Test {
protected:
  void SetUp() override {
    std::string path = fs::temp_directory_path() / "bgdeploy-readme-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    m_folder = path;
    fs::create_directories(m_folder / "project");
    fs::create_directories(m_folder / "bin");
    fs::create_symlink(bgdeploy_binary(), m_folder / "bin/bgdeploy");
    spill(m_folder / "answers", "yes\n");
    for (const char* tag : {"v1.10.1", "v1.10.3"})
      m_lab.image(std::string("127.0.0.1:5000/traefik/whoami:") + tag, {{"PORT", "80"}, {"EXPOSE", "80"}});
    make_home("desk", true);
  }
  void TearDown() override { fs::remove_all(m_folder); }

  const fs::path& folder() const { return m_folder; }

  // What DNS does, and the key that the server accepts.
  void make_home(const std::string& name, bool with_key) const {
    fs::create_directories(m_folder / name / ".ssh");
    auto config = std::string("Host ") + k_host + "\n HostName " + m_lab.env("LAB_ADDRESS") + "\n";
    if (with_key) config += " IdentityFile " + m_lab.env("LAB_IDENTITY_FILE") + "\n";
    spill(m_folder / name / ".ssh/config", config);
    spill(m_folder / name / ".curlrc",
          std::string("resolve = \"") + k_host + ":80:" + m_lab.env("LAB_ADDRESS") + "\"\n");
  }

  Environment environment_of(const std::string& home) const {
    return {{"PATH", (m_folder / "bin").string() + ":/usr/local/bin:/usr/bin:/bin"},
            {"HOME", (m_folder / home).string()},
            {"TERM", "xterm"}};
  }
  Finished at(const std::string& home, const Words& argv, Environment more = {}) const {
    more.merge(environment_of(home));
    return run({argv, more, (m_folder / "project").string()});
  }
  Finished at_desk(const std::string& line) const {
    return at("desk", {"bash", "-ec", "exec <" + (m_folder / "answers").string() + "\n" + line});
  }

  // Through sshd, so that a group that was just given counts.
  Finished on_server(const std::string& script) const {
    spill(m_folder / "script", script);
    return run({{"sh", "-c",
                 "exec ssh -i \"$LAB_IDENTITY_FILE\" -o UserKnownHostsFile=\"$LAB_KNOWN_HOSTS\" deploy@" +
                     m_lab.env("LAB_ADDRESS") + " bash -se <\"$1\"",
                 "sh", (m_folder / "script").string()},
                {{"PATH", "/usr/bin:/bin"},
                 {"HOME", m_folder},
                 {"LAB_IDENTITY_FILE", m_lab.env("LAB_IDENTITY_FILE")},
                 {"LAB_KNOWN_HOSTS", m_lab.env("LAB_KNOWN_HOSTS")}}});
  }

  // As at_desk, by somebody who answers what is asked.
  std::string at_terminal(const std::string& line, int& exit_code) const {
    InTerminal terminal(
        {{"/bin/bash", "-ec", line}, environment_of("desk"), (m_folder / "project").string()});
    if (terminal.shows("[yes/no] ")) terminal.type("yes\n");
    exit_code = terminal.exit_code();
    return terminal.shown();
  }

  // The packages are those of this machine; nginx is configured and started as its package does.
  void unpack_nginx() const {
    const auto target = m_lab.env("LAB_ROOT") + "/etc/nginx";
    fs::copy(
        "/etc/nginx", target,
        fs::copy_options::recursive | fs::copy_options::copy_symlinks | fs::copy_options::overwrite_existing);
  }
  void install_packages() const {
    unpack_nginx();
    const auto started = m_lab.exec({"nginx"});
    ASSERT_EQ(started.exit_code, 0) << started;
  }

  void type_on_server(std::string script) {
    const std::string packages = "sudo apt-get install --yes docker.io nginx\n";
    if (script.starts_with(packages)) {
      script.erase(0, packages.size());
      install_packages();
    }
    const auto finished = on_server(script);
    ASSERT_EQ(finished.exit_code, 0) << script << finished;
  }

  void set_up_server_and_spec(const std::vector<Block>& blocks) {
    for (const auto& block : blocks) {
      if (block.kind == "sh server") type_on_server(block.text);
      if (block.kind == "yaml bgdeploy.yml") spill(m_folder / "project/bgdeploy.yml", block.text);
    }
    m_lab.exec({"rm", "/etc/sudoers.d/lab"});
  }

  void type_at_desk(const std::string& block) {
    std::istringstream lines(block);
    for (std::string line; std::getline(lines, line);) {
      const auto finished = at_desk(line);
      EXPECT_EQ(finished.exit_code, 0) << line << finished;
      if (line.starts_with("bgdeploy deploy") || line.starts_with("bgdeploy rollback"))
        m_served.push_back(served());
      if (line.starts_with("curl")) {
        EXPECT_EQ(finished.out, page());
      }
    }
  }

  std::string page() const { return m_lab.get("/").body; }
  std::string served() const {
    const auto body = page(), start = std::string("version=");
    return body.starts_with(start) ? body.substr(start.size(), body.find('\n') - start.size()) : body;
  }

  Lab m_lab{LabOptions{"nginx", "deploy", ""}};
  Words m_served;

private:
  fs::path m_folder;
};

TEST_F(Readme, LeadsFromAnEmptyServerToAServedPageAndIntoCi) {
  const auto blocks = blocks_of("First deploy");
  ASSERT_EQ(blocks.size(), 5U);
  set_up_server_and_spec(blocks);
  for (const auto& block : blocks)
    if (block.kind == "sh desk") type_at_desk(block.text);
  EXPECT_EQ(m_served, (Words{"v1.10.1", "v1.10.3", "v1.10.1"}));

  // The action, with what its step in the README gives it and nothing of the desk.
  make_home("runner", false);
  fs::create_directories(folder() / "temp/bgdeploy");
  fs::create_symlink(bgdeploy_binary(), folder() / "temp/bgdeploy/bgdeploy");
  const auto known_hosts = slurp(folder() / "desk/.ssh/known_hosts");
  ASSERT_FALSE(known_hosts.empty());
  const auto workflow = blocks_of("In CI").at(0).text;
  for (const std::string input :
       {"command: deploy", "tag: ${{ github.ref_name }}", "ssh-key: ${{ secrets.DEPLOY_KEY }}",
        "known-hosts: ${{ secrets.KNOWN_HOSTS }}"})
    EXPECT_NE(workflow.find(input + "\n"), std::string::npos) << input;
  const auto deployed = at("runner", {(k_root / ".github/action/run").string()},
                           {{"RUNNER_TEMP", (folder() / "temp").string()},
                            {"GITHUB_ACTIONS", "true"},
                            {"INPUT_COMMAND", "deploy"},
                            {"INPUT_TAG", "v1.10.3"},
                            {"INPUT_ARGS", ""},
                            {"INPUT_FILE", ""},
                            {"INPUT_ENVIRONMENT", ""},
                            {"INPUT_SSH_KEY", slurp(m_lab.env("LAB_IDENTITY_FILE"))},
                            {"INPUT_KNOWN_HOSTS", known_hosts}});
  EXPECT_EQ(deployed.exit_code, 0) << deployed;
  EXPECT_EQ(served(), "v1.10.3");
}

class GettingStarted : public Readme {};

TEST_F(GettingStarted, LeadsFromAnEmptyMachineToAServedPageAndBack) {
  const auto blocks = blocks_of("", "docs/getting-started.md");
  ASSERT_EQ(blocks.size(), 7U);
  EXPECT_NE(blocks[0].text.find("sh install.sh\n"), std::string::npos) << "which tests/soak/setup types";
  ASSERT_EQ(blocks[1].kind, "yaml bgdeploy.yml");
  spill(folder() / "project/bgdeploy.yml", blocks[1].text);
  unpack_nginx();
  for (std::size_t i = 2; i < blocks.size(); ++i) {
    std::istringstream lines(blocks[i].text);
    for (std::string line; std::getline(lines, line);) {
      if (line == "bgdeploy trust" || line == "bgdeploy setup") {
        int exit_code = -1;
        const auto shown = at_terminal(line, exit_code);
        EXPECT_EQ(exit_code, 0) << line << "\n" << shown;
      } else {
        type_at_desk(line);
      }
    }
  }
  EXPECT_EQ(m_served, (Words{"v1.10.1", "v1.10.3", "v1.10.1"}));
}

}  // namespace
}  // namespace e2e
