#include <fmt/format.h>

#include <algorithm>

#include "http_types.hpp"
#include "types.hpp"

namespace bgdeploy::spec {
namespace {

bool is_request_path(std::string_view text) {
  return text.starts_with('/') && text.find(' ') == std::string_view::npos && !has_control_character(text);
}

Type<std::string> request_path() {
  return matching(text_form("/\\S*"), is_request_path, "a path that begins with '/' and has no spaces");
}

const Table<HealthHttp>& http_keys() {
  static const Table<HealthHttp> k_table(
      "health.http",
      {
          key("path", &HealthHttp::path, request_path(), "The path that is asked for.")
              .examples({"/api/health"}),
          key("status", &HealthHttp::status, statuses(), "The statuses that are healthy: numbers and ranges.")
              .examples({"200-299", "200,204"}),
          key("body", &HealthHttp::body, any_text(), "Text that the answer must contain."),
          key("headers", &HealthHttp::headers, request_headers(), "Headers of the request."),
          key("port", &HealthHttp::port, port(),
              "The container's port that is asked. Default: the one that is published on the slot's port."),
      });
  return k_table;
}

// `tcp: true`, `docker: true`
template <class Probe>
Field<Health> flag_key(std::string name, std::string doc) {
  const auto read = [](const Value& flag, Health& health) {
    if (!flag.present()) return;
    const auto on = flag.boolean();
    if (on && !*on) flag.error("must be true; leave it out otherwise");
    health.probe = Probe{};
  };
  const auto write = [name](Writer& out, const Health& health) {
    if (std::holds_alternative<Probe>(health.probe)) out.put(name, true);
  };
  return key<Health>(name, {{.kind = Form::Kind::flag, .pattern = "true"}}, read, write, std::move(doc));
}

Field<Health> http_key() {
  const auto read = [](const Value& http, Health& health) {
    if (!http.present()) return;
    auto& probe = health.probe.emplace<HealthHttp>();
    if (http.is_map()) read_fields(http_keys(), http, probe);
  };
  const auto write = [](Writer& out, const Health& health) {
    const auto* probe = std::get_if<HealthHttp>(&health.probe);
    if (probe == nullptr) return;
    Writer map = out.inside("http");
    write_fields(http_keys().fields, *probe, map);
  };
  return key<Health>("http", section_form<http_keys>(), read, write, "An HTTP request to the slot's port.");
}

Field<Health> exec_key() {
  const auto read = [](const Value& exec, Health& health) {
    if (exec.present()) health.probe = HealthExec{program().read(exec).value_or(std::vector<std::string>{})};
  };
  const auto write = [](Writer& out, const Health& health) {
    if (const auto* exec = std::get_if<HealthExec>(&health.probe)) out.put("exec", exec->argv);
  };
  return key<Health>("exec", program().shape, read, write,
                     "A command in the container, healthy when it exits with 0.");
}

const Table<HealthRunning>& running_keys() {
  static const Table<HealthRunning> k_table("health.running",
                                            {key("for", &HealthRunning::for_at_least, duration(Zero::refused),
                                                 "How long the container must have run without an end.")});
  return k_table;
}

Field<Health> running_key() {
  const auto read = [](const Value& running, Health& health) {
    if (!running.present()) return;
    auto& probe = health.probe.emplace<HealthRunning>();
    if (running.is_map()) read_fields(running_keys(), running, probe);
  };
  const auto write = [](Writer& out, const Health& health) {
    const auto* probe = std::get_if<HealthRunning>(&health.probe);
    if (probe == nullptr) return;
    Writer map = out.inside("running");
    write_fields(running_keys().fields, *probe, map);
  };
  return key<Health>("running", section_form<running_keys>(), read, write,
                     "The container runs, and has not ended for some time: for workers.");
}

// What a Host header may hold: a name or an address, and maybe a port.
bool is_host(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return k_alnum.find(c) != std::string_view::npos ||
           std::string_view(".-_:[]").find(c) != std::string_view::npos;
  });
}

}  // namespace

const Table<Health>& health_keys() {
  static const Table<Health> k_table(
      "health",
      {
          http_key(),
          flag_key<HealthTcp>("tcp",
                              "true: the slot's port accepts a connection. Prefer http where there is any."),
          flag_key<HealthDocker>("docker", "true: the image's own HEALTHCHECK."),
          exec_key(),
          running_key(),
          key("via", &Health::direct, one_of<bool>({{"host", false}, {"direct", true}}),
              "host: from the app host itself; direct: from this machine."),
          key("interval", &Health::interval, duration(Zero::refused), "The time between two checks."),
          key("timeout", &Health::timeout, duration(Zero::refused), "The longest that one check may take."),
          key("success_threshold", &Health::success_threshold, count(1000),
              "How many checks in a row must succeed."),
          key("deadline", &Health::deadline, duration(Zero::refused),
              "How long the slot may take to be healthy, from the container's start."),
      },
      {"http", "tcp", "docker", "exec", "running"});
  return k_table;
}

const Table<Verify>& verify_keys() {
  static const Table<Verify> k_table(
      "verify", {
                    key("host", &Verify::host,
                        matching(scalar_form("[A-Za-z0-9._:\\[\\]-]+"), is_host,
                                 "a name or an address, with a port or without"),
                        "The Host header. Default: a name of the site that uses the include."),
                    key("path", &Verify::path, request_path(),
                        "The path that is asked for. Default: that of health.http, else /.")
                        .without_default(),
                });
  return k_table;
}

void read_health(const Value& health, Health& out) {
  if (!health.is_map()) return;
  health.need_one_of(health_keys().exactly_one, "; an environment takes one away with null");
  read_fields(health_keys(), health, out);
  if (const auto* running = std::get_if<HealthRunning>(&out.probe);
      running != nullptr && running->for_at_least >= out.deadline)
    health.get("running").error_at_key("must be shorter than health.deadline");
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
  read_fields(verify_keys(), verify, out);
}

}  // namespace bgdeploy::spec
