// A clock that stands still, and a stream whose text can be read.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "bgdeploy/core/text.hpp"
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

inline Event event(std::string name, std::string message = "") {
  return {.name = std::move(name), .message = std::move(message)};
}

inline Event step(std::string what, std::string message, core::Duration took = core::Duration{1240}) {
  Event result{.name = "step." + what,
               .message = std::move(message),
               .host = "web-1",
               .slot = "green",
               .step = "health"};
  if (what != "started") result.duration = took;
  return result;
}

inline Event failed_step() {
  auto result = step("failed", "wait until auction-green is healthy", std::chrono::seconds(20));
  result.error = core::Error{core::ErrorKind::unhealthy,
                             "never became healthy within 20s: HTTP 503: starting",
                             {"exit code 1, not killed for lack of memory"}};
  return result;
}

inline Event output(std::string text) {
  return {.name = "log.line",
          .message = "",
          .host = "web-1",
          .slot = "green",
          .fields = {{"text", std::move(text)}, {"stream", "stderr"}}};
}

inline Event finished(std::int64_t exit_code, std::string result, std::string message = "") {
  return {.name = "deploy.finished",
          .message = std::move(message),
          .slot = "green",
          .duration = std::chrono::milliseconds(2400),
          .fields = {
              {"exit_code", exit_code}, {"result", std::move(result)}, {"from", "1.2.2"}, {"to", "1.2.3"}}};
}

}  // namespace bgdeploy::report
