// The same work for several hosts side by side.
#pragma once

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace bgdeploy::deploy {

// Calls work(0) … work(count - 1), at most `limit` at once; one alone runs on this thread.
template <class Work>
void for_each_parallel(std::size_t count, int limit, Work work) {
  std::atomic<std::size_t> next = 0;
  auto take = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::jthread> helpers;
  const std::size_t threads = std::min(count, static_cast<std::size_t>(std::max(limit, 1)));
  for (std::size_t i = 1; i < threads; ++i) helpers.emplace_back(take);
  take();
}

}  // namespace bgdeploy::deploy
