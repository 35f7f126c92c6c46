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

// What one line of a log says.
struct Logged {
  int status;
  bool own = false;  // bgdeploy asked, by the User-Agent, as far as the format has it
  bool operator==(const Logged&) const = default;
};
// Nothing where the line has no status, or is in another format.
using ReadLine = std::function<std::optional<Logged>(std::string_view line)>;
ReadLine line_reader(const std::string& format);

class Responses {
public:
  explicit Responses(const spec::WatchResponses& settings);
  // What was appended to the log, cut anywhere.
  void add(std::string_view piece);
  Sight sight() const;

private:
  void count(std::string_view line);

  const spec::WatchResponses m_settings;
  const ReadLine m_read;
  std::string m_rest;  // a line that has begun
  std::int64_t m_seen = 0, m_bad = 0, m_unread = 0;
};

}  // namespace bgdeploy::deploy
