#include "summary.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace bgload {
namespace {

std::int64_t milliseconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

void Summary::answered(const std::string& version, Milliseconds latency, bool slow) {
  const auto now = std::chrono::system_clock::now();
  ++m_ok;
  if (slow) {
    ++m_slow_ok;
  } else {
    m_max_latency = std::max(m_max_latency, latency);
  }
  auto& seen = m_versions[version];
  if (seen.count++ == 0) seen.first = now;
  seen.last = now;
}

void Summary::failed(const std::string& kind, const std::string& detail) {
  ++m_failed;
  auto& failures = m_failures[kind];
  ++failures.count;
  if (failures.first.size() < k_examples)
    failures.first.push_back({std::chrono::system_clock::now(), detail});
}

std::string Summary::to_json() const {
  nlohmann::ordered_json out = {{"sent", m_sent},
                                {"ok", m_ok},
                                {"slow_ok", m_slow_ok},
                                {"failed", m_failed},
                                {"retried", m_retried},
                                {"max_latency_ms", std::round(m_max_latency.count() * 10) / 10},
                                {"failures", nlohmann::json::object()},
                                {"versions", nlohmann::json::object()}};
  for (const auto& [kind, failures] : m_failures) {
    auto& entry = out["failures"][kind] = {{"count", failures.count}, {"first", nlohmann::json::array()}};
    for (const auto& example : failures.first)
      entry["first"].push_back({{"at", milliseconds(example.at)}, {"detail", example.detail}});
  }
  for (const auto& [name, seen] : m_versions)
    out["versions"][name] = {
        {"count", seen.count}, {"first", milliseconds(seen.first)}, {"last", milliseconds(seen.last)}};
  return out.dump();
}

}  // namespace bgload
