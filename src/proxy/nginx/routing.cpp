#include "bgdeploy/proxy/nginx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <kainjow/mustache.hpp>
#include <utility>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "config.hpp"

namespace bgdeploy::proxy {
namespace {

using core::ErrorKind;
using core::fail;
using core::Result;

constexpr std::string_view k_digits = "0123456789";
constexpr std::string_view k_letters_and_digits =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

// nginx cannot quote a value inside a word, so characters that could end the word are refused.
bool is_harmless(std::string_view value) {
  return std::ranges::all_of(
      value, [](char c) { return is_one_of(c, k_letters_and_digits) || is_one_of(c, "._-:[]@/+%~=,"); });
}

Result<void> check_values(const Routing& routing) {
  for (const auto& backend : routing) {
    const std::array<std::pair<std::string_view, std::string_view>, 6> fields = {
        {{"host", backend.host},
         {"address", backend.address},
         {"port", backend.port},
         {"container", backend.container},
         {"slot", backend.slot},
         {"tag", backend.tag}}};
    for (const auto& [name, value] : fields) {
      if (!is_harmless(value))
        return fail(ErrorKind::usage,
                    fmt::format("a backend's {} has characters that nginx's configuration does "
                                "not take in a word: {}",
                                name, core::printable(value)));
    }
  }
  return {};
}

// An IPv6 address needs brackets before a port.
std::string in_url(const std::string& address) {
  const bool bare_ipv6 = address.find(':') != std::string::npos && !address.starts_with('[');
  return bare_ipv6 ? "[" + address + "]" : address;
}

kainjow::mustache::data fields_of(const Backend& backend) {
  kainjow::mustache::data data{kainjow::mustache::data::type::object};
  data.set("host", backend.host);
  data.set("address", in_url(backend.address));
  data.set("port", backend.port);
  data.set("container", backend.container);
  data.set("slot", backend.slot);
  data.set("tag", backend.tag);
  data.set("weight", std::to_string(backend.weight));
  return data;
}

// Values are not escaped; errors of the library become ours.
Result<std::string> render_template(const std::string& text, const Routing& routing) {
  try {
    kainjow::mustache::mustache parsed{text};
    if (!parsed.is_valid())
      return fail(ErrorKind::usage, fmt::format("proxy.nginx.template: {}", parsed.error_message()));
    parsed.set_custom_escape([](const std::string& value) { return value; });
    kainjow::mustache::data backends{kainjow::mustache::data::type::list};
    for (const auto& backend : routing) backends.push_back(fields_of(backend));
    auto data = fields_of(routing.front());
    data.set("backends", backends);
    std::string rendered = parsed.render(data);
    if (!parsed.is_valid())
      return fail(ErrorKind::usage, fmt::format("proxy.nginx.template: {}", parsed.error_message()));
    return rendered;
  } catch (const std::exception& error) {
    return fail(ErrorKind::usage, fmt::format("proxy.nginx.template: {}", error.what()));
  }
}

std::string render_upstream(const std::string& name, const Routing& routing) {
  std::string text = fmt::format("upstream {} {{\n", name);
  for (const auto& backend : routing) {
    const auto weight = backend.weight == 1 ? std::string{} : fmt::format(" weight={}", backend.weight);
    text += fmt::format("    server {}:{}{};\n", in_url(backend.address), backend.port, weight);
  }
  return text + "    keepalive 32;\n}\n";
}

Result<std::string> render_unchecked(const spec::Nginx& nginx, const Routing& routing) {
  if (routing.empty()) return fail(ErrorKind::usage, "there is no backend to send traffic to");
  if (nginx.upstream) return render_upstream(*nginx.upstream, routing);
  return render_template(nginx.template_text, routing);
}

// A template uses all backends if each of them changes the result.
Result<bool> uses_all(const spec::Nginx& nginx, const Routing& routing, const std::string& rendered) {
  for (std::size_t i = 1; i < routing.size(); ++i) {
    auto changed = routing;
    changed[i] = {"other-host", "192.0.2.1", "1", "other-container", "other-slot", "other-tag", 97};
    BGDEPLOY_ASSIGN(const auto without, render_unchecked(nginx, changed));
    if (without == rendered) return false;
  }
  return true;
}

// Without comments, and with every run of blanks and line ends as one blank: nginx ignores them too.
std::string normalised(std::string_view text) {
  std::string out;
  char quote = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      out.push_back(c);
      if (c == '\\' && at + 1 < text.size())
        out.push_back(text[++at]);
      else if (c == quote)
        quote = 0;
      continue;
    }
    const bool at_word = out.empty() || is_one_of(out.back(), " ;{}");
    if (c == '#' && at_word) {
      while (at + 1 < text.size() && text[at + 1] != '\n') ++at;
    } else if (is_one_of(c, " \t\r\n")) {
      if (!at_word || (!out.empty() && out.back() != ' ')) out.push_back(' ');
    } else {
      if (at_word && (c == '"' || c == '\'')) quote = c;
      out.push_back(c);
    }
  }
  return std::string(core::trim(out));
}

