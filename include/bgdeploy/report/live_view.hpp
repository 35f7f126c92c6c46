// What a terminal shows: finished steps as lines that stay, and below them a region that is redrawn: what
// runs, and what serves meanwhile. It has no effects: the tty renderer draws it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/report/narrator.hpp"

namespace bgdeploy::report {

struct Screen {
  int width = 80, height = 24;
};

class LiveView {
public:
  LiveView(bool color, bool quiet, bool verbose)
      : m_color(color), m_quiet(quiet), m_narrator({.quiet = quiet, .verbose = verbose, .marks = true}) {}

  // The lines that the event adds above the region; they stay.
  std::vector<std::string> apply(const Event& event, core::SteadyTime now, const Screen& screen);
  // One line for each running step, and the last one for the whole run. None is wider than the screen, and
  // they are fewer than its height.
  std::vector<std::string> region(core::SteadyTime now, const Screen& screen) const;

private:
  struct Layer {
    std::int64_t current = 0, total = 0;
  };
  struct Running {
    std::string about;
    std::string note;  // the last health answer, or the last line of a build
    int times = 0;     // how often the note was the same
    core::SteadyTime since{};
    std::map<std::string, Layer> layers;
  };

  void track(const Event& event, core::SteadyTime now);
  void track_answer(const Event& event);
  void note(const StepName& step, std::string text);
  void switched(const StepName& step, bool to_new);
  std::string run_line(core::SteadyTime now, int width) const;
  std::string row(const StepName& step, const Running& running, core::SteadyTime now, int width) const;
  std::string painted(std::string_view mark, const char* color, std::string_view text) const;
  std::string lasting(const Narrator::Line& line) const;

  bool m_color, m_quiet;
  Narrator m_narrator;
  std::map<StepName, Running> m_running;
  std::vector<StepName> m_order;  // in the order in which they began
  std::optional<Started> m_started;
  std::optional<PlanMade> m_plan;
  core::SteadyTime m_began{};
  std::size_t m_done = 0;  // steps
  bool m_new_serves = false;
  bool m_undoes = false;
};

}  // namespace bgdeploy::report
