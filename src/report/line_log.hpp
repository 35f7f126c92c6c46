// The log lines of what is no terminal: with the time, in UTC as logs of several machines are read side by
// side.
#pragma once

#include <spdlog/logger.h>

#include <cstdio>
#include <string>

#include "bgdeploy/core/clock.hpp"

namespace bgdeploy::report {

class LineLog {
public:
  explicit LineLog(std::FILE* stream);
  // "05:07:10  text", written at once.
  void write(core::SystemTime time, const std::string& text);

private:
  spdlog::logger m_logger;
};

}  // namespace bgdeploy::report
