// The table of the spec's keys. One entry says all that the program knows of a key: its name, what it may
// hold, how that is read and written, and one line of documentation. The check for unknown keys, the loader,
// `config`, the history, the JSON Schema and the test of docs/spec.md follow it.
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reader.hpp"
#include "writer.hpp"

namespace bgdeploy::spec {

struct Section;
struct Form;
using Shape = std::vector<Form>;  // a value has one of these forms

struct Form {
  enum class Kind { text, whole, number, flag, words, list, map, section };
  Kind kind = Kind::text;
  // ECMA-262, for the whole text of a scalar as it is written, or for the keys of a map. Empty: any.
  std::string pattern{};
  bool scalars = false;              // text: a number and a boolean are taken as they are written
  std::vector<std::string> words{};  // the only texts
  // A number's bounds, or how many values a list or a map holds.
  std::optional<double> least{}, most{};
  Shape inside{};                         // a list's items, a map's values
  const Section& (*section)() = nullptr;  // a function: sections name each other
  bool nullable = false;                  // no value is an empty one
};

struct Key {
  std::string name;
  std::string doc;  // one line
  Shape shape;
  bool required = false;
  bool per_slot = false;                // {slot} and the like are replaced in it
  bool planned = false;                 // refused as "not supported yet"
  std::vector<std::string> examples{};  // as they are written
};

// A map with fixed keys. In the path "[]" stands for the items of a list and "*" for a key of the user's own:
// "hosts.app[]", "slots.*". The root's path is empty.
struct Section {
  std::string path;
  std::vector<Key> keys;
  std::vector<std::string> exactly_one{};  // of these keys
  bool secret = false;                     // a value here may be a secret in the wrong place
  std::function<void(Writer&)> write_defaults{};

  const Key* find(std::string_view name) const;
};

// A key that belongs to a member of T. What a section reads or writes in its own way has no such function.
template <class T>
struct Field {
  Key key;
  std::function<void(const Value&, T&)> read{};
  std::function<void(Writer&, const T&)> write{};
  bool has_default = false;

  Field required() && { return with(&Key::required); }
  Field per_slot() && { return with(&Key::per_slot); }
  Field planned() && { return with(&Key::planned); }
  // The default of the member is not that of the key, which `doc` tells.
  Field without_default() && {
    has_default = false;
    return std::move(*this);
  }
  Field examples(std::vector<std::string> texts) && {
    key.examples = std::move(texts);
    return std::move(*this);
  }
  // Read only then.
  Field read_if(bool (*condition)(const T&)) && {
    read = [condition, inner = std::move(read)](const Value& value, T& out) {
      if (condition(out)) inner(value, out);
    };
    return std::move(*this);
  }
  // Written only then.
  Field written_if(bool (*condition)(const T&)) && {
    write = [condition, inner = std::move(write)](Writer& out, const T& from) {
      if (condition(from)) inner(out, from);
    };
    return std::move(*this);
  }

private:
  Field with(bool Key::*flag) {
    key.*flag = true;
    return std::move(*this);
  }
};

template <class T>
void write_fields(const std::vector<Field<T>>& fields, const T& from, Writer& out) {
  for (const auto& field : fields)
    if (field.write) field.write(out, from);
}

template <class T>
struct Table : Section {
  std::vector<Field<T>> fields;

  Table(std::string where, std::vector<Field<T>> all, std::vector<std::string> one_of_these = {})
      : Section{std::move(where), {}, std::move(one_of_these)}, fields(std::move(all)) {
    for (const auto& field : fields) keys.push_back(field.key);
    write_defaults = [this](Writer& out) {
      const T none{};
      for (const auto& field : fields)
        if (field.has_default) field.write(out, none);
    };
  }
  Table(const Table&) = delete;  // `this` is in write_defaults
  Table& operator=(const Table&) = delete;
};

// Reads the fields of a map in the order of the table.
template <class T>
void read_fields(const Table<T>& table, const Value& map, T& out) {
  for (const auto& [key, read, write, has_default] : table.fields) {
    if (!read && !key.planned) continue;
    const Value value = key.required ? map.need(key.name) : map.get(key.name);
    if (key.planned && value.present()) value.unsupported(key.name);
    if (read) read(value, out);
  }
}

// How values of T are read and written, and their form.
template <class T>
struct Type {
  Shape shape;
  std::function<std::optional<T>(const Value&)> read;
  std::function<void(Writer&, const std::string&, const T&)> write{};  // empty: as Writer::put does
};

namespace detail {
template <class T>
bool is_given(const T& value) {
  if constexpr (requires { value.empty(); })
    return !value.empty();
  else
    return true;
}
template <class T>
bool is_given(const std::optional<T>& value) {
  return value.has_value();
}
template <class T>
const T& plain(const T& value) {
  return value;
}
template <class T>
const T& plain(const std::optional<T>& value) {
  return *value;
}
}  // namespace detail

template <class M, class V>
concept Holds = std::same_as<M, V> || std::same_as<M, std::optional<V>>;

// A key for a member. Its default is the member's initial value. Empty values are not written.
template <class T, class V, Holds<V> M>
Field<T> key(std::string name, M T::*member, Type<V> type, std::string doc) {
  Field<T> field{{name, std::move(doc), std::move(type.shape)}};
  field.has_default = true;
  field.read = [member, read = std::move(type.read)](const Value& value, T& out) {
    if (auto found = read(value)) out.*member = std::move(*found);
  };
  field.write = [member, name, write = std::move(type.write)](Writer& out, const T& from) {
    if (!detail::is_given(from.*member)) return;
    const V& value = detail::plain(from.*member);
    if constexpr (requires { out.put(name, value); }) {
      if (!write) return out.put(name, value);
    }
    write(out, name, value);
  };
  return field;
}

// A key with functions of its own.
template <class T>
Field<T> key(std::string name, Shape shape, std::type_identity_t<std::function<void(const Value&, T&)>> read,
             std::type_identity_t<std::function<void(Writer&, const T&)>> write, std::string doc) {
  return {{std::move(name), std::move(doc), std::move(shape)}, std::move(read), std::move(write)};
}
// A key that its section reads and writes.
template <class T>
Field<T> key(std::string name, Shape shape, std::string doc) {
  return {{std::move(name), std::move(doc), std::move(shape)}};
}

// The tables, each in the file of its section. The root's is the way to all of them.
const Table<Spec>& root_keys();
const Section& overlay_keys();  // of an environment: the root's without `environments`
const Section& hosts_keys();
const Table<Host>& host_keys();
const Table<Ssh>& ssh_keys();
const Section& slot_keys();
const Section& source_keys();
const Section& password_keys();
const Section& registry_keys();
const Table<Docker>& docker_keys();
const Section& volume_keys();
const Table<Compose>& compose_keys();
const Table<Build>& build_keys();
const Table<Health>& health_keys();
const Section& proxy_keys();
const Table<Nginx>& nginx_keys();
const Table<Verify>& verify_keys();
const Table<Watch>& watch_keys();
const Table<Hooks>& hooks_keys();
void write_hooks(Writer& out, const Spec& spec);
const Table<History>& history_keys();
const Table<Prune>& prune_keys();
const Section& notify_keys();

// "password": {"env": "REGISTRY_TOKEN"}
void write_source(Writer& out, const std::string& name, const SecretSource& source);
void write_notify(Writer& out, const Spec& spec);

}  // namespace bgdeploy::spec
