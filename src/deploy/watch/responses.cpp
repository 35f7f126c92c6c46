#include "watch/responses.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/regex.hpp"

namespace bgdeploy::deploy {
namespace {

// nginx takes up to 32 kB of headers (large_client_header_buffers), and a log may hold several of them.
constexpr std::size_t k_longest_log_line = std::size_t{64} << 10;

std::optional<int> status_in(std::string_view text) {
  const auto status = core::parse_number<int>(text);
  return status && *status >= 100 && *status <= 999 ? status : std::nullopt;
}

// $remote_addr - $remote_user [$time_local] "$request" $status … where nginx writes a quote in a value as
// \x22.
std::optional<int> status_of_combined(std::string_view line) {
  const std::size_t begin = line.find('"');
  const std::size_t end = begin == std::string_view::npos ? begin : line.find("\" ", begin + 1);
  if (end == std::string_view::npos) return {};
  const std::string_view rest = line.substr(end + 2);
  return status_in(rest.substr(0, rest.find(' ')));
}

// {"status": "503"} as escape=json writes it, or {"status": 503}.
std::optional<int> status_of_json(std::string_view line) {
  const auto object = core::Json::parse(line, nullptr, false);
  if (!object.is_object()) return {};
  const auto status = object.find("status");
  if (status == object.end()) return {};
  if (status->is_string()) return status_in(status->get<std::string>());
  return status->is_number_integer() ? status_in(std::to_string(status->get<std::int64_t>())) : std::nullopt;
}

bool is_within(const std::vector<std::pair<int, int>>& ranges, int status) {
  return std::ranges::any_of(
      ranges, [&](const auto& range) { return status >= range.first && status <= range.second; });
}

}  // namespace

ReadStatus status_reader(const std::string& format) {
  if (format == "combined") return status_of_combined;
  if (format == "json") return status_of_json;
  const auto regex = core::Regex::compile(format);
  if (!regex) return [](std::string_view) { return std::optional<int>(); };
  return [regex = *regex, group = regex->group("status").value_or(1)](std::string_view line) {
    const auto text = regex.match(line, group);
    return text ? status_in(*text) : std::nullopt;
  };
}

Responses::Responses(const spec::WatchResponses& settings)
    : m_settings(settings), m_status_of(status_reader(settings.format)) {}

void Responses::add(std::string_view piece) {
  m_rest += piece;
  std::size_t begin = 0;
  for (std::size_t end; (end = m_rest.find('\n', begin)) != std::string::npos; begin = end + 1)
    count(std::string_view(m_rest).substr(begin, end - begin));
  m_rest.erase(0, begin);
  if (m_rest.size() > k_longest_log_line) m_rest.erase(k_longest_log_line);
}

void Responses::count(std::string_view line) {
  const auto status = m_status_of(line);
  m_unread += status ? 0 : 1;
  m_seen += status ? 1 : 0;
  m_bad += status && is_within(m_settings.bad, *status) ? 1 : 0;
}

Sight Responses::sight() const {
  if (m_seen < m_settings.requests && m_unread > m_seen)
    return {{},
            fmt::format("{} of {} lines are not in the format {}", m_unread, m_seen + m_unread,
                        core::printable(m_settings.format))};
  if (m_seen < m_settings.requests)
    return {{}, fmt::format("{} of {} responses were seen", m_seen, m_settings.requests)};
  const double share = static_cast<double>(m_bad) / static_cast<double>(std::max<std::int64_t>(m_seen, 1));
  return {share <= m_settings.ratio,
          fmt::format("{} of {} responses were bad ({:.3g}%)", m_bad, m_seen, share * 100)};
}

}  // namespace bgdeploy::deploy
