// The keys below `watch:`.
#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/regex.hpp"
#include "bgdeploy/core/text.hpp"
#include "http_types.hpp"
#include "types.hpp"

namespace bgdeploy::spec {
namespace {

// "https://shop.example.com:8443/health?deep=1"
bool is_web_address(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || has_control_character(text)) return false;
  if (text.substr(0, scheme) != "http" && text.substr(0, scheme) != "https") return false;
  const std::string_view rest = text.substr(scheme + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  return !authority.empty() && authority.front() != ':' && authority.find('@') == std::string_view::npos &&
         text.find(' ') == std::string_view::npos;
}

Type<std::string> web_address() {
  return matching(text_form("https?://[^\\s/?#@:][^\\s/?#@]*(?:[/?#]\\S*)?"), is_web_address,
                  "a URL such as https://shop.example.com/health, without a login");
}

const Table<WatchUrl>& watch_url_keys() {
  static const Table<WatchUrl> k_table(
      "watch.url[]",
      {
          key("url", &WatchUrl::url, web_address(), "What is asked for from this machine.")
              .required()
              .examples({"https://shop.example.com/api/health"}),
          key("status", &WatchUrl::status, statuses(), "The statuses that are good: numbers and ranges."),
          key("body", &WatchUrl::body, any_text(), "Text that the answer must contain."),
          key("headers", &WatchUrl::headers, request_headers(), "Headers of the request."),
          key("timeout", &WatchUrl::timeout, duration(Zero::refused),
              "The longest that one request may take."),
      });
  return k_table;
}

// "2%", 0.02
std::optional<double> parse_share(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || !core::is_digit(text.front()) || error != std::errc{} ||
      end != text.data() + text.size())
    return {};
  const double share = percent ? number / 100 : number;
  return share <= 1 ? std::optional(share) : std::nullopt;
}

Type<double> share() {
  const auto read = [](const Value& value) -> std::optional<double> {
    const auto text = value.text();
    if (!text) return {};
    const auto number = parse_share(core::trim(*text));
    if (!number) value.error("must be a share such as 2% or 0.02, not " + in_quotes(*text));
    return number;
  };
  const auto write = [](Writer& out, const std::string& name, double number) {
    out.put(name, fmt::format("{:g}%", number * 100));
  };
  Shape shape{{.kind = Form::Kind::number, .pattern = "[0-9]+(?:\\.[0-9]+)?%|0(?:\\.[0-9]+)?|1(?:\\.0+)?"}};
  shape.front().least = 0;
  shape.front().most = 1;
  return {std::move(shape), read, write};
}

Type<std::string> log_format() {
  const auto read = [](const Value& value) -> std::optional<std::string> {
    const auto text = value.filled();
    if (!text || *text == "combined" || *text == "json") return text;
    if (*text == "regex") {
      value.error(R"(must be the expression itself, as '^\S+ (\d{3}) ': its first group is the status)");
      return {};
    }
    const auto regex = core::Regex::compile(*text);
    if (!regex)
      value.error("must be combined, json or a regular expression: " + regex.error().message);
    else if (regex->groups() == 0)
      value.error("must be combined, json, or a regular expression with a group for the status");
    else
      return text;
    return {};
  };
  return {filled_form(), read};
}

bool is_log_file(std::string_view text) {
  return text.size() > 1 && text.front() == '/' && text.back() != '/' && !has_control_character(text);
}

const Table<WatchResponses>& watch_responses_keys() {
  static const Table<WatchResponses> k_table(
      "watch.responses",
      {
          key("log", &WatchResponses::log,
              matching(text_form("/[\\s\\S]*[^/]"), is_log_file, "the absolute path of a file"),
              "nginx's access log on the proxy hosts.")
              .required()
              .examples({"/var/log/nginx/shop.access.log"}),
          key("bad", &WatchResponses::bad, statuses(), "The statuses that are bad: numbers and ranges."),
          key("ratio", &WatchResponses::ratio, share(),
              "The share of bad responses that is still good: 2% or 0.02."),
          key("requests", &WatchResponses::requests, count(1'000'000'000),
              "How many responses a verdict needs."),
          key("format", &WatchResponses::format, log_format(),
              "The log_format: combined, json (with a member `status`), or a regular expression whose group "
              "`status`, else its first one, is the status."),
      });
  return k_table;
}

const Table<WatchRun>& watch_run_keys() {
  static const Table<WatchRun> k_table(
      "watch.run[]",
      {
          key("run", &WatchRun::command, command_line(),
              "A command line for `sh -c` on the machine that runs bgdeploy, exactly as it is written: 0 is "
              "good, 75 is no verdict, anything else is bad.")
              .required(),
          key("timeout", &WatchRun::timeout, duration(Zero::refused),
              "After this long the command is ended, which is bad."),
      });
  return k_table;
}

void read_urls(const Value& value, Watch& out) {
  if (!value.present()) return;
  for (const Value& item : value.is(Node::Kind::list) ? value.items() : std::vector{value}) {
    WatchUrl url;
    if (item.is(Node::Kind::scalar))
      set(url.url, web_address().read(item));
    else if (item.is_map())
      read_fields(watch_url_keys(), item, url);
    out.urls.push_back(std::move(url));
  }
}

void write_urls(Writer& out, const Watch& watch) {
  if (watch.urls.empty()) return;
  out.list("url", watch.urls.size(), [&](Writer& item, std::size_t i) {
    write_fields(watch_url_keys().fields, watch.urls.at(i), item);
  });
}

void read_responses(const Value& value, Watch& out) {
  if (!value.present() || !value.is_map()) return;
  read_fields(watch_responses_keys(), value, out.responses.emplace());
}

void write_responses(Writer& out, const Watch& watch) {
  if (!watch.responses) return;
  Writer map = out.inside("responses");
  write_fields(watch_responses_keys().fields, *watch.responses, map);
}

void read_runs(const Value& value, Watch& out) {
  if (!value.present()) return;
  for (const Value& item : value.items())
    if (item.is_map()) read_fields(watch_run_keys(), item, out.runs.emplace_back());
}

void write_runs(Writer& out, const Watch& watch) {
  if (watch.runs.empty()) return;
  out.list("run", watch.runs.size(), [&](Writer& item, std::size_t i) {
    write_fields(watch_run_keys().fields, watch.runs.at(i), item);
  });
}

}  // namespace

const Table<Watch>& watch_keys() {
  static const Table<Watch> k_table(
      "watch",
      {
          key("for", &Watch::for_at_least, duration(Zero::refused),
              "How long the new release is watched while the old one still runs.")
              .required(),
          key("interval", &Watch::interval, duration(Zero::refused), "The time between two looks."),
          key("failures", &Watch::failures, count(1000),
              "How many bad looks in a row, of one check on one host, take the switch back."),
          key("health", &Watch::health, flag(), "Whether the slot's own health check goes on."),
          key<Watch>(
              "url",
              either(web_address().shape,
                     either(section_form<watch_url_keys>(),
                            list_of(either(web_address().shape, section_form<watch_url_keys>()), 1))),
              read_urls, write_urls,
              "What is asked from this machine, through the proxies: a URL, a map, or a list of them."),
          key<Watch>("responses", section_form<watch_responses_keys>(), read_responses, write_responses,
                     "What nginx logs on every proxy host after the switch."),
          key<Watch>("run", list_of(section_form<watch_run_keys>()), read_runs, write_runs,
                     "Commands of your own on this machine, which judge the new release."),
          key("inconclusive", &Watch::return_when_inconclusive,
              one_of<bool>({{"keep", false}, {"return", true}}),
              "What follows where a check came to no verdict, as without traffic: keep the new release, or "
              "return to the old one."),
      });
  return k_table;
}

void read_watch(const Value& watch, Spec& spec) {
  if (!watch.present() || !watch.is_map()) return;
  Watch& out = spec.watch.emplace();
  read_fields(watch_keys(), watch, out);
  if (!spec.proxied && out.responses)
    watch.get("responses").error_at_key("has no meaning with `proxy: none`");
  if (!out.health && out.urls.empty() && !out.responses && out.runs.empty())
    watch.error_at_key("must have something to look at: health, url, responses or run");
}

}  // namespace bgdeploy::spec
