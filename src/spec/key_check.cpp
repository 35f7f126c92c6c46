// Reports the keys that the table does not have.
#include <fmt/format.h>

#include <algorithm>

#include "advice.hpp"
#include "text_rules.hpp"

namespace bgdeploy::spec {
namespace {

const Form* form_of(const Shape& shape, Form::Kind kind) {
  const auto found = std::ranges::find(shape, kind, &Form::kind);
  return found == shape.end() ? nullptr : &*found;
}

class KeyCheck {
public:
  explicit KeyCheck(Diagnostics& diagnostics) : m_diagnostics(diagnostics) {}

  void section(const Node& node, const Section& fixed) {
    for (const auto& entry : node.entries) {
      if (m_diagnostics.full()) return;
      if (const Key* key = fixed.find(entry.key))
        value(*entry.value, key->shape);
      else
        unknown(entry, fixed);
    }
  }

private:
  void value(const Node& node, const Shape& shape) {
    if (const Form* fixed = form_of(shape, Form::Kind::section); fixed && node.kind == Node::Kind::map)
      return section(node, fixed->section());
    if (const Form* map = form_of(shape, Form::Kind::map))
      for (const auto& entry : node.entries) value(*entry.value, map->inside);
    if (const Form* list = form_of(shape, Form::Kind::list))
      for (const auto& item : node.items) value(*item, list->inside);
  }

  void unknown(const Entry& entry, const Section& in) {
    const std::string advice = advice_on_key(entry.key, in);
    // A value that slipped into the place of a key resembles no key.
    const bool hidden = (in.secret && advice.empty()) || names_secret(entry.key);
    m_diagnostics.error(entry.at,
                        fmt::format("unknown key{}{}", hidden ? "" : " " + in_quotes(entry.key), advice),
                        hidden || in.secret ? Show::place : Show::line);
  }

  Diagnostics& m_diagnostics;
};

}  // namespace

const Key* Section::find(std::string_view name) const {
  const auto found = std::ranges::find(keys, name, &Key::name);
  return found == keys.end() ? nullptr : &*found;
}

void check_keys(const Node& node, const Section& section, Diagnostics& diagnostics) {
  KeyCheck(diagnostics).section(node, section);
}

}  // namespace bgdeploy::spec
