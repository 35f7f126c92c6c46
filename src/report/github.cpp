// Lines as plain prints them, folded into a group until something fails, and annotations that GitHub shows
// beside the run. Source: "Workflow commands for GitHub Actions".
#include <mutex>
#include <string>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/report/narrator.hpp"
#include "bgdeploy/report/words.hpp"
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

// The older "##[command]" is looked for anywhere in a line: foreign text must not speak to the runner.
std::string inert(std::string text) {
  return replace_all(std::move(text), "##[", "#\\x23[");
}

class GithubRenderer final : public Sink {
public:
  GithubRenderer(const Terminal& terminal, core::Clock& clock)
      : m_stream(terminal.stream),
        m_log(terminal.stream),
        m_clock(clock),
        m_narrator(terminal.quiet, terminal.verbose) {}
  ~GithubRenderer() override { put(m_stream, end_group()); }

  void emit(Event event) override {
    const std::lock_guard lock(m_mutex);
    event.time = m_clock.wall();
    const auto lines = m_narrator.tell(event);
    std::string text;
    // What failed, and what follows it, is read without a click.
    if (!lines.empty() && (is_conclusion(event) || event.name == "step.failed")) text += end_group();
    if (!lines.empty() && event.name.ends_with(".started") && event.name != "step.started") {
      text += end_group() + "::group::" + escaped(inert(subject(event))) + "\n";
      m_in_group = true;
    }
    put(m_stream, text);
    for (const auto& line : lines) m_log.write(event.time, inert(said(line)));
    put(m_stream, annotation(event));
  }

private:
  std::string end_group() {
    if (!m_in_group) return "";
    m_in_group = false;
    return "::endgroup::\n";
  }

  std::string annotation(const Event& event) const {
    if (event.name == "warning") return "::warning title=bgdeploy::" + escaped(inert(subject(event))) + "\n";
    if (!is_conclusion(event) || number_field(event, "exit_code").value_or(0) == 0) return "";
    const auto& failure = m_narrator.failure();
    std::string text;
    const auto* error = event.error ? &*event.error : failure && failure->error ? &*failure->error : nullptr;
    if (error != nullptr) {
      for (const auto& line : explanation(*error)) text += "\n" + line;
    }
    return "::error title=bgdeploy::" + escaped(inert(conclusion(event, failure) + text)) + "\n";
  }

  std::mutex m_mutex;
  std::FILE* m_stream;
  LineLog m_log;
  core::Clock& m_clock;
  Narrator m_narrator;
  bool m_in_group = false;
};

}  // namespace

std::unique_ptr<Sink> github_renderer(const Terminal& terminal, core::Clock& clock) {
  return std::make_unique<GithubRenderer>(terminal, clock);
}

}  // namespace bgdeploy::report
