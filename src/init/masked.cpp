// Stand-ins for what must not stand in a file.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "bgdeploy/init/readers.hpp"
#include "script_words.hpp"
#include "secrets.hpp"

namespace bgdeploy::init {
namespace {

bool any_is_marked(const Json& value) {
  if (value.is_string()) return is_marked(value.get_ref<const std::string&>());
  return value.is_structured() && std::ranges::any_of(value, any_is_marked);
}

// Where readers look at each text themselves, or where nothing but a reference stands.
bool was_looked_at(std::span<const std::string> path) {
  constexpr std::string_view k_sections[] = {"secrets", "health", "hooks"};
  constexpr std::string_view k_of_docker[] = {"environment", "command", "entrypoint", "labels", "logging"};
  if (path.size() > 2 && path[0] == "environments") path = path.subspan(2);
  const auto is_one = [](const std::string& key, std::span<const std::string_view> keys) {
    return std::ranges::find(keys, key) != keys.end();
  };
  return is_one(path[0], k_sections) || path.back() == "password" ||
         (path.size() > 1 && path[0] == "docker" && is_one(path[1], k_of_docker));
}

// Words of a command line, where what looks like a secret has a stand-in.
class Masked {
public:
  // Strings wherever they stand. `name`: of the key that has the value, where the user chose it.
  Json all(Json value, std::string_view name = {}) {
    if (value.is_string()) return is_secret(name, "") ? hide() : text(value.get<std::string>());
    if (value.is_array())
      for (Json& one : value) one = all(std::move(one));
    if (value.is_object())
      for (const auto& [key, one] : value.items()) value[key] = all(one, key);
    return value;
  }
  bool hidden() const { return m_hidden; }

private:
  std::string text(std::string_view words) {
    constexpr std::string_view k_blanks = " \t\n";
    if (words.contains("-----BEGIN")) return hide();
    std::string out;
    while (!words.empty()) {
      const std::size_t begin = std::min(words.find_first_not_of(k_blanks), words.size());
      out += words.substr(0, begin);
      words.remove_prefix(begin);
      const std::string word(words.substr(0, words.find_first_of(k_blanks)));
      words.remove_prefix(word.size());
      if (word.ends_with(':') && is_secret_part(std::string_view(word).substr(0, word.size() - 1))) {
        m_follows = words.empty();
        out += word;
        if (words.empty()) return out;
        words.remove_prefix(value_of_label(word, words));
        out += " " + hide();
        continue;
      }
      if (!word.empty()) out += masked(word);
    }
    return out;
  }
  // Up to where the quote ends that `label` begins with, as in `-H 'Authorization: Bearer hunter2' URL`; what
  // has none is all of it.
  static std::size_t value_of_label(std::string_view label, std::string_view text) {
    const std::size_t quote = label.find_first_of("'\"");
    if (quote == std::string_view::npos) return text.size();
    const std::size_t end = std::min(text.find(label[quote]), text.size());
    return end > 0 && end < text.size() && text[end - 1] == '\\' ? end - 1 : end;
  }
  // "$$NAME": a shell in the container has the value.
  static bool by_the_app(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of("'\""), text.size()));
    return text.starts_with("$$");
  }
  std::string masked(const std::string& word) {
    const std::string before = std::exchange(m_before, word);
    if (std::exchange(m_follows, false) && !word.starts_with('-'))
      return by_the_app(word) ? word : hide(word);
    if (has_credentials(before + " " + word)) return hide(word);
    if (has_secret_option(base_of(word))) m_program = base_of(word);
    if (const SecretOption* option = secret_option(m_program, word)) {
      m_follows = word == option->option;
      const std::string_view given = std::string_view(word).substr(option->option.size());
      return m_follows || by_the_app(given) ? word : std::string(option->option) + hide(given);
    }
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (by_the_app(value)) return word;
    if (!value.empty() && (is_secret_part(name) || is_secret("", value) || !secret_in(value).empty()))
      return name + "=" + hide(value);
    m_follows = equals == std::string::npos && word.starts_with('-') && is_secret(name, "");
    return is_secret("", word) || !secret_in(word).empty() ? hide(word) : word;
  }
  // Within the quotes that `word` has.
  std::string hide(std::string_view word = {}) {
    constexpr std::string_view k_quotes = "'\"\\", k_ends = "'\"\\;)";
    m_hidden = true;
    const std::size_t begin = std::min(word.find_first_not_of(k_quotes), word.size());
    std::size_t end = word.size();
    while (end > begin && k_ends.contains(word[end - 1])) --end;
    return fmt::format("{}SECRET{}", word.substr(0, begin), word.substr(end));
  }

  std::string m_program, m_before;  // whose options these are, and the last word
  bool m_follows = false, m_hidden = false;
};

}  // namespace

Json masked(Json value) {
  return Masked().all(std::move(value));
}

std::string without_tokens(std::string_view text) {
  if (const std::size_t key = text.find("-----BEGIN"); key != std::string_view::npos)
    return without_tokens(text.substr(0, key)) + "SECRET";
  std::string out;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    out += is_marked(word) ? std::string_view("SECRET") : word;
    text.remove_prefix(word.size());
    const std::size_t blanks = std::min(text.find_first_not_of(' '), text.size());
    out += text.substr(0, blanks);
    text.remove_prefix(blanks);
  }
  return out;
}

void hide_secrets(Draft& draft) {
  const auto findings = draft.findings();
  for (const Finding& one : findings) {
    if (was_looked_at(one.path) || !any_is_marked(one.value)) continue;
    Json shown = masked(one.value);
    if (shown == one.value) continue;
    draft.drop(one.path);
    draft.fill_in(one.path, std::move(shown), "what looks like a secret was not copied");
  }
}

void tell_masked(Draft& draft, Path path, const Json& value, std::string comment) {
  Masked masked;
  Json shown = masked.all(value);
  if (!masked.hidden())
    draft.say(std::move(path), std::move(shown), std::move(comment));
  else if (path.back() == "logging")
    draft.fill_in(
        std::move(path), std::move(shown),
        "what looks like a secret was not copied. Name a variable, as ${VARIABLE}, or leave it out");
  else
    draft.fill_in(std::move(path), std::move(shown),
                  "what looks like a secret was not copied. Let the app read a variable of `secrets`: every "
                  "user of the host sees a command line");
}

}  // namespace bgdeploy::init
