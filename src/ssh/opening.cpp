#include "opening.hpp"

#include "bgdeploy/io/wakeup.hpp"

namespace bgdeploy::ssh {

void Opening::settle(Result<void> result) {
  const std::lock_guard lock(m_mutex);
  if (m_result) return;
  m_result = std::move(result);
  m_changed.notify_all();
}

void Opening::excuse(std::string words) {
  const std::lock_guard lock(m_mutex);
  m_excuse = std::move(words);
}

Result<void> Opening::wait(const Wait& wait, std::string_view what) {
  std::unique_lock lock(m_mutex);
  if (!m_changed.wait_until(lock, wait.stop, wait.deadline, [this] { return m_result.has_value(); })) {
    auto error = io::wait_error(wait, what);
    if (!m_excuse.empty()) error.details.push_back(m_excuse);
    return std::unexpected(std::move(error));
  }
  return *m_result;
}

std::optional<Result<void>> Opening::peek() const {
  const std::lock_guard lock(m_mutex);
  return m_result;
}

}  // namespace bgdeploy::ssh
