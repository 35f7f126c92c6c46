// A clock that stands still, and a stream whose text can be read.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/report/render.hpp"

namespace bgdeploy::report {

class StillClock final : public core::Clock {
public:
  core::SteadyTime now() const override { return core::SteadyTime{} + std::chrono::hours(1); }
  core::SystemTime wall() const override { return *core::parse_time("2026-11-21T05:07:10.042Z"); }
  bool sleep_for(core::Duration, std::stop_token) override { return true; }
};

class Paper {
public:
  Paper() : m_stream(::open_memstream(&m_data, &m_size)) {}
  Paper(const Paper&) = delete;
  ~Paper() {
    std::fclose(m_stream);
    std::free(m_data);
  }
  std::FILE* stream() { return m_stream; }
  std::string text() {
    std::fflush(m_stream);
    return {m_data, m_size};
  }

private:
  char* m_data = nullptr;
  std::size_t m_size = 0;
  std::FILE* m_stream;
};

// What a renderer prints for these events, its destruction included.
template <class... Events>
std::string rendered(std::string_view kind, Terminal terminal, Events&&... events) {
  Paper paper;
  StillClock clock;
  terminal.stream = paper.stream();
  {
    auto sink = pick(kind, terminal, clock);
    (sink->emit(std::forward<Events>(events)), ...);
  }
  return paper.text();
}

inline const StepName k_health{"web-1", "green", "health"};

inline StepStarted begun(std::string about) {
  return {k_health, "wait until " + about + " is healthy", about};
}

inline StepFinished done(std::string about) {
  return {k_health, "wait until " + about + " is healthy", core::Duration{1240}, about};
}

inline StepFailed failed_step() {
  return {k_health, "wait until shop-green is healthy", std::chrono::seconds(20),
          core::Error{core::ErrorKind::unhealthy,
                      "shop-green on web-1 exited with code 3",
                      {"docker says: no space left"}},
          "shop-green"};
}

// A run of a deploy of 1.2.3 in the place of 1.2.2.
inline Started started() {
  return {Command::deploy, "shop deploy 1.2.3", "shop", "1.2.3"};
}

inline PlanMade plan_made() {
  return {
      .steps = {{"web-1", "", "pull"}, {"web-1", "green", "start"}, k_health, {"web-1", "green", "switch"}},
      .from = {"1.2.2", "sha256:" + std::string(64, 'a')},
      .to = {"1.2.3", "sha256:" + std::string(64, 'b')},
      .live = "blue",
      .target = "green"};
}

inline LogLine output(std::string text) {
  return {k_health, std::move(text)};
}

inline Finished finished(int exit_code, Verdict verdict, std::string remark = "") {
  return {.command = Command::deploy,
          .verdict = verdict,
          .exit_code = exit_code,
          .from = {"1.2.2"},
          .to = {"1.2.3"},
          .slot = exit_code == 0 || exit_code == 6 ? "green" : "blue",
          .took = std::chrono::milliseconds(2400),
          .remark = std::move(remark),
          .service = "shop"};
}

// It failed as failed_step() did.
inline Finished failed_run() {
  Finished last = finished(1, Verdict::failed);
  last.error = failed_step().error;
  last.serving = Serving{{"1.2.2"}, "blue", {"web-1"}, true};
  last.cause = Cause{k_health,
                     "web-1",
                     {{"web-1", {"listening on 8080", "panic: no database"}}},
                     Asked{"GET http://127.0.0.1:8082/health", "connection refused", 3}};
  return last;
}

}  // namespace bgdeploy::report
