#include <fmt/format.h>

#include "bgdeploy/spec/compose_file.hpp"
#include "reader.hpp"

namespace bgdeploy::spec {
namespace {

constexpr std::string_view k_lower = "abcdefghijklmnopqrstuvwxyz0123456789";

// What both versions of compose take as it is: v1 would drop other characters without a word.
bool is_project_name(std::string_view text) {
  return !text.empty() && k_lower.find(text[0]) != std::string_view::npos &&
         all_of(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
}
bool is_service_name(std::string_view text) {
  return !text.empty() && all_of(text, k_word_characters);
}
bool is_remote_file(std::string_view text) {
  return (text.starts_with('/') || text.starts_with("~/")) && !has_control_character(text);
}
// With placeholders, of which nothing is known yet.
bool is_template(std::string_view text) {
  return !text.empty() && !has_control_character(text);
}

void read_environment(const Value& value, std::map<std::string, std::string>& out) {
  set(out, value.text_map());
  for (const auto& [name, text] : out) {
    const Value entry = value.get(name);
    const Value& place = entry.present() ? entry : value;
    const std::string which = entry.present() ? "" : fmt::format("names {}, which ", in_quotes(name));
    if (!is_variable_name(name)) {
      place.error_at_key(which + "is no name for a variable of compose");
    } else if (name.starts_with("BGDEPLOY_")) {
      place.error_at_key(which + "begins with 'BGDEPLOY_', which bgdeploy sets itself");
    }
  }
}

Substitutions slot_values(const Spec& spec, std::size_t slot) {
  const Slot& own = spec.slots[slot];
  const std::string port = std::to_string(own.port);
  Substitutions values{
      {"slot", own.name}, {"port", port}, {"container_port", port}, {"service", spec.service}};
  if (spec.compose->named[slot]) values["container"] = own.container;
  return values;
}

// Where a slot is must not depend on what runs in it, nor on the host.
void check_place(const Value& value, const Spec& spec) {
  const auto text = value.text();
  if (!text) return;
  for (const std::string_view name : {"{host}", "{address}", "{tag}"}) {
    if (text->find(name) != std::string::npos)
      value.error(fmt::format("cannot hold {}: it says where a slot is, whatever runs in it", name));
  }
  if (text->find("{container}") != std::string::npos && !(spec.compose->named[0] && spec.compose->named[1]))
    value.error("holds {container}, so slots.*.container must be given: compose names containers itself");
}

void check_name(const Value& value, const Spec& spec, const std::string& text, bool (*rule)(std::string_view),
                std::string_view what) {
  for (std::size_t slot = 0; slot < spec.slots.size(); ++slot) {
    const std::string name = core::substitute(text, slot_values(spec, slot));
    if (rule(name)) continue;
    value.error(fmt::format("must be {}, not {}", what, in_quotes(name)));
    return;
  }
}

// Two slots in one container would be no slots.
void check_apart(const Value& compose, const Spec& spec) {
  if (spec.compose->project.empty()) return;  // reported already
  std::array<std::string, 2> projects, services;
  for (std::size_t slot = 0; slot < 2; ++slot) {
    projects[slot] = core::substitute(spec.compose->project, slot_values(spec, slot));
    services[slot] = core::substitute(spec.compose->service.value_or(""), slot_values(spec, slot));
  }
  if (projects[0] != projects[1] || services[0] != services[1]) return;
  if (!spec.compose->service) {
    // Then the files must name different services.
    const std::string& file = spec.compose->file.empty() ? spec.compose->remote_file : spec.compose->file;
    if (core::substitute(file, slot_values(spec, 0)) != core::substitute(file, slot_values(spec, 1))) return;
  }
  compose.error_at_key(
      "puts both slots into the same service of the same project; let project or service hold {slot}");
}

}  // namespace

void read_compose(const Value& compose, Compose& out) {
  if (!compose.is_map()) return;
  const Value file = compose.get("file"), remote_file = compose.get("remote_file");
  if (file.present() && remote_file.present()) {
    remote_file.error_at_key("cannot be there together with compose.file");
  } else if (!file.present() && !remote_file.present()) {
    compose.error_at_key("must have file (here, uploaded) or remote_file (on the host)");
  }
  if (const auto path = file.file()) out.file = path->string();
  set(out.remote_file,
      remote_file.matching(is_remote_file, "an absolute path on the host, or one that begins with '~/'"));
  const Value project = compose.get("project");
  if (project.present()) {
    set(out.project, project.matching(is_template, "a project's name"));
  } else {
    out.project = "{service}-{slot}";
  }
  set(out.service, compose.get("service").matching(is_template, "a service's name"));
  if (compose.get("environment").present()) read_environment(compose.get("environment"), out.environment);
  const Value command = compose.get("command");
  set(out.command, command.command());
  if (out.command && (out.command->empty() || out.command->front().empty()))
    command.error("must name a program");
}

void settle_compose(const Value& root, Spec& spec) {
  const Value compose = root.get("compose");
  // The engine's socket is one for both.
  const auto keys = root.get("docker").is(Node::Kind::map) ? root.get("docker").entries()
                                                           : std::vector<std::pair<std::string, Value>>{};
  const bool socket_alone = keys.size() == 1 && keys.front().first == "socket";
  if (root.get("docker").present() && !socket_alone)
    compose.error_at_key("and docker exclude each other: keep one of them");
  const Value slots = root.get("slots");
  for (std::size_t slot = 0; slot < spec.slots.size(); ++slot)
    spec.compose->named[slot] = slots.get(spec.slots[slot].name).is(Node::Kind::map) &&
                                slots.get(spec.slots[slot].name).get("container").present();
  if (!compose.is(Node::Kind::map) || spec.slots[0].name.empty()) return;
  for (const char* key : {"file", "remote_file", "project", "service"}) check_place(compose.get(key), spec);
  if (!spec.compose->project.empty())
    check_name(compose.get("project"), spec, spec.compose->project, is_project_name,
               "a name of a-z, 0-9, '_' and '-' that begins with a letter or a digit");
  if (spec.compose->service)
    check_name(compose.get("service"), spec, *spec.compose->service, is_service_name,
               "a service's name: letters, digits, '_', '.' and '-'");
  check_apart(compose, spec);
  const Value address = root.get("proxy").get("nginx").get("address");
  if (spec.nginx.address && spec.nginx.address->find("{container}") != std::string::npos &&
      !(spec.compose->named[0] && spec.compose->named[1]))
    address.error("holds {container}, so slots.*.container must be given: compose names containers itself");
  for (std::size_t slot = 0; slot < spec.slots.size(); ++slot) {
    if (spec.compose->named[slot] || !spec.compose->service) continue;
    const auto values = slot_values(spec, slot);
    // For people only: what it is called depends on the version of compose.
    spec.slots[slot].container = fmt::format("{} of {}", core::substitute(*spec.compose->service, values),
                                             core::substitute(spec.compose->project, values));
  }
}

}  // namespace bgdeploy::spec
