#include "types.hpp"

#include <fmt/ranges.h>

#include "bgdeploy/core/size.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::spec {
namespace {

using FormKind = Form::Kind;

// At least one character that is no blank.
constexpr const char* k_filled = "[\\s\\S]*\\S[\\s\\S]*";
constexpr const char* k_digits = "[0-9]+";

}  // namespace

Shape text_form(std::string pattern) {
  return {{.kind = FormKind::text, .pattern = std::move(pattern)}};
}

Shape scalar_form(std::string pattern) {
  return {{.kind = FormKind::text, .pattern = std::move(pattern), .scalars = true}};
}

Shape filled_form() {
  return scalar_form(k_filled);
}

Shape words_form(std::vector<std::string> words) {
  return {{.kind = FormKind::words, .words = std::move(words)}};
}

Shape whole_form(double least, std::optional<double> most) {
  return {{.kind = FormKind::whole,
           .pattern = least < 0 ? fmt::format("-?{}", k_digits) : k_digits,
           .least = least,
           .most = most}};
}

Shape port_form(std::string or_text) {
  Shape shape = whole_form(1, 65535);
  if (!or_text.empty()) shape.front().pattern += "|" + or_text;
  return shape;
}

Shape list_of(Shape items, std::optional<double> least) {
  return {{.kind = FormKind::list, .least = least, .inside = std::move(items)}};
}

Shape map_of(Shape values, std::string names) {
  return {
      {.kind = FormKind::map, .pattern = std::move(names), .inside = std::move(values), .nullable = true}};
}

Shape either(Shape one, Shape other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

Shape one_or_list(Shape item) {
  return either(item, list_of(item));
}

Shape nullable(Shape shape) {
  for (Form& form : shape) form.nullable = true;
  return shape;
}

std::string any_case(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    pattern += upper ? fmt::format("[{}{}]", c, static_cast<char>(c - 'A' + 'a')) : std::string(1, c);
  }
  return pattern;
}

std::string alternatives(const std::vector<std::string>& words, std::string_view last) {
  if (words.size() < 2) return words.empty() ? "" : words.front();
  return fmt::format("{} {} {}", fmt::join(words.begin(), words.end() - 1, ", "), last, words.back());
}

Type<std::string> matching(Shape shape, Rule rule, std::string what) {
  return {std::move(shape), [rule = std::move(rule), what = std::move(what)](const Value& value) {
            return value.matching(rule, what);
          }};
}

Type<std::string> any_text() {
  return {scalar_form(), [](const Value& value) { return value.text(); }};
}

Type<std::string> filled() {
  return {filled_form(), [](const Value& value) { return value.filled(); }};
}

Type<std::string> openssh_file() {
  return {filled_form(), [](const Value& value) { return value.openssh_file(); }};
}

Type<bool> flag() {
  return {{{.kind = FormKind::flag, .pattern = "true|True|TRUE|false|False|FALSE"}},
          [](const Value& value) { return value.boolean(); }};
}

Type<int> port() {
  return {port_form(), [](const Value& value) { return value.port(); }};
}

Type<int> count(int most) {
  return {whole_form(1, most), [most](const Value& value) { return value.count(most); }};
}

Type<int> whole(int least, int most) {
  return {whole_form(least, most), [least, most](const Value& value) -> std::optional<int> {
            const auto number = value.integer(least, most);
            return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
          }};
}

Type<Duration> duration(Zero zero) {
  const std::string_view filled = zero == Zero::refused ? "(?=.*[1-9])" : "(?=[0-9])";
  return {text_form(fmt::format("{}(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?(?:[0-9]+ms)?", filled)),
          [zero](const Value& value) { return value.duration(zero); }};
}

Type<std::int64_t> size(std::int64_t least) {
  return {{{.kind = FormKind::number,
            .pattern = "[0-9]+(?:\\.[0-9]+)?(?:[bB]|[kKmMgGtT](?:[iI]?[bB])?)?",
            .least = static_cast<double>(least)}},
          [least](const Value& value) { return value.size(least); },
          [](Writer& out, const std::string& name, std::int64_t bytes) {
            out.put(name, core::format_size(bytes));
          }};
}

Type<std::vector<std::string>> command() {
  return {either(scalar_form(), list_of(scalar_form())), [](const Value& value) { return value.command(); }};
}

Type<std::vector<std::string>> program() {
  return {either(filled_form(), list_of(scalar_form(), 1)),
          [](const Value& value) -> std::optional<std::vector<std::string>> {
            auto argv = value.command();
            if (!argv || (!argv->empty() && !argv->front().empty())) return argv;
            value.error("must name a program");
            return {};
          }};
}

Type<std::string> command_line() {
  const auto read = [](const Value& value) -> std::optional<std::string> {
    auto text = value.text();
    if (text && core::trim(*text).empty()) {
      value.error("must not be empty");
      return {};
    }
    return text;
  };
  return {filled_form(), read};
}

Shape text_map_form() {
  return either(map_of(scalar_form()), list_of(text_form("[^=]+=[\\s\\S]*")));
}

Type<std::map<std::string, std::string>> text_map() {
  return {text_map_form(), [](const Value& value) { return value.text_map(); }};
}

}  // namespace bgdeploy::spec
