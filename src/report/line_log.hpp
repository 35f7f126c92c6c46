// Log lines for a stream that is no terminal, as a Narrator tells them. Each begins with the time, in UTC:
// people read logs of several machines side by side.
#pragma once

#include <spdlog/logger.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/report/narrator.hpp"
#include "bgdeploy/report/render.hpp"

namespace bgdeploy::report {

class LineLog : public Sink {
public:
  LineLog(const Terminal& terminal, core::Clock& clock);
  ~LineLog() override;
  void emit(Event event) final;

protected:
  // Around the lines of an event, for those that a CI system reads.
  virtual void before(const Event& event, bool shown);
  virtual void after(const Event& event);
  // Writes it as it is.
  void write(const std::string& text);

private:
  void print(const std::vector<Narrator::Line>& lines);
  void watch(const std::stop_token& stop);

  std::FILE* const m_stream;
  spdlog::logger m_logger;
  core::Clock& m_clock;
  std::mutex m_mutex;
  std::condition_variable_any m_wake;
  Narrator m_narrator;
  std::jthread m_watcher;  // last: its thread uses all of the above
};

}  // namespace bgdeploy::report
