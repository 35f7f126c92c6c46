// What a terminal shows: steps that are over as lines that stay, those that run as a region that is redrawn.
// Without effects: the tty renderer puts it on the screen.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
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
      : m_color(color), m_quiet(quiet), m_verbose(verbose), m_narrator(quiet, verbose) {}

  // Lines that the event adds above the region, for good.
  std::vector<std::string> apply(const Event& event, core::SteadyTime now, const Screen& screen);
  // The region: a line a running step, each within the screen's width, fewer than its height.
  std::vector<std::string> region(core::SteadyTime now, const Screen& screen) const;

private:
  struct Layer {
    std::int64_t current = 0, total = 0;
  };
  struct Row {
    std::string text;  // "web-1  pull app:1.2.3"
    std::string note;  // the last health answer, or line of a build
    core::SteadyTime since{};
    std::map<std::string, Layer> layers;
  };
  using Key = std::tuple<std::string, std::string, std::string>;  // host, slot, step

  void track(const Event& event, core::SteadyTime now);
  void progress(const Event& event);
  std::string painted(std::string_view mark, const char* color, std::string_view text) const;
  std::string lasting(const Event& event, const Narrator::Line& line, bool first, bool last,
                      const Screen& screen) const;

  bool m_color, m_quiet, m_verbose;
  Narrator m_narrator;
  std::map<Key, Row> m_rows;
  std::vector<Key> m_order;  // as they began
};

}  // namespace bgdeploy::report
