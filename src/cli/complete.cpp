#include "complete.hpp"

#include <algorithm>
#include <utility>

namespace bgdeploy::cli {
namespace {

// "--slot=gr", "-egr": an option and, in the same word, its value. In "-vf" it is the last letter's.
struct Spelled {
  const Option* option = nullptr;
  std::size_t value = std::string::npos;  // where it begins
};

class TypedLine {
public:
  Completion read(std::span<const std::string> words) {
    if (words.empty()) return {};
    for (const std::string& word : words.first(words.size() - 1)) {
      if (word == "--") return {};
      take(word);
    }
    complete_word(words.back());
    return std::move(m_found);
  }

private:
  std::vector<const Option*> options() const {
    std::vector<const Option*> all;
    if (m_command != nullptr)
      for (const Option& option : m_command->options) all.push_back(&option);
    for (const Option& option : global_options()) all.push_back(&option);
    return all;
  }

  const Option* find(std::string_view spelling) const {
    for (const Option* option : options())
      if (const auto all = spellings_of(*option); std::ranges::find(all, spelling) != all.end())
        return option;
    return nullptr;
  }

  // Nothing where no option of the word takes a value.
  Spelled spelled(const std::string& word) const {
    if (word.starts_with("--")) {
      const auto equals = word.find('=');
      const Option* option = find(word.substr(0, equals));
      if (option == nullptr || !takes_value(*option)) return {};
      return {option, equals == std::string::npos ? equals : equals + 1};
    }
    for (std::size_t at = 1; at < word.size(); ++at) {
      const Option* option = find(std::string("-") + word[at]);
      if (option == nullptr) return {};
      if (takes_value(*option)) return {option, at + 1 == word.size() ? std::string::npos : at + 1};
    }
    return {};
  }

  void take(const std::string& word) {
    if (m_open != nullptr) return take_value(*std::exchange(m_open, nullptr), word);
    if (word.starts_with('-')) {
      const auto [option, value] = spelled(word);
      if (option == nullptr) return;
      if (value == std::string::npos)
        m_open = option;
      else
        take_value(*option, word.substr(value));
      return;
    }
    if (m_command != nullptr) {
      m_has_word = true;
      return;
    }
    const auto found = std::ranges::find(commands(), word, &Command::name);
    if (found != commands().end()) m_command = &*found;
  }

  void take_value(const Option& option, const std::string& value) {
    if (option.values == Values::file && option.names.starts_with("-f,")) m_found.file = value;
    if (option.values == Values::environment) m_found.environment = value;
  }

  void offer(const std::string& text, const std::string& help = "") {
    if (text.starts_with(m_found.typed)) m_found.candidates.push_back({m_found.before + text, help});
  }

  void offer_values(const std::vector<std::string>& choices, Values values) {
    for (const std::string& choice : choices) offer(choice);
    m_found.values = values;
  }

  void offer_options() {
    for (const Option* option : options()) offer(spellings_of(*option).back(), option->help);
    offer("--help", "Show what can be given");
  }

  void complete_word(const std::string& word) {
    m_found.typed = word;
    if (m_open != nullptr) return offer_values(m_open->choices, m_open->values);
    if (word.starts_with('-')) {
      const auto [option, value] = spelled(word);
      if (value == std::string::npos) return offer_options();
      m_found.before = word.substr(0, value);
      m_found.typed = word.substr(value);
      return offer_values(option->choices, option->values);
    }
    if (m_command == nullptr) {
      for (const Command& command : commands())
        if (is_shown(command)) offer(command.name, command.help);
      return;
    }
    if (m_command->word && !m_has_word) return offer_values(m_command->word->choices, Values::any);
    offer_options();
  }

  Completion m_found;
  const Command* m_command = nullptr;
  const Option* m_open = nullptr;  // its value comes next
  bool m_has_word = false;
};

}  // namespace

std::vector<std::string> words_of_line(std::string_view line, const std::string& home) {
  std::vector<std::string> words(1);
  bool begun = false;
  char quote = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    const char next = at + 1 < line.size() ? line[at + 1] : '\0';
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (begun) words.emplace_back();
      begun = false;
      continue;
    }
    if (c == '\\' && (quote == 0 || (quote == '"' && std::string_view("\\\"$`").contains(next)))) {
      if (next != '\0') words.back() += line[++at];
    } else if (quote != 0 ? c == quote : c == '"' || c == '\'') {
      quote = quote != 0 ? '\0' : c;
    } else if (c == '~' && next == '/' && !begun) {
      words.back() += home;
    } else {
      words.back() += c;
    }
    begun = true;
  }
  return words;
}

Completion complete(std::span<const std::string> words) {
  return TypedLine().read(words);
}

}  // namespace bgdeploy::cli
