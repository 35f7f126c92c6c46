#include "bgdeploy/io/pipes.hpp"

#include <algorithm>

namespace bgdeploy::io {

using core::ErrorKind;

Pipes::Pipes(std::shared_ptr<const Wakeup> mover, std::string input, bool input_closed)
    : m_mover(std::move(mover)), m_input(std::move(input)), m_input_closed(input_closed) {}

Result<void> Pipes::write(std::string_view data) {
  {
    const std::lock_guard lock(m_mutex);
    if (m_failure) return std::unexpected(*m_failure);
    if (m_ended) return core::fail(ErrorKind::lost, "the command has ended");
    if (m_input_closed) return core::fail(ErrorKind::internal, "write after the input was closed");
    m_input.append(data);
  }
  m_mover->wake();
  return {};
}

Result<void> Pipes::write_slowly(std::string_view data, const Wait& wait) {
  {
    std::unique_lock lock(m_mutex);
    const bool ready = m_changed.wait_until(lock, wait.stop, wait.deadline,
                                            [this] { return m_input.size() <= k_input_limit || over(); });
    if (!ready) return std::unexpected(wait_error(wait, "the command to read its input"));
  }
  return write(data);
}

Result<void> Pipes::close_input() {
  {
    const std::lock_guard lock(m_mutex);
    if (m_failure) return std::unexpected(*m_failure);
    m_input_closed = true;
  }
  m_mover->wake();
  return {};
}

std::string Pipes::take_unread() {
  m_out.erase(0, m_read);
  m_read = m_scanned = 0;
  return std::exchange(m_out, {});
}

std::optional<std::string> Pipes::next_line() {
  const auto newline = m_out.find('\n', m_scanned);
  if (newline == std::string::npos) {
    m_scanned = m_out.size();
    if (!m_out_ended || unread() == 0) return {};
    return take_unread();
  }
  auto line = m_out.substr(m_read, newline - m_read);
  m_read = m_scanned = newline + 1;
  // Many short lines in a long text must not move that text for each of them.
  if (m_read > m_out.size() / 2) {
    m_out.erase(0, m_read);
    m_read = m_scanned = 0;
  }
  return line;
}

Result<std::optional<std::string>> Pipes::read_line(const Wait& wait) {
  std::optional<std::string> line;
  {
    std::unique_lock lock(m_mutex);
    const bool ready = m_changed.wait_until(lock, wait.stop, wait.deadline, [&] {
      line = next_line();
      return line || m_out_ended || over();
    });
    if (!ready) return std::unexpected(wait_error(wait, "a line of the command's output"));
    if (!line && m_failure) return std::unexpected(*m_failure);
  }
  m_mover->wake();
  return line;
}

Result<std::optional<std::string>> Pipes::read_piece(const Wait& wait) {
  std::optional<std::string> piece;
  {
    std::unique_lock lock(m_mutex);
    const bool ready = m_changed.wait_until(lock, wait.stop, wait.deadline,
                                            [&] { return unread() > 0 || m_out_ended || over(); });
    if (!ready) return std::unexpected(wait_error(wait, "the command's output"));
    if (unread() > 0)
      piece = take_unread();
    else if (m_failure)
      return std::unexpected(*m_failure);
  }
  m_mover->wake();
  return piece;
}

Result<Output> Pipes::finish(const Wait& wait) {
  {
    const std::lock_guard lock(m_mutex);
    m_drain = true;
  }
  m_mover->wake();
  std::unique_lock lock(m_mutex);
  if (!m_changed.wait_until(lock, wait.stop, wait.deadline, [this] { return over(); }))
    return std::unexpected(wait_error(wait, "the command's end"));
  if (m_failure) return std::unexpected(*m_failure);
  auto captured = m_end;
  captured.out = take_unread();
  captured.err = std::exchange(m_err, {});
  return captured;
}

void Pipes::abandon(bool drop_input) {
  {
    const std::lock_guard lock(m_mutex);
    m_abandoned = true;
    m_input_closed = true;
    if (drop_input) m_input.clear();
  }
  m_mover->wake();
}

std::string Pipes::take_input(std::size_t limit) {
  const std::lock_guard lock(m_mutex);
  if (!m_input.empty()) m_changed.notify_all();
  if (m_input.size() <= limit) return std::exchange(m_input, {});
  auto taken = m_input.substr(0, limit);
  m_input.erase(0, limit);
  return taken;
}

bool Pipes::input_ended() const {
  const std::lock_guard lock(m_mutex);
  return m_input_closed && m_input.empty();
}

bool Pipes::abandoned() const {
  const std::lock_guard lock(m_mutex);
  return m_abandoned;
}

std::size_t Pipes::room() const {
  const std::lock_guard lock(m_mutex);
  if (m_drain || m_abandoned) return k_capture_limit;
  return k_capture_limit - std::min(k_capture_limit, unread());
}

void Pipes::put_out(std::string_view data) {
  const std::lock_guard lock(m_mutex);
  // What a mover read when there was room for some of it is not lost to a slow reader.
  const bool bounded = m_drain || m_abandoned;
  m_out.append(bounded ? data.substr(0, k_capture_limit - std::min(k_capture_limit, unread())) : data);
  m_changed.notify_all();
}

void Pipes::put_err(std::string_view data) {
  const std::lock_guard lock(m_mutex);
  m_err.append(data.substr(0, k_capture_limit - std::min(k_capture_limit, m_err.size())));
}

void Pipes::out_ended() {
  const std::lock_guard lock(m_mutex);
  m_out_ended = true;
  m_changed.notify_all();
}

void Pipes::ended(int exit_code, std::string signal) {
  const std::lock_guard lock(m_mutex);
  if (over()) return;
  m_ended = m_out_ended = true;
  m_end.exit_code = exit_code;
  m_end.signal = std::move(signal);
  m_changed.notify_all();
}

void Pipes::failed(core::Error error) {
  const std::lock_guard lock(m_mutex);
  if (over()) return;
  m_failure = std::move(error);
  m_changed.notify_all();
}

}  // namespace bgdeploy::io
