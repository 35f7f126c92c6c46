// The three streams of a running process, between the thread that talks to it and the thread that moves its
// bytes. Either side may leave before the other.
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
#include "bgdeploy/io/output.hpp"
#include "bgdeploy/io/wakeup.hpp"

namespace bgdeploy::io {

using core::Result;
using core::Wait;

class Pipes {
public:
  static constexpr std::size_t k_capture_limit = std::size_t{16} << 20;  // bytes, of stdout and of stderr

  // The bytes of stdin that write_slowly lets pile up before it waits.
  static constexpr std::size_t k_input_limit = std::size_t{1} << 20;

  // Wakes `mover` whenever the talking side changes something.
  Pipes(std::shared_ptr<const Wakeup> mover, std::string input, bool input_closed);

  // --- the side that talks ---
  Result<void> write(std::string_view data);
  Result<void> write_slowly(std::string_view data, const Wait& wait);
  Result<void> close_input();
  Result<std::optional<std::string>> read_line(const Wait& wait);
  // What came of stdout, cut anywhere; nothing at the end.
  Result<std::optional<std::string>> read_piece(const Wait& wait);
  Result<Output> finish(const Wait& wait);
  // Reads no more. What was written is still delivered unless `drop_input`.
  void abandon(bool drop_input);

  // --- the side that moves bytes ---
  std::string take_input(std::size_t limit);
  bool input_ended() const;  // closed and all taken
  bool abandoned() const;
  std::size_t room() const;  // the bytes that put_out would take now
  void put_out(std::string_view data);
  void put_err(std::string_view data);
  void out_ended();
  void ended(int exit_code, std::string signal);
  void failed(core::Error error);  // ignored after the end

private:
  bool over() const { return m_ended || m_failure.has_value(); }
  std::optional<std::string> next_line();
  std::size_t unread() const { return m_out.size() - m_read; }
  std::string take_unread();

  const std::shared_ptr<const Wakeup> m_mover;
  mutable std::mutex m_mutex;
  std::condition_variable_any m_changed;
  std::string m_input;
  bool m_input_closed;
  bool m_abandoned = false;
  bool m_drain = false;  // somebody waits for the end, so read on past the limit
  std::string m_out, m_err;
  std::size_t m_read = 0;     // of m_out, by read_line
  std::size_t m_scanned = 0;  // no newline between m_read and this
  bool m_out_ended = false;
  bool m_ended = false;
  Output m_end;
  std::optional<core::Error> m_failure;
};

}  // namespace bgdeploy::io
