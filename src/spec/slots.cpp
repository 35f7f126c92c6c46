#include <fmt/format.h>

#include "reader.hpp"

namespace bgdeploy::spec {
namespace {

std::optional<Slot> read_slot(const std::string& name, const Value& value, const std::string& service) {
  if (!is_lower_name(name)) {
    value.error_at_key("must have a name of a-z, 0-9, '.', '_' and '-' that begins with a letter or a digit");
  }
  Slot slot{name, 0, service + "-" + name};
  const bool is_long = value.is(Node::Kind::map) || value.is(Node::Kind::null);
  const auto port = (is_long ? value.need("port") : value).port();
  set(slot.container,
      value.get("container")
          .matching(is_container_name,
                    "a container's name: letters, digits, '_', '.' and '-', two at least, the first "
                    "a letter or a digit"));
  if (!port) return {};
  slot.port = *port;
  return slot;
}

}  // namespace

void read_slots(const Value& slots, Spec& spec) {
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
