// What a run of the load generator has seen.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bgload {

using WallTime = std::chrono::system_clock::time_point;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Failures {
  struct Example {
    WallTime at;
    std::string detail;
  };
  std::uint64_t count = 0;
  std::vector<Example> first;  // at most k_examples
};

struct VersionSeen {
  std::uint64_t count = 0;
  WallTime first, last;
};

class Summary {
public:
  static constexpr std::size_t k_examples = 5;

  void sent() { ++m_sent; }
  void retried() { ++m_retried; }
  void answered(const std::string& version, Milliseconds latency, bool slow);
  // `kind`: connect | closed | reset | short | status | malformed | timeout
  void failed(const std::string& kind, const std::string& detail);

  bool any_answer() const { return m_ok > 0; }
  bool all_good() const { return m_failed == 0 && m_ok > 0; }

  // One JSON object: sent, ok, slow_ok, failed, retried, max_latency_ms (slow requests not counted in),
  // failures {kind: {count, first: [{at, detail}]}}, versions {name: {count, first, last}}; times are
  // milliseconds since the epoch.
  std::string to_json() const;

private:
  std::uint64_t m_sent = 0, m_ok = 0, m_slow_ok = 0, m_failed = 0, m_retried = 0;
  Milliseconds m_max_latency{0};
  std::map<std::string, Failures> m_failures;
  std::map<std::string, VersionSeen> m_versions;
};

}  // namespace bgload
