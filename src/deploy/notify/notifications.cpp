#include "bgdeploy/deploy/notify/notifications.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/release/secrets.hpp"
#include "bgdeploy/report/render.hpp"
#include "bgdeploy/report/words.hpp"
#include "bgdeploy/spec/notify.hpp"
#include "either_stop.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

constexpr core::Duration k_first_pause = std::chrono::seconds(1);

// Slack's own three: https://api.slack.com/reference/surfaces/formatting#escaping
std::string for_slack(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&')
      escaped += "&amp;";
    else if (c == '<')
      escaped += "&lt;";
    else if (c == '>')
      escaped += "&gt;";
    else
      escaped += c;
  }
  return escaped;
}

bool wants(const spec::Notify& one, report::Verdict verdict) {
  return one.on.empty() || std::ranges::find(one.on, report::to_string(verdict)) != one.on.end();
}

// What may be gone at the next try: a broken connection, an overloaded server.
bool may_pass(const Result<int>& answer) {
  constexpr int k_timeout = 408, k_too_many = 429, k_server_error = 500;
  if (!answer) return answer.error().kind == ErrorKind::refused || answer.error().kind == ErrorKind::timeout;
  return *answer == k_timeout || *answer == k_too_many || *answer >= k_server_error;
}

Result<void> judged(const Result<int>& answer) {
  if (!answer) return std::unexpected(answer.error());
  if (*answer >= 200 && *answer < 300) return {};
  return core::fail(ErrorKind::refused, fmt::format("HTTP {}", *answer));
}

}  // namespace

std::string notify_name(const spec::Spec& spec, std::size_t index) {
  return fmt::format("notify {} ({})", index + 1, spec::name_of(spec.notify.at(index).kind));
}

Result<core::Secret> notify_url(const Context& context, std::size_t index, const Wait& wait) {
  BGDEPLOY_ASSIGN(auto url,
                  read_secret(context.spec, context.spec.notify.at(index).url, context.variables, wait));
  context.sink.hide(url);
  BGDEPLOY_TRY(io::check_url(url));
  return url;
}

std::string notify_body(const spec::Spec& spec, spec::Notify::Kind kind, const report::Finished& last,
                        core::SystemTime now) {
  const std::string where = spec.environment.empty() ? "" : fmt::format(" ({})", spec.environment);
  if (kind == spec::Notify::Kind::slack)
    return core::dump_json(core::Json{
        {"text", for_slack(fmt::format("{}{}: {}", spec.service, where, report::conclusion(last)))}});
  auto event = nlohmann::ordered_json::parse(report::as_json(last, now));
  event["service"] = spec.service;
  if (!spec.environment.empty()) event["environment"] = spec.environment;
  return event.dump();
}

Notifications::Notifications(const Context& context, Post post)
    : m_context(context), m_post(std::move(post)), m_urls(context.spec.notify.size()) {
  if (m_urls.empty()) return;
  m_reading = std::jthread([this](std::stop_token stop) {
    const Wait wait = deadlines::within(m_context.clock, deadlines::k_secret_command, std::move(stop));
    for (std::size_t i = 0; i < m_urls.size(); ++i)
      m_urls[i] = guarded([&] { return notify_url(m_context, i, wait); });
    m_read.set_value();
  });
  m_context.sink.on_last([this](const report::Finished& last) { tell(last); });
}

Notifications::~Notifications() {
  m_context.sink.on_last({});
}

Result<void> Notifications::send(std::size_t index, const std::string& body, const Wait& wait) const {
  if (!m_urls[index]) return std::unexpected(m_urls[index].error());
  core::Duration pause = k_first_pause;
  for (;;) {
    const auto answer = m_post(*m_urls[index], body, wait.at_most(deadlines::k_notify_try));
    if (!may_pass(answer)) return judged(answer);
    const bool in_time = m_context.clock.now() + pause < wait.deadline;
    if (!in_time || !m_context.clock.sleep_for(pause, wait.stop)) return judged(answer);
    pause *= 2;
  }
}

void Notifications::tell(const report::Finished& last) {
  std::vector<std::size_t> wanting;
  for (std::size_t i = 0; i < m_urls.size(); ++i)
    if (wants(m_context.spec.notify[i], last.verdict)) wanting.push_back(i);
  if (wanting.empty()) return;
  // The signal that ended the run is over.
  const bool by_signal = m_context.stop.stop_requested();
  EitherStop ended(by_signal ? std::stop_token() : m_context.stop, m_context.hurry);
  const Wait wait = deadlines::within(m_context.clock, deadlines::k_notify, ended.token());
  const std::stop_callback on_end(ended.token(), [&] { m_reading.request_stop(); });
  if (m_read.get_future().wait_for(deadlines::k_notify) != std::future_status::ready) ended.request();
  m_reading.join();
  std::vector<Result<void>> results(wanting.size());
  for_each_parallel(results.size(), static_cast<int>(results.size()), [&](std::size_t i) {
    const auto body =
        notify_body(m_context.spec, m_context.spec.notify[wanting[i]].kind, last, m_context.clock.wall());
    results[i] = send(wanting[i], body, wait);
  });
  for (std::size_t i = 0; i < results.size(); ++i)
    if (!results[i])
      m_context.sink.emit(report::Warning{fmt::format(
          "{}: nobody was told: {}", notify_name(m_context.spec, wanting[i]), results[i].error().message)});
}

}  // namespace bgdeploy::deploy
