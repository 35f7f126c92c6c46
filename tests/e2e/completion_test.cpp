// The completion scripts in the shells themselves: what stands on the line after <Tab> is what runs.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "in_terminal.hpp"
#include "scenario.hpp"

namespace e2e {
namespace {

using testing::HasSubstr;

constexpr const char* k_spec = R"(service: shop
image: acme/shop
hosts: {app: [web-1, web-2]}
slots: {blue: 8081, green: 8082}
health: {tcp: true}
proxy: none
environments: {staging: {drain: {timeout: 1s}}}
)";

// A `bgdeploy` that answers what a shell asks, and shows the rest as words instead of doing it.
class Completion : public testing::Test {
protected:
  void SetUp() override {
    char folder[] = "/tmp/bgdeploy-completion-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    m_folder = folder;
    std::filesystem::create_directories(m_folder + "/cache/bgdeploy");
    write("bgdeploy.yml", k_spec);
    write("cache/bgdeploy/shop.releases", "1.2.3\n1.2.2\n");
    // Another spec, with other slots.
    write("our shop.yml", std::string(k_spec).replace(std::string(k_spec).find("green"), 5, "grape"));
    write("bgdeploy", "#!/bin/sh\ncase ${1-} in completion|__complete) exec " + bgdeploy_binary() +
                          " \"$@\" ;; esac\nprintf '<%s>' RAN \"$@\"\necho\n");
    std::filesystem::permissions(m_folder + "/bgdeploy", std::filesystem::perms::owner_all);
  }
  ~Completion() override { std::filesystem::remove_all(m_folder); }

  Command in_shell(std::vector<std::string> argv) const {
    return {std::move(argv),
            {{"PATH", m_folder + ":/usr/bin:/bin"},
             {"HOME", m_folder},
             {"XDG_CACHE_HOME", m_folder + "/cache"},
             {"TERM", "dumb"},
             {"PS1", "ready> "}},
            m_folder};
  }

  static void completes(InTerminal& shell, const std::string& typed, const std::string& ran) {
    shell.type(typed + "\t\n");
    EXPECT_TRUE(shell.shows("<RAN>" + ran)) << typed << "\n" << shell.shown();
  }
  void completes_everything(InTerminal& shell) {
    completes(shell, "bgdeploy rollb", "<rollback>");
    completes(shell, "bgdeploy rollback --reh", "<rollback><--rehearse>");
    completes(shell, "bgdeploy -e st", "<-e><staging>");
    completes(shell, "bgdeploy logs --slot gr", "<logs><--slot><green>");
    completes(shell, "bgdeploy logs --slot=gr", "<logs><--slot=green>");
    completes(shell, "bgdeploy exec --host web-2", "<exec><--host><web-2>");
    completes(shell, "bgdeploy rollback --to 1.2.3", "<rollback><--to><1.2.3>");
    completes(shell, "bgdeploy -f bgdeploy.y", "<-f><bgdeploy.yml>");
    completes(shell, "bgdeploy -f ~/our\\ shop.yml logs --slot gr",
              "<-f><" + m_folder + "/our shop.yml><logs><--slot><grape>");
    completes(shell, "bgdeploy -f \"our shop.yml\" logs --slot=gr", "<-f><our shop.yml><logs><--slot=grape>");
    completes(shell, "bgdeploy -f'our shop.yml' logs --slot \"gr", "<-four shop.yml><logs><--slot><grape>");
    completes(shell, "bgdeploy --file='our shop.yml' logs --slot=\"gr",
              "<--file=our shop.yml><logs><--slot=grape>");
    completes(shell, "~/bgdeploy -est", "<-estaging>");
  }

private:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(m_folder + "/" + name) << text;
  }
  std::string m_folder;
};

TEST_F(Completion, Bash) {
  InTerminal shell(in_shell({"/bin/bash", "--norc", "--noprofile", "-i"}));
  shell.type("source <(bgdeploy completion bash)\n");
  completes_everything(shell);
}

TEST_F(Completion, Zsh) {
  InTerminal shell(in_shell({"/usr/bin/zsh", "-f", "-i"}));
  shell.type("autoload -U compinit && compinit -u -D && source <(bgdeploy completion zsh)\n");
  completes_everything(shell);
}

TEST_F(Completion, Fish) {
  const auto completed = [this](const std::string& typed) {
    return run(in_shell({"/usr/bin/fish", "--no-config", "-c",
                         "bgdeploy completion fish | source; complete -C '" + typed + "'"}))
        .both();
  };
  EXPECT_THAT(completed("bgdeploy rollb"), HasSubstr("rollback\tBring back the previous release"));
  EXPECT_THAT(completed("bgdeploy rollback --reh"), HasSubstr("--rehearse"));
  EXPECT_EQ(completed("bgdeploy -e st"), "staging\n");
  EXPECT_EQ(completed("bgdeploy logs --slot gr"), "green\n");
  EXPECT_EQ(completed("bgdeploy logs --slot=gr"), "--slot=green\n");
  EXPECT_EQ(completed("bgdeploy rollback --to "), "1.2.2\n1.2.3\n");
  EXPECT_EQ(completed("bgdeploy -f bgdeploy.y"), "bgdeploy.yml\n");
  EXPECT_EQ(completed("bgdeploy -f ~/our\\ shop.yml logs --slot gr"), "grape\n");
  EXPECT_EQ(completed("bgdeploy -f \"our shop.yml\" logs --slot=gr"), "--slot=grape\n");
  EXPECT_EQ(completed("bgdeploy -f\"our shop.yml\" logs --slot \"gr"), "grape\n");
  EXPECT_EQ(completed("bgdeploy --file=\"our shop.yml\" logs --slot gr"), "grape\n");
  EXPECT_EQ(completed("~/bgdeploy -est"), "-estaging\n");
  EXPECT_EQ(completed("bgdeploy --file=bgdeploy.y"), "--file=bgdeploy.yml\n");
  EXPECT_EQ(completed("bgdeploy -fbgdeploy.y"), "-fbgdeploy.yml\n");
}

TEST_F(Completion, TakesAnythingWithoutAFinding) {
  for (const std::string& word : std::vector<std::string>{"", "-", "--", "---", "=", "--tag",
                                                          "--tag=", "\x1b[2J", std::string(5000, '-')}) {
    const auto finished =
        run(in_shell({bgdeploy_binary(), "__complete", "--", "bgdeploy " + word + " " + word}));
    EXPECT_EQ(finished.exit_code, 0) << word << finished;
    EXPECT_EQ(finished.both().find('\x1b'), std::string::npos);
  }
}

}  // namespace
}  // namespace e2e
