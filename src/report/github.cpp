// Lines as plain prints them, folded into a group until the run ends, and annotations that GitHub shows
// beside the run. Source: "Workflow commands for GitHub Actions".
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/report/words.hpp"
#include "github_summary.hpp"
#include "line_log.hpp"
#include "renderers.hpp"

namespace bgdeploy::report {
namespace {

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string escaped(std::string_view data) {
  auto text = replace_all(std::string(data), "%", "%25");
  text = replace_all(std::move(text), "\r", "%0D");
  return replace_all(std::move(text), "\n", "%0A");
}

// In a property of a command a colon or a comma would end it.
std::string escaped_property(std::string_view data) {
  return replace_all(replace_all(escaped(data), ":", "%3A"), ",", "%2C");
}

// "file=bgdeploy.yml,line=7,col=3" of "bgdeploy.yml:7:3: unknown key 'x'".
std::string place_of(std::string_view line) {
  const auto end = line.find(": ");
  const std::string_view place = line.substr(0, end);
  const auto column = place.rfind(':');
  if (end == std::string_view::npos || column == 0 || column == std::string_view::npos) return {};
  const auto row = place.rfind(':', column - 1);
  if (row == 0 || row == std::string_view::npos) return {};
  const auto rows = core::parse_number<int>(place.substr(row + 1, column - row - 1));
  const auto columns = core::parse_number<int>(place.substr(column + 1));
  if (!rows || !columns) return {};
  return fmt::format("file={},line={},col={}", escaped_property(place.substr(0, row)), *rows, *columns);
}

std::string annotation(const std::string& properties, const std::string& text) {
  return fmt::format("::error {}::{}\n", properties, escaped(text));
}

// To a file that the runner names; without one, as outside of a job, nowhere.
void append_to(const char* variable, const std::string& text) {
  const char* path = std::getenv(variable);
  if (path == nullptr || *path == '\0') return;
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  if (const std::unique_ptr<std::FILE, Close> file{std::fopen(path, "a")}) put(file.get(), text);
}

class GithubRenderer final : public LineLog {
public:
  GithubRenderer(const Terminal& terminal, core::Clock& clock)
      : LineLog(terminal, clock), m_quiet(terminal.quiet) {}
  ~GithubRenderer() override { end_group(); }

private:
  void before(const Event& event, bool shown) override {
    // A reader sees how it ended without opening a group.
    if (shown && is<Finished>(event)) end_group();
    const auto* started = std::get_if<Started>(&event);
    if (started == nullptr || m_quiet) return;
    end_group();
    write("::group::" + escaped(heading(*started)) + "\n");
    m_in_group = true;
  }

  void after(const Event& event) override {
    if (const auto* warning = std::get_if<Warning>(&event)) {
      const std::string where = warning->host.empty() ? "" : " on " + one_line(warning->host);
      write("::warning title=" + escaped_property("bgdeploy" + where) +
            "::" + escaped(one_line(warning->message)) + "\n");
    }
    keep(event);
    const auto* finished = std::get_if<Finished>(&event);
    if (finished == nullptr) return;
    append_to("GITHUB_STEP_SUMMARY", github_summary(*finished, m_steps));
    append_to("GITHUB_OUTPUT", github_outputs(*finished));
    if (finished->exit_code == 0) return;
    std::string text;
    for (const Part& part : parts(*finished))
      for (const auto* lines : {&part.lines, &part.quoted})
        for (const std::string& line : *lines)
          text += (text.empty() ? "" : "\n") + (lines == &part.quoted ? "| " + line : line);
    const std::string service = finished->service.empty() ? "" : one_line(finished->service) + ": ";
    write(annotation("title=" + escaped_property(service + headline(*finished)), text));
  }

  // What the summary's table tells.
  void keep(const Event& event) {
    const auto add = [this](const StepName& step, std::string result, core::Duration took,
                            const std::string& what) {
      m_steps.push_back({Narrator::host_of(step), one_line(step.step), std::move(result),
                         short_duration(took), one_line(what)});
    };
    if (const auto* done = std::get_if<StepFinished>(&event)) add(done->step, "ok", done->took, done->about);
    if (const auto* failed = std::get_if<StepFailed>(&event))
      add(failed->step, failed->error.kind == core::ErrorKind::cancelled ? "halted" : "FAILED", failed->took,
          failed->error.message);
    if (const auto* undone = std::get_if<StepUndone>(&event))
      add(undone->step, "undone", undone->took.value_or(core::Duration{}), undone->about);
  }

  void end_group() {
    if (m_in_group) write("::endgroup::\n");
    m_in_group = false;
  }

  const bool m_quiet;
  bool m_in_group = false;
  std::vector<Row> m_steps;
};

}  // namespace

std::string github_annotations(const core::Error& error) {
  std::string text, whole = one_line(error.message);
  for (const std::string& detail : error.details) {
    const std::string line = one_line(detail);
    whole += "\n" + line;
    if (const auto place = place_of(line); !place.empty())
      text += annotation(place, line.substr(line.find(": ") + 2));
  }
  return text.empty() ? annotation("title=bgdeploy", whole) : text;
}

std::unique_ptr<Sink> github_renderer(const Terminal& terminal, core::Clock& clock) {
  return std::make_unique<GithubRenderer>(terminal, clock);
}

}  // namespace bgdeploy::report
