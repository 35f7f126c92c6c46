#include "line_log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>

namespace bgdeploy::report {
namespace {

using StreamSink = spdlog::sinks::stdout_sink_base<spdlog::details::console_nullmutex>;

}  // namespace

LineLog::LineLog(std::FILE* stream) : m_logger("bgdeploy", std::make_shared<StreamSink>(stream)) {
  m_logger.set_formatter(
      std::make_unique<spdlog::pattern_formatter>("%H:%M:%S  %v", spdlog::pattern_time_type::utc));
}

void LineLog::write(core::SystemTime time, const std::string& text) {
  m_logger.log(time, {}, spdlog::level::info, text);
}

}  // namespace bgdeploy::report
