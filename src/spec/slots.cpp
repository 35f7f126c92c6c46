#include <fmt/format.h>

#include <algorithm>

#include "types.hpp"

namespace bgdeploy::spec {
namespace {

constexpr const char* k_container = "[A-Za-z0-9][A-Za-z0-9_.-]+";

std::optional<std::string> publishes_both(const Value& value) {
  const auto both = value.is(Node::Kind::scalar) ? to_published_port(value.node()->text) : std::nullopt;
  if (!both) return {};
  return fmt::format(
      "is the port on the host alone: write {}, and the app's own as docker.container_port: {}", both->host,
      both->container);
}

std::optional<Slot> read_slot(const std::string& name, const Value& value, const std::string& service) {
  if (!is_lower_name(name)) {
    value.error_at_key("must have a name of a-z, 0-9, '.', '_' and '-' that begins with a letter or a digit");
  }
  Slot slot{name, 0, service + "-" + name};
  const bool is_long = value.is(Node::Kind::map) || value.is(Node::Kind::null);
  const Value given = is_long ? value.need("port") : value;
  const auto both = publishes_both(given);
  if (both) given.error(*both);
  const auto port = both ? std::nullopt : given.port();
  set(slot.container, value.get("container")
                          .matching(is_container_name,
                                    "a container's name: letters, digits, '_', '.' and '-', two at least, "
                                    "the first a letter or a digit"));
  if (!port) return {};
  slot.port = *port;
  return slot;
}

}  // namespace

const Section& slot_keys() {
  static const Section k_section{
      "slots.*",
      {{.name = "port", .doc = "The slot's port on the host.", .shape = port_form(), .required = true},
       {.name = "container",
        .doc = "The container's name. Default: {service}-{slot}.",
        .shape = scalar_form(k_container)}}};
  return k_section;
}

namespace {

// `slots: [blue, green]`
void read_names(const Value& slots, Spec& spec) {
  std::vector<Slot> read;
  const auto items = slots.items();
  const auto is_no_name = [](const Value& item) {
    return item.is(Node::Kind::map) || (item.is(Node::Kind::scalar) && to_port(item.node()->text));
  };
  if (!items.empty() && std::ranges::all_of(items, is_no_name)) {
    const bool maps = items.front().is(Node::Kind::map);
    return slots.error(
        maps ? "must be a map of keys and values: leave out the '- ' before its keys"
             : fmt::format(
                   "must name each slot: write {{blue: {}, green: {}}}", items.front().node()->text,
                   items.size() > 1 && !items[1].is(Node::Kind::map) ? items[1].node()->text : "8082"));
  }
  for (const Value& item : items) {
    // A list of ports is a map that lacks the names.
    const auto is_name = [](std::string_view text) { return is_lower_name(text) && !to_integer(text); };
    const auto name =
        item.matching(is_name, "a name of a-z, 0-9, '.', '_' and '-' that begins with a letter or a digit");
    if (!name) continue;
    if (std::ranges::find(read, *name, &Slot::name) != read.end())
      item.error(fmt::format("is there twice: {}", in_quotes(*name)));
    read.push_back({*name, 0, spec.service + "-" + *name});
  }
  if (items.size() != 2)
    slots.error_at_key(fmt::format("must be exactly two, not {}", items.size()));
  else if (read.size() == 2)
    spec.slots = {read[0], read[1]};
}

}  // namespace

void read_slots(const Value& slots, Spec& spec) {
  if (slots.is(Node::Kind::list)) return read_names(slots, spec);
  if (!slots.is_map()) return;
  const auto entries = slots.entries();
  std::vector<Slot> read;
  for (const auto& [name, value] : entries) {
    auto slot = read_slot(name, value, spec.service);
    if (!slot) continue;
    for (const auto& other : read) {
      if (other.port == slot->port)
        value.error(fmt::format("has the port of slot '{}', {}", other.name, slot->port));
      if (other.container == slot->container) {
        value.error(
            fmt::format("has the container of slot '{}', {}", other.name, in_quotes(slot->container)));
      }
    }
    read.push_back(std::move(*slot));
  }
  if (entries.size() != 2) {
    slots.error_at_key(fmt::format("must be exactly two, not {}", entries.size()));
  } else if (read.size() == 2) {
    spec.slots = {read[0], read[1]};
  }
}

}  // namespace bgdeploy::spec
