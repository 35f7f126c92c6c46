// What has to be undone on the app hosts when a later step fails.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "bgdeploy/plan/plan.hpp"

namespace bgdeploy::deploy {

class UndoLog {
public:
  struct Entry {
    plan::Step done, inverse;
  };

  // Nothing where `inverse` is none. Threads of several hosts may call it at once.
  void record(plan::Step done, std::optional<plan::Step> inverse) {
    if (!inverse) return;
    const std::scoped_lock lock(m_mutex);
    m_entries.push_back({std::move(done), std::move(*inverse)});
  }
  std::vector<Entry> take() {
    const std::scoped_lock lock(m_mutex);
    return std::exchange(m_entries, {});
  }

private:
  std::mutex m_mutex;
  std::vector<Entry> m_entries;
};

}  // namespace bgdeploy::deploy
