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

std::string_view name_of(Client client) {
  constexpr std::array<std::string_view, k_clients> k_names{"get", "post", "kept", "slow", "kept_post"};
  return k_names[static_cast<std::size_t>(client)];
}

void Summary::answered(Client client, const std::string& version, Milliseconds latency) {
  const auto now = std::chrono::system_clock::now();
  ++of(client).ok;
  if (client != Client::slow) m_max_latency = std::max(m_max_latency, latency);
  auto& seen = m_versions[version];
  if (seen.count++ == 0) seen.first = now;
  seen.last = now;
}

void Summary::failed(Client client, const std::string& how, const std::string& detail) {
  ++of(client).failed;
  if (client == Client::kept_post) return;
  auto& failures = m_failures[how];
  ++failures.count;
  if (failures.first.size() < k_examples)
    failures.first.push_back({std::chrono::system_clock::now(), std::string(name_of(client)), detail});
}

Count Summary::total() const {
  Count total;
  for (const auto client : {Client::get, Client::post, Client::kept, Client::slow}) {
    total.sent += of(client).sent;
    total.ok += of(client).ok;
    total.failed += of(client).failed;
    total.retried += of(client).retried;
  }
  return total;
}

std::string Summary::to_json() const {
  const auto all = total();
  nlohmann::ordered_json out = {{"sent", all.sent},
                                {"ok", all.ok},
                                {"slow_ok", of(Client::slow).ok},
                                {"failed", all.failed},
                                {"retried", all.retried},
                                {"max_latency_ms", std::round(m_max_latency.count() * 10) / 10},
                                {"clients", nlohmann::json::object()},
                                {"failures", nlohmann::json::object()},
                                {"versions", nlohmann::json::object()}};
  for (std::size_t i = 0; i < k_clients; ++i) {
    const auto& count = m_clients[i];
    out["clients"][name_of(static_cast<Client>(i))] = {
        {"sent", count.sent}, {"ok", count.ok}, {"failed", count.failed}, {"retried", count.retried}};
  }
  for (const auto& [how, failures] : m_failures) {
    auto& entry = out["failures"][how] = {{"count", failures.count}, {"first", nlohmann::json::array()}};
    for (const auto& example : failures.first)
      entry["first"].push_back(
          {{"at", milliseconds(example.at)}, {"client", example.client}, {"detail", example.detail}});
  }
  for (const auto& [name, seen] : m_versions)
    out["versions"][name] = {
        {"count", seen.count}, {"first", milliseconds(seen.first)}, {"last", milliseconds(seen.last)}};
  return out.dump();
}

}  // namespace bgload
