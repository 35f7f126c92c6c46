#include <fmt/format.h>

#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/spec/compose_file.hpp"
#include "types.hpp"

namespace bgdeploy::spec {
namespace {

constexpr std::string_view k_lower = "abcdefghijklmnopqrstuvwxyz0123456789";

// Names that both versions of compose take unchanged: v1 drops other characters silently.
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
// The placeholders have no values yet.
bool is_template(std::string_view text) {
  return !text.empty() && !has_control_character(text);
}

void read_environment(const Value& value, Compose& compose) {
  if (!value.present()) return;
  auto& out = compose.environment;
  set(out, value.text_map());
  for (const auto& [name, text] : out) {
    const Value entry = value.get(name);
    const Value& place = entry.present() ? entry : value;
    const std::string which = entry.present() ? "" : fmt::format("names {}, which ", in_quotes(name));
    if (!is_variable_name(name)) {
      place.error_at_key(which + "is not a name for a variable of compose");
    } else if (name.starts_with("BGDEPLOY_")) {
      place.error_at_key(which + "begins with 'BGDEPLOY_', which bgdeploy sets itself");
    }
  }
}

Substitutions slot_values(const Spec& spec, std::size_t slot) {
  const Slot& own = spec.slots[slot];
  Substitutions values{{"slot", own.name}, {"service", spec.service}};
  if (!is_worker(spec)) values["port"] = values["container_port"] = std::to_string(own.port);
  if (spec.compose->named[slot]) values["container"] = own.container;
  return values;
}

// A slot's place must depend neither on its release nor on the host.
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

// Both slots in one container: a deploy would replace what serves.
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

Field<Compose> file_key() {
  const auto write = [](Writer& out, const Compose& compose) {
    if (!compose.file.empty()) out.put("file", compose.file);
  };
  return key<Compose>(
      "file", filled_form(), {}, write,
      "The compose file on this machine, uploaded with what it refers to. One may do for both slots.");
}

std::vector<Field<Compose>> compose_fields() {
  return {
      file_key().per_slot().examples({"docker-compose.yml", "docker-compose-{slot}.yml"}),
      key("remote_file", &Compose::remote_file,
          matching(text_form("~?/[\\s\\S]*"), is_remote_file,
                   "an absolute path on the host, or one that begins with '~/'"),
          "Instead of file: the compose file on the host.")
          .per_slot(),
      key("project", &Compose::project, matching(filled_form(), is_template, "a project's name"),
          "The project's name. Default: {service}-{slot}.")
          .per_slot(),
      key("service", &Compose::service, matching(filled_form(), is_template, "a service's name"),
          "The service that answers health checks. Default: the only one in the file.")
          .per_slot(),
      key<Compose>(
          "environment", text_map_form(), read_environment,
          [](Writer& out, const Compose& compose) {
            if (!compose.environment.empty()) out.put("environment", compose.environment);
          },
          "Variables for ${…} in the compose file. bgdeploy adds BGDEPLOY_TAG, _SLOT, _PORT and _IMAGE.")
          .per_slot(),
      key("command", &Compose::command, program(),
          "How compose is called. Default: `docker compose` where it answers, else `docker-compose`."),
  };
}

}  // namespace

const Table<Compose>& compose_keys() {
  static const Table<Compose> k_table("compose", compose_fields(), {"file", "remote_file"});
  return k_table;
}

void read_compose(const Value& compose, Compose& out) {
  if (!compose.is_map()) return;
  const Value file = compose.get("file"), remote_file = compose.get("remote_file");
  if (file.present() && remote_file.present()) {
    remote_file.error_at_key("cannot be there together with compose.file");
  } else if (!file.present() && !remote_file.present()) {
    compose.error_at_key("must have file (here, uploaded) or remote_file (on the host)");
  }
  if (const auto path = file.file()) out.file = path->string();
  if (!compose.get("project").present()) out.project = "{service}-{slot}";
  read_fields(compose_keys(), compose, out);
}

void finish_compose(const Value& root, Spec& spec) {
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
    // Only for messages: the real name depends on the version of compose.
    spec.slots[slot].container = fmt::format("{} of {}", core::substitute(*spec.compose->service, values),
                                             core::substitute(spec.compose->project, values));
  }
}

}  // namespace bgdeploy::spec
