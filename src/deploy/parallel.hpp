// The same work for several hosts side by side, and what becomes of an exception.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "bgdeploy/core/current_error.hpp"

namespace bgdeploy::deploy {

// What `work` returns, a Result; an exception of it as an error.
template <class Work>
auto guarded(Work&& work) -> decltype(work()) {
  try {
    return work();
  } catch (...) {
    return std::unexpected(core::current_error());
  }
}

// Calls work(0) … work(count - 1), at most `limit` at once; one alone runs on this thread. The first
// exception of any of them is thrown again here, when all are done.
template <class Work>
void for_each_parallel(std::size_t count, int limit, Work work) {
  std::atomic<std::size_t> next = 0;
  std::exception_ptr thrown;
  std::mutex mutex;
  const auto take = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::scoped_lock lock(mutex);
        if (!thrown) thrown = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    const std::size_t threads = std::min(count, static_cast<std::size_t>(std::max(limit, 1)));
    try {
      for (std::size_t i = 1; i < threads; ++i) helpers.emplace_back(take);
    } catch (const std::system_error&) {
      // No more threads are to be had: those that run, at least this one, do it all.
    }
    take();
  }
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace bgdeploy::deploy
