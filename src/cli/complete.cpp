#include "complete.hpp"

#include <algorithm>
#include <utility>

namespace bgdeploy::cli {
namespace {

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

  void take(const std::string& word) {
    if (m_open != nullptr) return take_value(*std::exchange(m_open, nullptr), word);
    if (word.starts_with('-')) {
      const auto equals = word.find('=');
      const Option* option = find(word.substr(0, equals));
      if (option == nullptr || !takes_value(*option)) return;
      if (equals == std::string::npos)
        m_open = option;
      else
        take_value(*option, word.substr(equals + 1));
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
    const auto equals = word.find('=');
    if (m_open != nullptr) return offer_values(m_open->choices, m_open->values);
    if (word.starts_with("--") && equals != std::string::npos) {
      const Option* option = find(word.substr(0, equals));
      m_found.before = word.substr(0, equals + 1);
      m_found.typed = word.substr(equals + 1);
      if (option != nullptr && takes_value(*option)) offer_values(option->choices, option->values);
      return;
    }
    if (word.starts_with('-')) return offer_options();
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

Completion complete(std::span<const std::string> words) {
  return TypedLine().read(words);
}

}  // namespace bgdeploy::cli