const std::string k_in_word = std::string(k_letters_and_digits) + "._-";

// Whether `text` equals `pattern`, where `mark` stands for any tag. The text between two marks is taken at
// its first place: a later place would do only where a tag can hold everything in between, and then the next
// tag can hold it too. So nothing is tried twice.
bool matches_with_any_tag(std::string_view text, std::string_view pattern, std::string_view mark) {
  const auto first = pattern.find(mark);
  if (first == std::string_view::npos) return text == pattern;
  if (!text.starts_with(pattern.substr(0, first))) return false;
  pattern.remove_prefix(first + mark.size());
  std::size_t at = first;       // where the tag begins
  std::size_t tag_end = first;  // the first place behind it that no tag reaches
  for (;;) {
    if (at >= tag_end) tag_end = std::min(text.find_first_not_of(k_in_word, at), text.size());
    const auto next = pattern.find(mark);
    const auto literal = pattern.substr(0, next);
    if (next == std::string_view::npos)
      return text.size() - at >= literal.size() && text.ends_with(literal) &&
             text.size() - literal.size() <= tag_end;
    const auto found = text.substr(at, tag_end - at + literal.size()).find(literal);
    if (found == std::string_view::npos) return false;
    at += found + literal.size();
    pattern.remove_prefix(next + mark.size());
  }
}

bool rendered_from(const spec::Nginx& nginx, const std::string& text, Routing routing) {
  // The tag that was live is unknown here, and says nothing about the slot.
  constexpr std::string_view k_mark = "bgdeploy-any-tag";
  for (auto& backend : routing) backend.tag = k_mark;
  const auto rendered = render_unchecked(nginx, routing);
  return rendered && matches_with_any_tag(text, normalised(*rendered), k_mark);
}

// Whether `text` contains `needle` as a whole word: a character of `before` or `behind` next to it would make
// it a longer one.
bool has_word(std::string_view text, std::string_view needle, std::string_view before,
              std::string_view behind) {
  if (needle.empty()) return false;
  for (auto at = text.find(needle); at != std::string_view::npos; at = text.find(needle, at + 1)) {
    const auto end = at + needle.size();
    if ((at == 0 || !is_one_of(text[at - 1], before)) &&
        (end == text.size() || !is_one_of(text[end], behind)))
      return true;
  }
  return false;
}

bool names_backend(std::string_view text, const Backend& backend) {
  const auto has = [&](const std::string& address) {
    return has_word(text, address + ":" + backend.port, k_in_word, k_digits);
  };
  // Scripts spell the same machine in several ways.
  constexpr std::array<std::string_view, 4> k_here = {"127.0.0.1", "localhost", "::1", "[::1]"};
  if (std::ranges::find(k_here, backend.address) == k_here.end()) return has(in_url(backend.address));
  return has("127.0.0.1") || has("localhost") || has("[::1]");
}

bool has_port(std::string_view text, std::string_view port) {
  return has_word(text, port, k_in_word, k_in_word);
}

// The only slot for which `test` holds; nothing if it holds for none or both. `found`: whether it holds for
// any.
template <class Test>
std::optional<std::size_t> only_slot(const std::array<Routing, 2>& slots, bool& found, Test test) {
  const bool first = test(slots[0]);
  const bool second = test(slots[1]);
  found = first || second;
  if (first == second) return std::nullopt;
  return first ? 0 : 1;
}

// Traffic by the weights of servers, if nothing but the servers of one upstream names a slot.
class Shares {
public:
  explicit Shares(const std::array<Routing, 2>& slots) : m_slots(slots) {}

