#include "bgdeploy/spec/compose_references.hpp"

#include <algorithm>

#include "bgdeploy/spec/dotenv.hpp"
#include "node.hpp"

namespace bgdeploy::spec {
namespace {

using Kind = ComposeReference::Kind;

class References {
public:
  explicit References(const Environment& variables) : m_variables(variables) {}

  std::vector<ComposeReference> run(const Node& root) {
    each(root.find("include"), [&](const Node& item) { add_include(item); });
    if (const Entry* services = root.find("services"))
      for (const auto& service : services->value->entries) add_service(*service.value);
    add_files(root.find("configs"), Kind::config);
    add_files(root.find("secrets"), Kind::secret);
    return std::move(m_found);
  }

private:
  // A list's items, or the one value in its place.
  static void each(const Entry* entry, auto&& take) {
    if (entry == nullptr) return;
    if (entry->value->kind == Node::Kind::list) {
      for (const auto& item : entry->value->items) take(*item);
    } else if (entry->value->kind != Node::Kind::null) {
      take(*entry->value);
    }
  }

  static const Node* at(const Node& map, std::string_view key) {
    const Entry* entry = map.find(key);
    return entry == nullptr ? nullptr : entry->value.get();
  }

  static std::string_view text_at(const Node& map, std::string_view key) {
    const Node* node = at(map, key);
    return node != nullptr && node->kind == Node::Kind::scalar ? std::string_view(node->text) : "";
  }

  void add(Kind kind, std::string_view text, bool required = true, std::string_view folder = {}) {
    const auto path = expand_variables(text, m_variables);
    const auto start = expand_variables(folder, m_variables);
    if (!path || !start || path->empty()) return;
    ComposeReference reference{kind, *path, required, *start};
    if (std::find(m_found.begin(), m_found.end(), reference) == m_found.end())
      m_found.push_back(std::move(reference));
  }

  void add_include(const Node& item) {
    if (item.kind == Node::Kind::scalar) return add(Kind::file, item.text);
    const auto folder = text_at(item, "project_directory");
    each(item.find("path"), [&](const Node& path) { add(Kind::file, path.text, true, folder); });
    each(item.find("env_file"), [&](const Node& path) { add(Kind::env_file, path.text); });
  }

  void add_service(const Node& service) {
    each(service.find("env_file"), [&](const Node& item) {
      if (item.kind == Node::Kind::map)
        add(Kind::env_file, text_at(item, "path"), text_at(item, "required") != "false");
      else
        add(Kind::env_file, item.text);
    });
    each(service.find("label_file"), [&](const Node& item) { add(Kind::env_file, item.text); });
    if (const Node* extends = at(service, "extends")) add(Kind::file, text_at(*extends, "file"));
    each(service.find("volumes"), [&](const Node& item) { add_volume(item); });
  }

  void add_volume(const Node& item) {
    if (item.kind == Node::Kind::map) {
      if (text_at(item, "type") == "bind") add(Kind::mount, text_at(item, "source"), false);
      return;
    }
    // Only what begins like a path is one; a colon may stand in ${X:-y}.
    const auto text = expand_variables(item.text, m_variables);
    if (!text || text->find(':') == std::string::npos) return;
    const auto source = std::string_view(*text).substr(0, text->find(':'));
    if (source.starts_with('.')) add_as_it_is(Kind::mount, source);
  }

  void add_as_it_is(Kind kind, std::string_view path) {
    ComposeReference reference{kind, std::string(path), false, {}};
    if (std::find(m_found.begin(), m_found.end(), reference) == m_found.end())
      m_found.push_back(std::move(reference));
  }

  void add_files(const Entry* section, Kind kind) {
    if (section == nullptr) return;
    for (const auto& entry : section->value->entries) add(kind, text_at(*entry.value, "file"));
  }

  const Environment& m_variables;
  std::vector<ComposeReference> m_found;
};

}  // namespace

std::vector<ComposeReference> compose_references(std::string_view yaml, const Environment& variables) {
  Diagnostics diagnostics("compose", yaml);
  const NodePtr root = parse_yaml(yaml, diagnostics, Tags::ignored);
  return root ? References(variables).run(*root) : std::vector<ComposeReference>{};
}

}  // namespace bgdeploy::spec
