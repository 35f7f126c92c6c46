#pragma once

#include <atomic>
#include <cstdio>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string_view>

#include "arguments.hpp"
#include "command.hpp"

namespace bgdeploy::cli {

// Prints as long as somebody reads. A reader that goes, as `| head` does, ends the command as a signal does.
class Reader {
public:
  explicit Reader(const Arguments& arguments)
      : m_arguments(arguments), m_on_signal(arguments.stop, [this] { m_stop.request_stop(); }) {
    m_arguments.stop = m_stop.get_token();
  }
  const Arguments& arguments() const { return m_arguments; }
  bool reads() const { return m_reads; }
  void end() { m_stop.request_stop(); }

  // May be called from several threads.
  void give(std::string_view text, bool is_stderr) {
    const std::scoped_lock lock(m_mutex);
    m_reads = m_reads && print(text, is_stderr ? stderr : stdout);
    if (!m_reads) m_stop.request_stop();
  }

private:
  Arguments m_arguments;
  std::stop_source m_stop;
  std::stop_callback<std::function<void()>> m_on_signal;
  std::mutex m_mutex;
  std::atomic<bool> m_reads = true;
};

}  // namespace bgdeploy::cli
