// What an access log says of the responses since the switch.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/spec/spec.hpp"
#include "judge.hpp"

namespace bgdeploy::deploy {

// The status in one line of a log; nothing where it has none, or is in another format.
using ReadStatus = std::function<std::optional<int>(std::string_view line)>;
ReadStatus status_reader(const std::string& format);

class Responses {
public:
  explicit Responses(const spec::WatchResponses& settings);
  // What was appended to the log, cut anywhere.
  void add(std::string_view piece);
  Sight sight() const;

private:
  void count(std::string_view line);

  const spec::WatchResponses m_settings;
  const ReadStatus m_status_of;
  std::string m_rest;  // a line that has begun
  std::int64_t m_seen = 0, m_bad = 0, m_unread = 0;
};

}  // namespace bgdeploy::deploy
