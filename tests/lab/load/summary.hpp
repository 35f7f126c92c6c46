// What a run of the load generator has seen.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bgload {

using WallTime = std::chrono::system_clock::time_point;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Failures {
  struct Example {
    WallTime at;
    std::string client, detail;
  };
  std::uint64_t count = 0;
  std::vector<Example> first;  // at most k_examples
};

struct VersionSeen {
  std::uint64_t count = 0;
  WallTime first, last;
};

// Who sends a request, and how.
enum class Client {
  get,        // a GET on a connection of its own
  post,       // a POST on a connection of its own, which is never sent twice
  kept,       // a GET on a connection that is kept, and sent once more as RFC 9110 section 9.2.2 allows
  slow,       // the one long GET that is always in flight
  kept_post,  // a POST on a connection that is kept: nobody can promise that one, so it is counted apart
};
inline constexpr std::size_t k_clients = 5;
std::string_view name_of(Client client);

struct Count {
  std::uint64_t sent = 0, ok = 0, failed = 0, retried = 0;
};

class Summary {
public:
  static constexpr std::size_t k_examples = 5;

  void sent(Client client) { ++of(client).sent; }
  void retried(Client client) { ++of(client).retried; }
  void answered(Client client, const std::string& version, Milliseconds latency);
  // `how`: connect | closed | reset | short | status | malformed | timeout
  void failed(Client client, const std::string& how, const std::string& detail);

  bool any_answer() const { return total().ok > 0; }
  bool all_good() const { return total().failed == 0 && any_answer(); }

  // One JSON object: sent, ok, failed, retried (of all clients but kept_post), slow_ok, max_latency_ms (slow
  // requests not counted in), clients {name: {sent, ok, failed, retried}},
  // failures {how: {count, first: [{at, client, detail}]}}, versions {name: {count, first, last}}; times are
  // milliseconds since the epoch.
  std::string to_json() const;

private:
  Count& of(Client client) { return m_clients[static_cast<std::size_t>(client)]; }
  const Count& of(Client client) const { return m_clients[static_cast<std::size_t>(client)]; }
  Count total() const;

  std::array<Count, k_clients> m_clients;
  Milliseconds m_max_latency{0};
  std::map<std::string, Failures> m_failures;
  std::map<std::string, VersionSeen> m_versions;
};

}  // namespace bgload
