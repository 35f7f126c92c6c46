// What a key may hold: forms, and types, which also read and write.
#pragma once

#include <fmt/format.h>

#include "keys.hpp"

namespace bgdeploy::spec {

// --- forms ----------------------------------------------------------------------------------------------

Shape text_form(std::string pattern = "");    // a text that cannot be taken for a number
Shape scalar_form(std::string pattern = "");  // any scalar whose text has the pattern
Shape filled_form();                          // any scalar that is not blank
Shape words_form(std::vector<std::string> words);
Shape port_form(std::string or_text = "");
Shape whole_form(double least, std::optional<double> most = {});
Shape list_of(Shape items, std::optional<double> least = {});
Shape map_of(Shape values, std::string names = "");
template <auto Section>  // a function that returns a section or a table
Shape section_form() {
  return {{.kind = Form::Kind::section, .section = +[]() -> const spec::Section& { return Section(); }}};
}
Shape either(Shape one, Shape other);
Shape one_or_list(Shape item);
Shape nullable(Shape shape);
// "NET_ADMIN" as a pattern for any case of its letters.
std::string any_case(std::string_view text);

// --- types ----------------------------------------------------------------------------------------------

using Rule = std::function<bool(std::string_view)>;

// Text that fulfils the rule; `what` completes "must be …".
Type<std::string> matching(Shape shape, Rule rule, std::string what);
Type<std::string> any_text();
Type<std::string> filled();
Type<std::string> openssh_file();
Type<bool> flag();
Type<int> port();
Type<int> count(int most);
Type<int> whole(int least, int most);
Type<Duration> duration(Zero zero);
Type<std::int64_t> size(std::int64_t least);
Type<std::vector<std::string>> command();
Type<std::vector<std::string>> program();  // a command that is not empty
Type<std::string> command_line();          // for `sh -c`: it may have several lines
Type<std::map<std::string, std::string>> text_map();
Shape text_map_form();

// "stop, remove or keep"
std::string alternatives(const std::vector<std::string>& words, std::string_view last = "or");

// One word for each value.
template <class T>
Type<T> one_of(std::vector<std::pair<std::string, T>> values) {
  std::vector<std::string> words;
  for (const auto& [word, value] : values) words.push_back(word);
  const auto read = [values, what = alternatives(words)](const Value& place) -> std::optional<T> {
    const auto named = [&](std::string_view text) {
      return std::ranges::find(values, text, [](const auto& entry) { return std::string_view(entry.first); });
    };
    const auto text =
        place.matching([&](std::string_view word) { return named(word) != values.end(); }, what);
    return text ? std::optional<T>(named(*text)->second) : std::nullopt;
  };
  const auto write = [values](Writer& out, const std::string& name, const T& value) {
    for (const auto& [word, meant] : values)
      if (meant == value) return out.put(name, word);
  };
  return {words_form(std::move(words)), read, write};
}

}  // namespace bgdeploy::spec
