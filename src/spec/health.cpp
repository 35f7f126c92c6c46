#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "reader.hpp"

namespace bgdeploy::spec {
namespace {

using Ranges = std::vector<std::pair<int, int>>;

std::optional<int> parse_status(std::string_view text) {
  const auto status = to_integer(text);
  return status && *status >= 100 && *status <= 599 ? std::optional(static_cast<int>(*status)) : std::nullopt;
}

// "200", "200-299", "200,204,300-399"
std::optional<Ranges> parse_ranges(std::string_view text) {
  Ranges ranges;
  for (;;) {
    const std::size_t comma = text.find(',');
    const std::string_view part = core::trim(text.substr(0, comma));
    const std::size_t dash = part.find('-');
    const auto first = parse_status(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_status(part.substr(dash + 1));
    if (!first || !last || *first > *last) return {};
    ranges.emplace_back(*first, *last);
    if (comma == std::string_view::npos) return ranges;
    text.remove_prefix(comma + 1);
  }
}

// A token of RFC 9110, section 5.6.2.
bool is_header_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return k_alnum.find(c) != std::string_view::npos ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

void read_headers(const Value& headers, std::map<std::string, std::string>& out) {
  for (const auto& [name, value] : headers.entries()) {
    if (!is_header_name(name)) value.error_at_key("is no name for a header");
    auto text = value.text();
    if (!text) continue;
    if (has_control_character(*text)) {
      value.error("must be one line without control characters");
      continue;
    }
    out.emplace(name, std::move(*text));
  }
}

bool is_request_path(std::string_view text) {
  return text.starts_with('/') && text.find(' ') == std::string_view::npos && !has_control_character(text);
}

HealthHttp read_http(const Value& http) {
  HealthHttp out;
  if (!http.is_map()) return out;
  set(out.path, http.get("path").matching(is_request_path, "a path that begins with '/' and has no blanks"));
  if (const auto status = http.get("status").text()) {
    auto ranges = parse_ranges(*status);
    if (!ranges) {
      http.get("status").error(
          fmt::format("must be statuses from 100 to 599 such as 200, \"200-299\" or "
                      "\"200,204\", not {}",
                      in_quotes(*status)));
    }
    set(out.status, std::move(ranges));
  }
  set(out.body, http.get("body").text());
  read_headers(http.get("headers"), out.headers);
  set(out.port, http.get("port").port());
  return out;
}

// `tcp: true`, `docker: true`
void read_flag(const Value& flag) {
  const auto on = flag.boolean();
  if (on && !*on) flag.error("must be true; leave it out otherwise");
}

void read_probe(const Value& health, Health& out) {
  constexpr std::array<std::string_view, 4> k_kinds{"http", "tcp", "docker", "exec"};
  const auto count = std::count_if(k_kinds.begin(), k_kinds.end(),
                                   [&](std::string_view kind) { return health.get(kind).present(); });
  if (count != 1) health.error_at_key("must have exactly one of http, tcp, docker and exec");
  if (const Value http = health.get("http"); http.present()) out.probe = read_http(http);
  if (const Value tcp = health.get("tcp"); tcp.present()) {
    read_flag(tcp);
    out.probe = HealthTcp{};
  }
  if (const Value docker = health.get("docker"); docker.present()) {
    read_flag(docker);
    out.probe = HealthDocker{};
  }
  if (const Value exec = health.get("exec"); exec.present()) {
    auto argv = exec.command();
    if (argv && (argv->empty() || argv->front().empty())) exec.error("must name a program");
    out.probe = HealthExec{argv.value_or(std::vector<std::string>{})};
  }
}

// What a Host header may hold: a name or an address, and maybe a port.
bool is_host(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return k_alnum.find(c) != std::string_view::npos ||
           std::string_view(".-_:[]").find(c) != std::string_view::npos;
  });
}

}  // namespace

void read_health(const Value& health, Health& out) {
  if (!health.is_map()) return;
  read_probe(health, out);
  const auto via = health.get("via").matching([](std::string_view t) { return t == "host" || t == "direct"; },
                                              "host or direct");
  out.direct = via == "direct";
  set(out.interval, health.get("interval").duration(Zero::refused));
  set(out.timeout, health.get("timeout").duration(Zero::refused));
  set(out.success_threshold, health.get("success_threshold").count(1000));
  set(out.deadline, health.get("deadline").duration(Zero::refused));
}

void read_verify(const Value& verify, Spec& spec) {
  const auto* http = std::get_if<HealthHttp>(&spec.health.probe);
  if (verify.is(Node::Kind::scalar) && verify.node()->text == "off") return;
  if (verify.present() && !verify.is(Node::Kind::map) && !verify.is(Node::Kind::null)) {
    verify.error("must be a map of host and path, or off");
    return;
  }
  if (!spec.proxied) {
    if (verify.present()) verify.error_at_key("has no meaning with `proxy: none`");
    return;
  }
  if (!verify.present() && http == nullptr) return;
  Verify& out = spec.verify.emplace();
  if (http != nullptr) out.path = http->path;
  set(out.path,
      verify.get("path").matching(is_request_path, "a path that begins with '/' and has no blanks"));
  out.host = verify.get("host").matching(is_host, "a name or an address, with a port or without");
}

}  // namespace bgdeploy::spec
