// The proxies are observed while docker and the registry are asked, and their shells start while the lock is
// taken: nothing is looked at before it is held, so that what is seen holds.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "either_stop.hpp"
#include "prepare.hpp"

namespace bgdeploy::deploy {

class Lookout {
public:
  // Begins.
  Lookout(const Context& context, const Goal& goal, Fleet& fleet, const core::Wait& wait);
  // Without the lock nothing of it is wanted.
  ~Lookout();
  // The lock is held.
  void look();
  // The folder of docker on the history's host, or nothing. The first proxy's shell waits for it.
  void know_root(std::string folder);
  // What the first proxy's shell has read by the way; without one, or where that failed, with a command.
  core::Result<HistoryFolder> history();

private:
  void begin(std::size_t proxy);

  const Context& m_context;
  Fleet& m_fleet;
  const bool m_all;
  EitherStop m_stop;
  const core::Wait m_wait;
  World m_world;
  std::mutex m_mutex;
  std::condition_variable_any m_changed;
  bool m_locked = false, m_read = false;
  std::optional<std::string> m_root;
  std::optional<HistoryFolder> m_history;
  std::vector<std::jthread> m_threads;  // last: they use all of the above
};

}  // namespace bgdeploy::deploy
