// The three streams of a running process, between the thread that talks to it and the thread that moves its
// bytes. Both sides may be gone before the other.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/ssh/wake.hpp"

namespace bgdeploy::ssh {

using core::Result;
using core::Wait;

struct Captured {
  int exit_code = 0;   // 128 + n when a signal ended it
  std::string signal;  // "KILL", or empty
  std::string out, err;
};

// A value that one thread settles once and another waits for.
class Opening {
public:
  void settle(Result<void> result);
  // Why it has not been settled yet: for who waits too long.
  void excuse(std::string words);
  Result<void> wait(const Wait& wait, std::string_view what);
  std::optional<Result<void>> peek() const;

private:
  mutable std::mutex m_mutex;
  std::condition_variable_any m_changed;
  std::optional<Result<void>> m_result;
  std::string m_excuse;
};

class Pipes {
public:
  static constexpr std::size_t k_capture_limit = std::size_t{16} << 20;  // bytes, of stdout and of stderr

  // Of stdin, that write_slowly lets pile up before it waits.
  static constexpr std::size_t k_input_limit = std::size_t{1} << 20;

  // `mover` is woken whenever the talking side changed something.
  Pipes(std::shared_ptr<const Waker> mover, std::string input, bool input_closed);

  // --- the side that talks ---
  Result<void> write(std::string_view data);
  Result<void> write_slowly(std::string_view data, const Wait& wait);
  Result<void> close_input();
  Result<std::optional<std::string>> read_line(const Wait& wait);
  Result<Captured> finish(const Wait& wait);
  // Nobody will read any more. What was written is still delivered unless `drop_input`.
  void abandon(bool drop_input);

  // --- the side that moves bytes ---
  std::string take_input(std::size_t limit);
  bool input_ended() const;  // closed and all taken
  bool abandoned() const;
  std::size_t room() const;  // how much put_out would take now
  void put_out(std::string_view data);
  void put_err(std::string_view data);
  void out_ended();
  void ended(int exit_code, std::string signal);
  void failed(core::Error error);  // kept only when it has not ended

private:
  bool over() const { return m_ended || m_failure.has_value(); }
  std::optional<std::string> next_line();
  std::size_t unread() const { return m_out.size() - m_read; }
  std::string take_unread();

  const std::shared_ptr<const Waker> m_mover;
  mutable std::mutex m_mutex;
  std::condition_variable_any m_changed;
  std::string m_input;
  bool m_input_closed;
  bool m_abandoned = false;
  bool m_drain = false;  // somebody waits for the end: read on past the limit
  std::string m_out, m_err;
  std::size_t m_read = 0;     // of m_out, by read_line
  std::size_t m_scanned = 0;  // no newline between m_read and this
  bool m_out_ended = false;
  bool m_ended = false;
  Captured m_end;
  std::optional<core::Error> m_failure;
};

}  // namespace bgdeploy::ssh
