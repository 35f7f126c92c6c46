// The one place that writes YAML with comments.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/utf8.hpp"
#include "bgdeploy/init/draft.hpp"
#include "bgdeploy/spec/document.hpp"

namespace bgdeploy::init {
namespace {

constexpr std::size_t k_width = 110;    // columns
constexpr std::size_t k_comments = 38;  // where comments begin, as in the examples

// In the order in which people read them.
constexpr std::array<std::string_view, 16> k_sections = {
    "service", "image",   "hosts",  "ssh",   "slots", "registry", "build", "docker",
    "compose", "secrets", "health", "proxy", "drain", "verify",   "hooks", "prune"};

struct Node {
  std::string key;
  const Finding* finding = nullptr;
  std::vector<Node> below{};
};

std::size_t place_of(const Node& node) {
  return static_cast<std::size_t>(std::ranges::find(k_sections, node.key) - k_sections.begin());
}

Node tree_of(const Draft& draft) {
  Node root;
  for (const Finding& finding : draft.findings()) {
    Node* at = &root;
    for (const std::string& key : finding.path) {
      auto found = std::ranges::find(at->below, key, &Node::key);
      if (found == at->below.end()) found = at->below.insert(found, Node{key});
      at = &*found;
    }
    at->finding = &finding;
  }
  std::ranges::stable_sort(root.below, {}, place_of);
  return root;
}

std::string flow(const Json& value) {
  if (value.is_string()) return spec::yaml_text(value.get<std::string>());
  std::vector<std::string> parts;
  if (value.is_array()) {
    for (const Json& item : value) parts.push_back(flow(item));
    return fmt::format("[{}]", fmt::join(parts, ", "));
  }
  if (!value.is_object()) return core::dump_json(value);
  for (const auto& [key, item] : value.items()) {
    // A slot's port says more than its container's name.
    const auto place = key == "port" ? parts.begin() : parts.end();
    parts.insert(place, fmt::format("{}: {}", spec::yaml_text(key), flow(item)));
  }
  return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

// Lines of comments, broken between words.
std::string comment_lines(std::string_view text, const std::string& margin, std::string_view begin = "# ") {
  std::string lines, line = margin + std::string(begin);
  const std::string indent = margin + "#" + std::string(begin.size() - 1, ' ');
  const std::string safe = core::printable(text);
  std::size_t words = 0;
  for (std::size_t at = 0; at < safe.size();) {
    const std::size_t end = std::min(safe.find(' ', at), safe.size());
    const std::string word = safe.substr(at, end - at);
    if (words > 0 && line.size() + 1 + word.size() > k_width) {
      lines += line + '\n';
      line = indent;
      words = 0;
    }
    if (words++ > 0) line += ' ';
    line += word;
    at = end + 1;
  }
  return lines + line + '\n';
}

// A key with its value, and the comment behind it, or above it where there is no room.
std::string entry(std::string line, const std::string& comment, const std::string& margin) {
  if (comment.empty()) return line + '\n';
  const std::string behind = "# " + core::printable(comment);
  const std::size_t column = std::max(line.size() + 2, k_comments);
  if (line.find('\n') != std::string::npos || column + behind.size() > k_width)
    return comment_lines(comment, margin) + line + '\n';
  line.resize(column, ' ');
  return line + behind + '\n';
}

void emit(const Node& node, std::size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  for (const Node& child : node.below) {
    const std::string key = margin + spec::yaml_text(child.key) + ":";
    if (child.finding == nullptr) {
      out += key + '\n';
      emit(child, indent + 2, out);
      continue;
    }
    const Json& value = child.finding->value;
    std::string line = key + ' ' + flow(value);
    if (value.is_array() && line.size() > 80) {
      line = key;
      for (const Json& item : value) line += fmt::format("\n{}  - {}", margin, flow(item));
    }
    out += entry(std::move(line), child.finding->comment, margin);
  }
}

}  // namespace

std::string write(const Draft& draft) {
  std::string text = comment_lines(
      draft.sources().empty()
          ? "Written by `bgdeploy init`; it found nothing to read."
          : fmt::format("Written by `bgdeploy init` from {}.", fmt::join(draft.sources(), ", ")),
      "");
  text += comment_lines(
      "`guessed` marks what is worth a look, `FILL IN` what has to be changed. Every key: `man "
      "bgdeploy.yml`.",
      "");
  emit(tree_of(draft), 0, text);
  if (draft.notes().empty()) return text;
  text += "\n# Not in this spec:\n";
  for (const std::string& note : draft.notes()) text += comment_lines(note, "", "# - ");
  return text;
}

}  // namespace bgdeploy::init
