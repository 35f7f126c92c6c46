#include "template.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "bgdeploy/core/nearest.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::spec {
namespace {

constexpr std::string_view k_list = "backends";
const std::array<std::string, 7> k_fields = {"host", "address", "port", "container", "slot", "tag", "weight"};

bool is_field(std::string_view name) {
  return std::ranges::find(k_fields, name) != k_fields.end();
}

// A name for a message. No real name is longer.
std::string shown(std::string_view name) {
  return core::printable(name.substr(0, 40));
}

class TagChecker {
public:
  explicit TagChecker(std::string_view text) : m_text(text) {}

  TemplateTags check() {
    single_braces();
    while (next()) {
    }
    for (const Open& open : m_open)
      add(fmt::format("has {{{{#{0}}}}} without {{{{/{0}}}}}", shown(open.name)));
    return std::move(m_found);
  }

private:
  struct Open {
    std::string name;
    bool each = false;  // what is inside is said of every backend
  };

  // The rest of the spec writes {port}; in a template that would reach nginx unchanged.
  void single_braces() {
    for (const std::string& name : k_fields) {
      const std::string written = "{" + name + "}";
      for (auto at = m_text.find(written); at != std::string_view::npos; at = m_text.find(written, at + 1)) {
        const bool part = at > 0 && (m_text[at - 1] == '{' || m_text[at - 1] == '$');
        if (!part) add(fmt::format("has no value for {0}, write {{{0}}}", written));
      }
    }
  }

  bool next() {
    const auto begin = m_text.find(m_left, m_at);
    if (begin == std::string_view::npos) return false;
    std::size_t at = begin + m_left.size();
    const char kind = at < m_text.size() ? m_text[at] : '\0';
    const bool triple = kind == '{' && m_left == "{{";
    const std::string right = triple ? "}}}" : kind == '=' ? "=" + m_right : m_right;
    if (std::string_view("{&#^/>!=").find(kind) != std::string_view::npos && kind != '\0') ++at;
    const auto end = m_text.find(right, at);
    if (end == std::string_view::npos) {
      add(fmt::format("has a {} that nothing closes", m_left));
      return false;
    }
    m_at = end + right.size();
    tag(kind, core::trim(m_text.substr(at, end - at)));
    return true;
  }

  void tag(char kind, std::string_view name) {
    switch (kind) {
      case '!':
        return;
      case '=':
        return delimiters(name);
      case '>':
        return add(fmt::format("must not take in another one: {{{{> {}}}}}", shown(name)));
      case '#':
      case '^':
        if (is_field(name))
          use(name);
        else if (name != k_list)
          unknown(name, kind == '#' ? "#" : "^");
        m_open.push_back({std::string(name), kind == '#' && name == k_list});
        return;
      case '/':
        return close(name);
      default:
        if (name == k_list)
          add("names all backends at once: put what is said of each between {{#backends}} and {{/backends}}");
        else if (is_field(name))
          use(name);
        else
          unknown(name, "");
    }
  }

  void use(std::string_view field) {
    m_found.fields.emplace(field);
    if (std::ranges::any_of(m_open, &Open::each)) m_found.of_each = true;
  }

  void close(std::string_view name) {
    if (m_open.empty() || m_open.back().name != name)
      add(fmt::format(
          "has {{{{/{}}}}} where {}", shown(name),
          m_open.empty() ? "nothing is open" : fmt::format("{{{{/{}}}}} is due", shown(m_open.back().name))));
    if (!m_open.empty()) m_open.pop_back();
  }

  // {{=<% %>=}}
  void delimiters(std::string_view both) {
    const auto blank = std::min(both.find(' '), both.size());
    const std::string_view left = both.substr(0, blank);
    const std::string_view right = core::trim(both.substr(blank));
    const auto usable = [](std::string_view one) {
      return !one.empty() && one.find_first_of("= \t\r\n\v\f") == std::string_view::npos;
    };
    if (!usable(left) || !usable(right))
      return add("has a {{=…=}} that does not name two delimiters, as {{=<% %>=}} does");
    m_left = left;
    m_right = right;
  }

  void unknown(std::string_view name, std::string_view sigil) {
    std::vector<std::string> candidates(k_fields.begin(), k_fields.end());
    candidates.emplace_back(k_list);
    const auto dot = name.rfind('.');
    const std::string_view last = dot == std::string_view::npos ? name : name.substr(dot + 1);
    std::string meant;
    if (dot != std::string_view::npos && is_field(last))
      meant = fmt::format("; write {{{{{}}}}} between {{{{#backends}}}} and {{{{/backends}}}}", last);
    else if (const auto near = core::nearest(name, candidates))
      meant =
          fmt::format(", did you mean {{{{{}{}}}}}?", *near == k_list && sigil.empty() ? "#" : sigil, *near);
    else
      meant = fmt::format("; known are {}, and {}", fmt::join(k_fields, ", "), k_list);
    add(fmt::format("has no value for {{{{{}{}}}}}{}", sigil, shown(name), meant));
  }

  void add(std::string words) {
    auto& wrong = m_found.wrong;
    if (std::ranges::find(wrong, words) == wrong.end()) wrong.push_back(std::move(words));
  }

  std::string_view m_text;
  std::size_t m_at = 0;
  std::string m_left = "{{", m_right = "}}";
  std::vector<Open> m_open;
  TemplateTags m_found;
};

}  // namespace

TemplateTags tags_of(std::string_view text) {
  return TagChecker(text).check();
}

}  // namespace bgdeploy::spec
