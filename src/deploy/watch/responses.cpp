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

std::optional<Logged> logged(std::optional<int> status, std::string_view agent) {
  if (!status) return {};
  return Logged{*status, agent.starts_with("bgdeploy")};
}

// The next quoted value, off the front of `line`; nginx writes a quote in a value as \x22.
std::optional<std::string_view> take_quoted(std::string_view& line) {
  const std::size_t begin = line.find('"');
  const std::size_t end = begin == std::string_view::npos ? begin : line.find('"', begin + 1);
  if (end == std::string_view::npos) return {};
  const std::string_view value = line.substr(begin + 1, end - begin - 1);
  line.remove_prefix(end + 1);
  return value;
}

// $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer"
// "$http_user_agent"
std::optional<Logged> line_of_combined(std::string_view line) {
  if (!take_quoted(line) || !line.starts_with(' ')) return {};
  line.remove_prefix(1);
  const auto status = status_in(line.substr(0, line.find(' ')));
  const auto referer = take_quoted(line);
  return logged(status, referer ? take_quoted(line).value_or("") : "");
}

// A field with that name, or the first whose name ends so: "http_user_agent", "userAgent".
std::string agent_in(const core::Json& object) {
  for (const auto& [name, value] : object.items()) {
    const std::string_view end =
        std::string_view(name).substr(name.size() - std::min<std::size_t>(name.size(), 5));
    if ((end == "agent" || end == "Agent") && value.is_string()) return value.get<std::string>();
  }
  return "";
}

// {"status": "503"} as escape=json writes it, or {"status": 503}.
std::optional<Logged> line_of_json(std::string_view line) {
  const auto object = core::Json::parse(line, nullptr, false);
  if (!object.is_object()) return {};
  const auto status = object.find("status");
  if (status == object.end()) return {};
  if (status->is_string()) return logged(status_in(status->get<std::string>()), agent_in(object));
  if (!status->is_number_integer()) return {};
  return logged(status_in(std::to_string(status->get<std::int64_t>())), agent_in(object));
}

bool is_within(const std::vector<std::pair<int, int>>& ranges, int status) {
  return std::ranges::any_of(
      ranges, [&](const auto& range) { return status >= range.first && status <= range.second; });
}

}  // namespace

ReadLine line_reader(const std::string& format) {
  if (format == "combined") return line_of_combined;
  if (format == "json") return line_of_json;
  const auto regex = core::Regex::compile(format);
  if (!regex) return [](std::string_view) { return std::optional<Logged>(); };
  return [regex = *regex, group = regex->group("status").value_or(1),
          agent = regex->group("agent")](std::string_view line) {
    const auto text = regex.match(line, group);
    return logged(text ? status_in(*text) : std::nullopt,
                  agent ? regex.match(line, *agent).value_or("") : "");
  };
}

Responses::Responses(const spec::WatchResponses& settings)
    : m_settings(settings), m_read(line_reader(settings.format)) {}

void Responses::add(std::string_view piece) {
  m_rest += piece;
  std::size_t begin = 0;
  for (std::size_t end; (end = m_rest.find('\n', begin)) != std::string::npos; begin = end + 1)
    count(std::string_view(m_rest).substr(begin, end - begin));
  m_rest.erase(0, begin);
  if (m_rest.size() > k_longest_log_line) m_rest.erase(k_longest_log_line);
}

void Responses::count(std::string_view line) {
  const auto read = m_read(line);
  if (read && read->own) return;  // it would thin what clients got
  m_unread += read ? 0 : 1;
  m_seen += read ? 1 : 0;
  m_bad += read && is_within(m_settings.bad, read->status) ? 1 : 0;
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
