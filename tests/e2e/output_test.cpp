// `-o json` of every command, held against docs/output.schema.json by a validator of others.
#include <fstream>
#include <sstream>

#include "scenario.hpp"

namespace e2e {
namespace {

class Output : public Scenario {
protected:
  // Each line is a document, or all of stdout is one.
  void keep(const Words& arguments, int exit_code = 0, bool lines = false) {
    Words words = arguments;
    words.insert(words.end(), {"-o", "json"});
    const auto finished = bgdeploy(words);
    EXPECT_EQ(finished.exit_code, exit_code) << arguments.front() << finished;
    std::vector<std::string> texts{finished.out};
    if (lines) texts.clear();
    std::istringstream stream(finished.out);
    for (std::string line; lines && std::getline(stream, line);) texts.push_back(line);
    EXPECT_FALSE(texts.empty()) << arguments.front() << finished;
    for (const std::string& text : texts) {
      const auto document = nlohmann::json::parse(text, nullptr, false);
      EXPECT_FALSE(document.is_discarded()) << arguments.front() << finished;
      m_kept << nlohmann::json{{"command", arguments.front()}, {"document", document}}.dump() << '\n';
    }
  }
  static Words with_what_it_needs(const std::string& command) {
    if (command == "lock") return {command, "-m", "x"};
    if (command == "plan" || command == "deploy") return {command, "--tag", "1.0"};
    return {command};
  }
  void expect_as_the_schema_says() {
    m_kept.close();
    const auto finished =
        run({{"/usr/bin/python3", BGDEPLOY_EXAMPLES "/../tests/e2e/support/output_schema.py",
              BGDEPLOY_EXAMPLES "/../docs", m_file},
             {},
             workspace()});
    EXPECT_EQ(finished.exit_code, 0) << finished;
  }

  void SetUp() override {
    Scenario::SetUp();
    m_file = workspace() + "/documents";
    m_kept.open(m_file);
  }

private:
  std::string m_file;
  std::ofstream m_kept;
};

TEST_F(Output, IsAsTheSchemaSays) {
  for (const char* tag : {"1.0", "1.1", "1.2"}) lab().image(tag);
  lab().image("broken", {{"APP_EXIT_AFTER_MS", "100"}, {"APP_HEALTH", "503"}});
  write_spec({{"prune", "prune: {images: 0}"}});
  keep({"config"});
  keep({"status"});
  keep({"plan", "--tag", "1.0"});
  keep({"deploy", "--tag", "1.0"});
  keep({"deploy", "--tag", "1.1", "--hold"});
  keep({"status"});
  keep({"promote"});
  keep({"deploy", "--tag", "1.2", "--hold"});
  keep({"abort"});
  keep({"deploy", "--tag", "broken"}, 1);
  keep({"logs", "--failed"}, 0, true);
  keep({"rollback", "--rehearse"});
  keep({"status"});
  lab().docker({"pull", lab().env("LAB_IMAGE") + ":1.2"});
  keep({"prune", "--dry-run"});
  keep({"prune"});
  keep({"rollback"});
  keep({"history"});
  keep({"logs", "-n", "3"}, 0, true);
  keep({"deploy", "--tag", "1.2", "--dry-run"});
  keep({"lock", "-m", "one", "--for", "1h"});
  keep({"lock", "-m", "another"});
  keep({"status"});
  keep({"deploy", "--tag", "1.2"}, 4);
  keep({"unlock"});
  lab().docker({"stop", "shop-" + live_slot()});
  lab().docker(
      {"run", "-d", "--name", "other", "-p", "127.0.0.1:8081:8080", lab().env("LAB_IMAGE") + ":1.0"});
  keep({"status"}, 5);
  keep({"check"}, 5);
  keep({"deploy", "--digest", "sha256:0"}, 2);
  lab().write(k_include, "nonsense\n");
  keep({"status"}, 5);
  write_spec({{"hosts", "hosts: {app: [192.0.2.1]}"}, {"ssh", "ssh: {connect_timeout: 1s}"}});
  for (const char* command : {"status", "history", "plan", "logs", "lock", "unlock", "prune", "deploy"})
    keep(with_what_it_needs(command), 3);
  keep({"status", "--watch"}, 3);
  write_spec({{"hosts", "hosts: {app: [web-1], unknown: 1}"}});
  for (const char* command : {"status", "history", "plan", "logs", "lock", "unlock", "prune", "check",
                              "config", "deploy", "rollback", "promote", "abort"})
    keep(with_what_it_needs(command), 2);
  expect_as_the_schema_says();
}

}  // namespace
}  // namespace e2e
