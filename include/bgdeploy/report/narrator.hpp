// Turns events into the lines that renderers for people print: one line for a step when it is done, and the
// whole story of a failure at the end, once.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/report/event.hpp"
#include "bgdeploy/report/layout.hpp"

namespace bgdeploy::report {

class Narrator {
public:
  struct Style {
    bool quiet = false, verbose = false;
    bool marks = false;    // a mark before each line says how a step ended, so the word for it need not
    bool streams = false;  // what builds and hooks print is shown as it comes, also without `verbose`
  };
  explicit Narrator(Style style) : m_style(style) { m_columns.result = !style.marks; }

  enum class Mark { text, heading, running, done, failed, halted, undone, warning, good, odd, bad, below };
  struct Line {
    Mark mark = Mark::text;
    std::string text;
  };
  // No lines when the event is not shown. `width`: of a line without its mark.
  std::vector<Line> tell(const Event& event, core::SteadyTime now, int width);
  // That a step began, where it takes long.
  std::vector<Line> late(core::SteadyTime now, int width);

  bool quiet() const { return m_style.quiet; }
  const Columns& columns() const { return m_columns; }
  // "web-1", "2 hosts"
  static std::string host_of(const StepName& step);

private:
  using Lines = std::vector<Line>;
  struct Running {
    core::SteadyTime since{};
    std::string about;
    std::string answer;  // the last one to a health probe
    int attempt = 0;
    bool told = false;
  };
  struct Repeated {
    std::string text;
    int times = 0;
  };

  void begin(const PlanMade& event, int width);
  Lines tell_step(const Event& event, int width);
  Lines tell_output(const Event& event, int width);
  Lines tell_remark(const std::string& host, const std::string& message, Mark mark, int width);
  Lines finish(const Finished& event, int width);
  Lines tell_repeated(const StepName& step, const std::string& key, const std::string& text, int width);
  Lines end_repeats(const StepName& step, int width);
  Line row(Mark mark, const StepName& step, Row cells, int width) const;
  std::string done_words(const StepFinished& event) const;

  Style m_style;
  Columns m_columns;
  std::optional<Started> m_started;
  bool m_told_start = false;
  core::SteadyTime m_began{};
  std::map<StepName, Running> m_running;
  std::map<std::tuple<StepName, std::string>, Repeated> m_repeats;
  std::map<std::tuple<StepName, std::string>, std::string> m_layers;  // of a pull, with their status
  std::set<std::string> m_streamed;  // what hooks and builds printed, as it was shown
};

}  // namespace bgdeploy::report