  std::optional<plan::Traffic> read(std::string_view text) {
    if (!add(parse_directives(text))) return std::nullopt;
    const double all = m_weights[0] + m_weights[1] + m_elsewhere;
    if (m_weights[0] + m_weights[1] <= 0) return std::nullopt;
    return plan::Traffic{{m_weights[0] / all, m_weights[1] / all}};
  }

private:
  // Weights as ngx_http_upstream_module reads them. Nobody can tell when a `backup` gets requests.
  bool add(const std::vector<Directive>& block) {
    const bool upstream = std::ranges::any_of(
        block, [](const Directive& one) { return one.name == "server" && one.block.empty(); });
    if (upstream && std::exchange(m_found, true)) return false;
    return std::ranges::all_of(block, [&](const Directive& one) {
      if (one.name == "server" && one.block.empty() && !one.args.empty()) return add_server(one.args);
      return !slot_of(one.args) && add(one.block);
    });
  }

  bool add_server(const std::vector<std::string>& args) {
    double weight = 1;
    for (const std::string& arg : args) {
      if (arg == "backup") return false;
      if (arg == "down") weight = 0;
    }
    for (const std::string& arg : args)
      if (arg.starts_with("weight=") && weight > 0) {
        int given = 0;
        std::from_chars(arg.data() + 7, arg.data() + arg.size(), given);
        if (given < 1) return false;
        weight = given;
      }
    const auto slot = slot_of({args.front()});
    (slot ? m_weights[*slot] : m_elsewhere) += weight;
    return true;
  }

  std::optional<std::size_t> slot_of(const std::vector<std::string>& words) const {
    for (std::size_t slot = 0; slot < m_slots.size(); ++slot)
      for (const Backend& backend : m_slots[slot])
        for (const std::string& word : words)
          if (names_backend(word, backend)) return slot;
    return std::nullopt;
  }

  const std::array<Routing, 2>& m_slots;
  std::array<double, 2> m_weights{};
  double m_elsewhere = 0;
  bool m_found = false;  // an upstream
};

}  // namespace

Result<std::string> render(const spec::Nginx& nginx, const Routing& routing) {
  BGDEPLOY_TRY(check_values(routing));
  BGDEPLOY_ASSIGN(auto rendered, render_unchecked(nginx, routing));
  BGDEPLOY_ASSIGN(const bool all, uses_all(nginx, routing, rendered));
  if (!all)
    return fail(
        ErrorKind::usage,
        fmt::format("proxy.nginx.template does not use all of {} backends: put what is said of each between "
                    "{{{{#backends}}}} and {{{{/backends}}}}",
                    routing.size()));
  return rendered;
}

std::optional<plan::Traffic> read_back(const spec::Nginx& nginx, std::string_view text,
                                       const std::array<Routing, 2>& slots) {
  const std::string plain = normalised(text);
  bool found = false;
  const auto equal =
      only_slot(slots, found, [&](const Routing& routing) { return rendered_from(nginx, plain, routing); });
  if (equal) return plan::Traffic::all_to(*equal);
  if (const auto shares = Shares(slots).read(text)) return shares;
  const auto named = read_back_addresses(plain, slots);
  return named ? std::optional(plan::Traffic::all_to(*named)) : std::nullopt;
}

bool is_rendered(const spec::Nginx& nginx, std::string_view text, const Routing& routing) {
  return rendered_from(nginx, normalised(text), routing);
}

bool same_directives(std::string_view one, std::string_view other) {
  return normalised(one) == normalised(other);
}

std::optional<std::size_t> read_back_addresses(std::string_view text, const std::array<Routing, 2>& slots) {
  const std::string plain = normalised(text);
  bool found = false;
  const auto by_address = only_slot(slots, found, [&](const Routing& routing) {
    return std::ranges::any_of(routing, [&](const auto& backend) { return names_backend(plain, backend); });
  });
  if (found) return by_address;
  return only_slot(slots, found, [&](const Routing& routing) {
    return std::ranges::any_of(routing, [&](const auto& backend) { return has_port(plain, backend.port); });
  });
}

bool names_port(std::string_view text, std::string_view port) {
  return has_port(normalised(text), port);
}

}  // namespace bgdeploy::proxy
