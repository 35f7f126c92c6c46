// Typed reading of a Node tree. A reader asks a Value for what it needs. An absent value gives nothing. A
// wrong one gives nothing and is reported, and reading goes on to the next error.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "bgdeploy/spec/spec.hpp"
#include "node.hpp"
#include "text_rules.hpp"

namespace bgdeploy::spec {

struct Reading {
  Diagnostics& diagnostics;
  std::filesystem::path folder;     // absolute; of the spec
  std::optional<std::string> home;  // for "~"
};

enum class Zero { allowed, refused };

class Value {
public:
  Value(Reading& reading, const Node* node, Mark key, std::string path)
      : m_reading(&reading), m_node(node), m_key(key), m_path(std::move(path)) {}

  bool present() const { return m_node != nullptr; }
  const Node* node() const { return m_node; }

  // "<path> <predicate>" at the value, or at its key.
  void error(std::string_view predicate) const;
  void error_at_key(std::string_view predicate) const;
  // "<what> is not supported yet: <today>" at the key. `today`: what does nearly the same until then.
  void unsupported(std::string_view what, std::string_view today = "") const;
  // No error shows this value, or a value in it.
  Value secret() const;
  // 'text' for a message, or "this" when it is secret.
  std::string shown(std::string_view text) const;

  // Of a map. `need` reports an absent key.
  Value get(std::string_view key) const;
  Value need(std::string_view key) const;
  std::vector<std::pair<std::string, Value>> entries() const;
  // Whether a map has exactly one of these keys. Several are reported at the last of them, with `advice`.
  bool need_one_of(const std::vector<std::string>& keys, std::string_view advice = {}) const;
  bool is_map() const;               // reports anything else; an empty value is an empty map
  std::vector<Value> items() const;  // of a list; reports anything else
  bool is(Node::Kind kind) const { return m_node != nullptr && m_node->kind == kind; }

  std::optional<std::string> text() const;    // any scalar, as written
  std::optional<std::string> filled() const;  // not empty, no control characters
  std::optional<std::int64_t> integer(std::int64_t least, std::int64_t most) const;
  std::optional<int> count(int most) const;  // from 1
  std::optional<int> port() const;
  std::optional<double> number_above_zero() const;
  std::optional<bool> boolean() const;
  std::optional<Duration> duration(Zero zero) const;
  std::optional<std::int64_t> size(std::int64_t least) const;
  std::optional<std::vector<std::string>> texts() const;    // a list of scalars
  std::optional<std::vector<std::string>> command() const;  // a list, or one line split as a shell would
  // A map of scalars, or compose's list of "K=V". Names without a value go to `bare`, where it is given.
  std::optional<std::map<std::string, std::string>> text_map(std::vector<std::string>* bare = nullptr) const;
  std::optional<std::filesystem::path> file()
      const;  // absolute: "~" is home, the rest below the spec's folder
  // A path in which OpenSSH replaces ~ and %h. It stays as it is when it begins with '/', '~' or '%'; else it
  // is below the spec's folder.
  std::optional<std::string> openssh_file() const;

  // Text that fulfils `rule`; otherwise the error is "<path> must be <what>, not '…'".
  std::optional<std::string> matching(const std::function<bool(std::string_view)>& rule,
                                      std::string_view what) const;

private:
  void wrong(std::string_view what, std::string_view text) const;

  Reading* m_reading;
  const Node* m_node;
  Mark m_key;
  std::string m_path;
  bool m_secret = false;
};

// Assigns what was read; leaves the default where nothing was.
template <class T, class U>
void set(T& target, std::optional<U> value) {
  if (value) target = std::move(*value);
}

void read_spec(const Value& root, Spec& spec);

// One file a section.
void read_hosts(const Value& root, Spec& spec);
void read_slots(const Value& slots, Spec& spec);
void read_docker(const Value& docker, Docker& out);
void read_docker_socket(const Value& socket, std::optional<std::string>& out);
void read_volumes(const Value& list, Docker& out);  // after tmpfs
void read_build(const Value& build, Spec& spec);
void read_compose(const Value& compose, Compose& out);
// After the rest: what `compose` means for the slots and for what else is in the spec.
void finish_compose(const Value& root, Spec& spec);
void check_published(const Value& root, const Spec& spec);
void check_direct(const Value& root, const Spec& spec);
// After the rest: whether what the proxies are told leads to all backends of one slot, and of that one only.
void check_routing(const Value& root, const Spec& spec);
void read_health(const Value& health, Health& out);
void read_nginx(const Value& nginx, Nginx& out);
// After health and proxy.
void read_verify(const Value& verify, Spec& spec);
// After proxy.
void read_watch(const Value& watch, Spec& spec);
// After build.
void read_hooks(const Value& hooks, Spec& spec);
std::optional<SecretSource> read_secret_source(const Value& source);
void read_notify(const Value& list, std::vector<Notify>& out);
// After the rest: what slots without ports, and `order: stop_first`, mean for what else is in the spec.
void check_workers(const Value& root, const Spec& spec);
void read_secrets(const Value& secrets, Spec& spec);
void read_registry(const Value& registry, Spec& spec);

}  // namespace bgdeploy::spec
