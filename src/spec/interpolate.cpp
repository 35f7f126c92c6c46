#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "bgdeploy/core/utf8.hpp"

#include "node.hpp"
#include "text_rules.hpp"

namespace bgdeploy::spec {
namespace {

constexpr std::size_t k_interpolated_bytes = 4 * 1024 * 1024;  // of the whole spec, afterwards
constexpr int k_default_depth = 8;                             // defaults within defaults

class Interpolation {
public:
  Interpolation(const Environment& variables, Diagnostics& diagnostics)
      : m_variables(variables), m_diagnostics(diagnostics) {}

  // `section`: the key of the root below which the node stands.
  NodePtr run(const NodePtr& node, bool secret, std::string_view section = "") {
    // An alias's target is done once, however often it appears.
    if (const auto done = m_done.find(node.get()); done != m_done.end()) return done->second;
    auto result = std::make_shared<Node>(*node);
    for (auto& item : result->items) item = run(item, secret, section);
    for (auto& entry : result->entries) {
      if (entry.value->kind == Node::Kind::scalar && is_command_line(section, entry.key)) continue;
      const bool written = entry.value->text.find('$') == std::string::npos;
      entry.value = run(entry.value, secret || std::ranges::count(k_secret_keys, entry.key) > 0,
                        section.empty() ? std::string_view(entry.key) : section);
      if (secret && entry.key == "env" && !written) refuse_value(entry);
    }
    if (node->kind == Node::Kind::scalar && node->text.find('$') != std::string::npos) {
      auto text = expand(node->text, 0);
      if (text && m_bytes > k_interpolated_bytes)
        text = core::fail(core::ErrorKind::usage, "the spec grows beyond 4 MB");
      if (text) {
        result->text = std::move(*text);
      } else {
        report(node->at, text.error(), secret);
        result->kind = Node::Kind::broken;
      }
    }
    return m_done[node.get()] = result;
  }

private:
  using Text = core::Result<std::string>;
  static constexpr auto k_own_words = core::ErrorKind::refused;  // the message of a ${VAR:?message}

  // {env: "${TOKEN}"} names the secret, not its variable, and whoever looks for that would show it.
  void refuse_value(Entry& entry) {
    if (entry.value->kind != Node::Kind::scalar || m_variables(entry.value->text)) return;
    m_diagnostics.error(entry.value->at,
                        "env takes the name of a variable that is set: write {env: NAME}, without ${…}",
                        Show::place);
    auto broken = std::make_shared<Node>(*entry.value);
    broken->kind = Node::Kind::broken;
    entry.value = std::move(broken);
  }

  // A user who typed the secret itself here does not want to read it again. Who wrote a message means it.
  void report(Mark at, const core::Error& error, bool secret) {
    const bool hidden = secret && error.kind != k_own_words;
    m_diagnostics.error(at,
                        hidden ? "a substitution is malformed, or its variable is not set" : error.message,
                        secret ? Show::place : Show::line);
  }

  static std::unexpected<core::Error> fail(std::string message) {
    return core::fail(core::ErrorKind::usage, std::move(message));
  }

  Text expand(std::string_view text, int depth) {
    std::string result;
    if (depth > k_default_depth) return fail("defaults are nested too deep");
    while (!text.empty() && m_bytes <= k_interpolated_bytes) {
      const std::size_t dollar = std::min(text.find('$'), text.size());
      result += text.substr(0, dollar);
      m_bytes += dollar;
      text.remove_prefix(dollar);
      if (text.starts_with("${")) {
        const std::size_t end = closing_brace(text);
        if (end == std::string_view::npos) return fail("'${' has no '}'; write '$$' for a plain '$'");
        BGDEPLOY_ASSIGN(const std::string value, value_of(text.substr(2, end - 2), depth));
        result += value;
        m_bytes += value.size();
        text.remove_prefix(end + 1);
      } else if (!text.empty()) {
        result += '$';
        text.remove_prefix(text.starts_with("$$") ? 2 : 1);
      }
    }
    return result;
  }

  // The '}' that ends the "${" at the start; braces in a default come in pairs.
  static std::size_t closing_brace(std::string_view text) {
    int open = 0;
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (text[i] == '{') ++open;
      if (text[i] == '}' && --open == 0) return i;
    }
    return std::string_view::npos;
  }

  // `inside`, the text between the braces, is NAME, NAME:-default or NAME:?message.
  Text value_of(std::string_view inside, int depth) {
    const std::size_t colon = std::min(inside.find(':'), inside.size());
    const std::string_view name = inside.substr(0, colon);
    const std::string_view rest = inside.substr(colon);
    const bool has_default = rest.starts_with(":-");
    const bool has_message = rest.starts_with(":?");
    if (!is_variable_name(name) || (!rest.empty() && !has_default && !has_message)) {
      return fail(fmt::format(
          "{} is none of ${{VAR}}, ${{VAR:-default}} and ${{VAR:?message}}; write '$$' for a plain '$'",
          in_quotes(fmt::format("${{{}}}", inside))));
    }
    auto value = m_variables(name);
    if (value && value->find('\0') != std::string::npos)
      return fail(fmt::format("variable '{}' holds a NUL byte", name));
    if (value && !is_utf8(*value)) return fail(fmt::format("variable '{}' is not UTF-8", name));
    const bool filled = value && !value->empty();
    if (has_default && !filled) return expand(rest.substr(2), depth + 1);
    if (has_message && !filled) {
      BGDEPLOY_ASSIGN(const std::string message, expand(rest.substr(2), depth + 1));
      return core::fail(k_own_words, fmt::format("variable '{}' is {}{}{}", name, value ? "empty" : "not set",
                                                 message.empty() ? "" : ": ", message));
    }
    if (!value) {
      return fail(fmt::format("variable '{0}' is not set; ${{{0}:-default}} would give it a default", name));
    }
    return *value;
  }

  static bool is_utf8(std::string_view text) {
    while (!text.empty()) {
      const std::size_t length = core::utf8_length(text);
      if (length == 0) return false;
      text.remove_prefix(length);
    }
    return true;
  }

  const Environment& m_variables;
  Diagnostics& m_diagnostics;
  std::unordered_map<const Node*, NodePtr> m_done;
  std::size_t m_bytes = 0;
};

}  // namespace

NodePtr interpolate(const NodePtr& node, const Environment& variables, Diagnostics& diagnostics) {
  return Interpolation(variables, diagnostics).run(node, false);
}

}  // namespace bgdeploy::spec
