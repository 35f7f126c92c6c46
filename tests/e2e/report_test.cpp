// `--report` and `history --html`.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "scenario.hpp"

namespace e2e {
namespace {

class Report : public Scenario {
protected:
  std::string page(const std::string& name = "report.html") const {
    std::ifstream file(workspace() + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void expect_says(const std::string& page, const Words& all) {
    for (const std::string& words : all)
      EXPECT_NE(page.find(words), std::string::npos) << "does not say: " << words << "\n" << page;
  }
  // By a parser of others.
  void expect_well_formed(const std::string& name) const {
    const auto finished = run({{"/usr/bin/python3", "-c",
                                "import sys, xml.etree.ElementTree as e; "
                                "print(e.parse(sys.argv[1]).getroot().tag)",
                                workspace() + "/" + name},
                               {},
                               workspace()});
    EXPECT_EQ(finished.out, "html\n") << finished;
  }
};

TEST_F(Report, TellsWhatHappenedHoweverTheRunEnds) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  lab().image("broken", {{"APP_HEALTH", "503"}});
  write_spec();
  const auto with_report = [&](const Words& words) {
    Words all = words;
    all.insert(all.end(), {"--report", "report.html"});
    return bgdeploy(all);
  };
  EXPECT_EQ(with_report({"deploy", "--tag", "1.0"}).exit_code, 0);
  expect_says(page(), {"1.0 serves (", "<th scope=\"row\">health<", "<th scope=\"row\">switch<", "mean ",
                       "not known"});
  EXPECT_EQ(with_report({"deploy", "--tag", "1.1"}).exit_code, 0);
  expect_well_formed("report.html");
  expect_says(page(), {"1.1 serves (", "Releases over time", "The line across a bar",
                       "<td>1</td><td class=\"bar\">"});

  const auto before = world();
  write_spec({{"health", "health: {http: {path: /health}, deadline: 2s}"}});
  const auto failed = with_report({"deploy", "--tag", "broken"});
  EXPECT_EQ(failed.exit_code, 1) << failed;
  expect_well_formed("report.html");
  expect_says(page(), {"broken was NOT deployed", "failed (exit code 1)", "HTTP 503", "FAILED", "undone"});
  EXPECT_EQ(world(), before);

  write_spec();
  EXPECT_EQ(with_report({"rollback"}).exit_code, 0);
  expect_says(page(), {"1.0 serves ("});
  EXPECT_EQ(with_report({"rollback", "--to", "1.9"}).exit_code, 2);
  expect_says(page(), {"exit code 2"});

  const auto history = bgdeploy({"history", "--html"});
  EXPECT_EQ(history.exit_code, 0) << history;
  std::ofstream(workspace() + "/history.html") << history.out;
  expect_well_formed("history.html");
  expect_says(history.out, {"shop: history", "Where the time usually goes", "failed"});
}

TEST_F(Report, AFileThatCannotBeIsRefusedBeforeAnythingConnects) {
  write_spec({{"hosts", "hosts: {app: [192.0.2.1]}"}});
  std::filesystem::create_directory(workspace() + "/folder");
  for (const std::string file : {"nowhere/report.html", "folder", "folder/"}) {
    const auto finished = bgdeploy({"deploy", "--tag", "1.0", "--report", file});
    EXPECT_EQ(finished.exit_code, 2) << finished;
    EXPECT_NE(finished.err.find("--report: "), std::string::npos) << finished;
    const auto planned = bgdeploy({"plan", "--tag", "1.0", "--out", file});
    EXPECT_EQ(planned.exit_code, 2) << planned;
    EXPECT_NE(planned.err.find("--out: "), std::string::npos) << planned;
  }
  EXPECT_EQ(bgdeploy({"deploy", "--tag", "1.0", "--dry-run", "--report", "report.html"}).exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(workspace() + "/report.html"));
}

// The folder is there at the beginning, and gone in the end.
TEST_F(Report, OneThatCannotBeWrittenIsAWarning) {
  lab().image("1.0");
  std::filesystem::create_directory(workspace() + "/gone");
  write_spec({{"hooks", "hooks: {after_deploy: [{run: \"rmdir gone && : >gone\"}]}"}});
  const auto finished = bgdeploy({"deploy", "--tag", "1.0", "--report", "gone/report.html"});
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_NE(finished.err.find("warning: the report was not written"), std::string::npos) << finished;
}

}  // namespace
}  // namespace e2e
