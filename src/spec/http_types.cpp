#include "http_types.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::spec {
namespace {

std::optional<int> parse_status(std::string_view text) {
  const auto status = to_integer(text);
  return status && *status >= 100 && *status <= 599 ? std::optional(static_cast<int>(*status)) : std::nullopt;
}

// "200", "200-299", "200,204,300-399"
std::optional<Statuses> parse_ranges(std::string_view text) {
  Statuses ranges;
  for (;;) {
    const std::size_t comma = text.find(',');
    const std::string_view part = core::trim(text.substr(0, comma));
    const std::size_t dash = part.find('-');
    const auto first = parse_status(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_status(part.substr(dash + 1));
    if (!first || !last || *first > *last) return {};
    ranges.emplace_back(*first, *last);
    if (comma == std::string_view::npos) return ranges;
    text.remove_prefix(comma + 1);
  }
}

// A token of RFC 9110, section 5.6.2.
bool is_header_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return k_alnum.find(c) != std::string_view::npos ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

}  // namespace

Type<Statuses> statuses() {
  constexpr const char* k_range = "\\s*[1-5][0-9]{2}(?:-[1-5][0-9]{2})?\\s*";
  const auto read = [](const Value& value) -> std::optional<Statuses> {
    const auto text = value.text();
    if (!text) return {};
    auto ranges = parse_ranges(*text);
    if (!ranges)
      value.error(
          fmt::format("must be statuses from 100 to 599 such as 200, \"200-299\" or \"200,204\", not {}",
                      in_quotes(*text)));
    return ranges;
  };
  const auto write = [](Writer& out, const std::string& name, const Statuses& ranges) {
    std::string text;
    for (const auto& [first, last] : ranges) {
      text += text.empty() ? "" : ",";
      text += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
    }
    out.put(name, text);
  };
  Shape shape = whole_form(100, 599);
  shape.front().pattern = fmt::format("{0}(?:,{0})*", k_range);
  return {std::move(shape), read, write};
}

Type<std::map<std::string, std::string>> request_headers() {
  const auto read = [](const Value& headers) -> std::optional<std::map<std::string, std::string>> {
    if (!headers.present()) return {};
    std::map<std::string, std::string> fields;
    for (const auto& [name, value] : headers.entries()) {
      if (!is_header_name(name)) value.error_at_key("is not a name for a header");
      auto text = value.text();
      if (!text) continue;
      if (has_control_character(*text)) {
        value.error("must be one line without control characters");
        continue;
      }
      fields.emplace(name, std::move(*text));
    }
    return fields;
  };
  return {map_of(scalar_form(), "[A-Za-z0-9!#$%&'*+.^_`|~-]+"), read};
}

}  // namespace bgdeploy::spec
