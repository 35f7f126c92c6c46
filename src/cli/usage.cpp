#include "usage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "bgdeploy/core/nearest.hpp"
#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "commands.hpp"

namespace bgdeploy::cli {
namespace {

using core::Error;

bool is_option(std::string_view word) {
  return word.size() > 1 && word.front() == '-';
}

// What other tools call a command.
std::optional<std::string> as_others_call_it(std::string_view word) {
  static const std::map<std::string_view, std::string_view> k_names{
      {"up", "deploy"},       {"apply", "deploy"},     {"release", "deploy"},  {"ship", "deploy"},
      {"start", "deploy"},    {"update", "deploy"},    {"upgrade", "deploy"},  {"undo", "rollback"},
      {"revert", "rollback"}, {"back", "rollback"},    {"ps", "status"},       {"ls", "status"},
      {"list", "status"},     {"show", "status"},      {"info", "status"},     {"state", "status"},
      {"tail", "logs"},       {"shell", "exec"},       {"sh", "exec"},         {"ssh", "exec"},
      {"doctor", "check"},    {"preflight", "check"},  {"test", "check"},      {"lint", "validate"},
      {"verify", "validate"}, {"freeze", "lock"},      {"unfreeze", "unlock"}, {"thaw", "unlock"},
      {"cancel", "abort"},    {"releases", "history"}, {"diff", "plan"},       {"clean", "prune"},
      {"gc", "prune"},        {"cleanup", "prune"},    {"finish", "promote"}};
  const auto found = k_names.find(word);
  return found == k_names.end() ? std::nullopt : std::optional(std::string(found->second));
}

// One word of the command line as the table understands it.
struct Given {
  std::string spelling;
  const Option* option = nullptr;
  std::optional<std::string> value{};
};

class UsageReader {
public:
  explicit UsageReader(std::span<const std::string> words) : m_words(words) {}

  std::optional<Error> read() {
    for (m_at = 0; m_at < m_words.size(); ++m_at) {
      const std::string& word = m_words[m_at];
      auto error = is_option(word) ? read_option(word) : read_word(word);
      if (error) return error;
    }
    return m_command == nullptr ? std::nullopt : check_together();
  }

private:
  Error wrong(std::string message) const {
    const std::string command = m_command == nullptr ? "" : m_command->name + " ";
    return {core::ErrorKind::usage, std::move(message), {}, fmt::format("bgdeploy {}--help", command)};
  }

  std::vector<const Option*> options() const {
    std::vector<const Option*> all;
    if (m_command != nullptr)
      for (const Option& option : m_command->options) all.push_back(&option);
    for (const Option& option : global_options()) all.push_back(&option);
    return all;
  }

  const Option* find(const std::string& spelling) const {
    for (const Option* option : options())
      if (const auto all = spellings_of(*option); std::ranges::find(all, spelling) != all.end())
        return option;
    return nullptr;
  }

  std::optional<Error> read_option(const std::string& word) {
    const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    Given given{word.substr(0, equals)};
    given.option = find(given.spelling);
    if (given.option == nullptr && !word.starts_with("--") && find(word.substr(0, 2)) != nullptr)
      return read_cluster(word);
    if (given.option == nullptr) return unknown(given.spelling);
    if (equals != std::string::npos) given.value = word.substr(equals + 1);
    if (given.value && !takes_value(*given.option))
      return wrong(fmt::format("{} takes no value", given.spelling));
    if (takes_value(*given.option) && !given.value) {
      if (m_at + 1 == m_words.size() || find(m_words[m_at + 1]) != nullptr)
        return wrong(fmt::format("{} needs a value", given.spelling));
      given.value = m_words[++m_at];
      // CLI11 takes words up to the next option.
      while (takes_values(*given.option) && m_at + 1 < m_words.size() && !is_option(m_words[m_at + 1]))
        ++m_at;
    }
    auto error = check_value(given);
    m_given.push_back(std::move(given));
    return error;
  }

  // Short options may stand together, the last one with its value: "-qf FILE", "-n5".
  std::optional<Error> read_cluster(const std::string& word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const std::string spelling = std::string("-") + word[i];
      const Option* option = find(spelling);
      if (option == nullptr) return unknown(spelling);
      m_given.push_back({spelling, option});
      if (!takes_value(*option)) continue;
      if (i + 1 == word.size()) ++m_at;
      break;
    }
    return std::nullopt;
  }

  std::optional<Error> unknown(const std::string& spelling) const {
    if (spelling == "--help" || spelling == "-h" || spelling == "--version" || spelling == "-V")
      return std::nullopt;
    if (m_command != nullptr && !m_command->no_json.empty() && (spelling == "-o" || spelling == "--output"))
      return wrong(fmt::format("{} has no {}: {}", m_command->name, spelling, m_command->no_json));
    if (const auto meant = meant_by(spelling))
      return wrong(fmt::format("unknown option {}, did you mean {}?", core::printable(spelling), *meant));
    const auto others = commands_with(spelling);
    if (others.empty()) return wrong("unknown option " + core::printable(spelling));
    if (m_command == nullptr)
      return wrong(fmt::format("{} belongs to a command: write it after the command", spelling));
    return wrong(fmt::format("{} has no option {}, which is one of {}", m_command->name, spelling,
                             fmt::join(others, ", ")));
  }

  std::optional<std::string> meant_by(const std::string& spelling) const {
    std::vector<std::string> candidates{"--help", "--version"};
    for (const Option* option : options())
      for (std::string& one : spellings_of(*option)) candidates.push_back(std::move(one));
    const bool is_letter = spelling.size() == 2;
    if (!is_letter)
      return commands_with(spelling).empty() ? core::nearest(spelling, candidates) : std::nullopt;
    // A letter is no slip for another one, but may stand for a word.
    std::erase_if(candidates, [&](const std::string& one) { return !one.starts_with("-" + spelling); });
    return candidates.size() == 1 ? std::optional(candidates.front()) : std::nullopt;
  }

  static std::vector<std::string> commands_with(const std::string& spelling) {
    std::vector<std::string> names;
    for (const Command& command : commands())
      for (const Option& option : command.options)
        if (const auto all = spellings_of(option); std::ranges::find(all, spelling) != all.end())
          names.push_back(command.name);
    return names;
  }

  std::optional<Error> check_value(const Given& given) const {
    if (!given.value) return std::nullopt;
    const std::string shown = core::printable(*given.value);
    if (given.value->empty() && std::holds_alternative<std::string Arguments::*>(given.option->target))
      return wrong(fmt::format("{} is empty: is the variable set?", given.spelling));
    std::string_view digits = *given.value;
    if (digits.starts_with('-')) digits.remove_prefix(1);
    if (takes_number(*given.option) && digits != "all" && !core::parse_number<int>(digits))
      return wrong(fmt::format("{} needs a number, or all, not '{}'", given.spelling, shown));
    const auto& choices = given.option->choices;
    if (!choices.empty() && std::ranges::find(choices, *given.value) == choices.end())
      return wrong(fmt::format("{} is one of {}, not '{}'", given.spelling, fmt::join(choices, ", "), shown));
    return std::nullopt;
  }

  std::optional<Error> read_word(const std::string& word) {
    if (m_command != nullptr && m_command->word && !m_has_word) return read_own_word(word);
    if (m_command != nullptr) return stray(word);
    const auto found = std::ranges::find(commands(), word, &Command::name);
    if (found != commands().end()) {
      m_command = &*found;
      return std::nullopt;
    }
    std::vector<std::string> names;
    for (const Command& command : commands())
      if (!command.hidden) names.push_back(command.name);
    const auto other = as_others_call_it(word);
    const auto meant = other ? other : core::nearest(word, names);
    return Error{core::ErrorKind::usage,
                 fmt::format("unknown command '{}'{}", core::printable(word),
                             meant ? fmt::format(", did you mean '{}'?", *meant) : ""),
                 {},
                 "bgdeploy --help"};
  }

  std::optional<Error> read_own_word(const std::string& word) {
    m_has_word = true;
    const auto& choices = m_command->word->choices;
    if (std::ranges::find(choices, word) != choices.end()) return std::nullopt;
    return wrong(fmt::format("{} is one of {}, not '{}'", m_command->word->name, fmt::join(choices, ", "),
                             core::printable(word)));
  }

  Error stray(const std::string& word) const {
    const std::string shown = core::printable(word);
    const std::string& command = m_command->name;
    if (m_command->takes_words)
      return wrong(fmt::format("put -- before the command: bgdeploy {} -- {}", command, shown));
    const auto own_f = std::ranges::find(m_given, "-f", &Given::spelling);
    if (own_f != m_given.end() && !takes_value(*own_f->option))
      return wrong(fmt::format("-f means {} here; the spec goes before the command: bgdeploy -f {} {}",
                               spellings_of(*own_f->option).back(), shown, command));
    if (word.ends_with(".yml") || word.ends_with(".yaml"))
      return wrong(fmt::format("{0} takes no argument '{1}', did you mean -f {1}?", command, shown));
    if (find("--" + word) != nullptr)
      return wrong(fmt::format("{0} takes no argument '{1}', did you mean --{1}?", command, shown));
    if (const Option* count = find("-n"); count != nullptr && core::parse_number<int>(word))
      return wrong(fmt::format("{0} takes no argument '{1}', did you mean -n {1}?", command, shown));
    for (const char* meant : {"--tag", "--to", "--slot", "--message"})
      if (const Option* option = find(meant);
          option != nullptr && takes_value(*option) && !was_given(*option))
        return wrong(fmt::format("{} takes no argument '{}', did you mean {} {}?", command, shown, meant, shown));
    return wrong(fmt::format("{} takes no argument '{}'", command, shown));
  }

  bool was_given(const Option& option) const {
    return std::ranges::any_of(m_given, [&](const Given& one) { return one.option == &option; });
  }

  std::optional<Error> check_together() const {
    if (m_command->word && !m_has_word)
      return wrong(
          fmt::format("{} needs one of {}", m_command->name, fmt::join(m_command->word->choices, ", ")));
    const auto given = [&](const Option& option) { return was_given(option); };
    for (const Option* option : options()) {
      const std::string name = spellings_of(*option).back();
      if (option->required && !given(*option))
        return wrong(fmt::format("{} needs {} {}: {}", m_command->name, name, option->value, option->help));
      if (takes_value(*option) && !takes_values(*option) &&
          std::ranges::count(m_given, option, &Given::option) > 1)
        return wrong(name + " is given twice");
      const Option* other = option->excludes.empty() ? nullptr : find(option->excludes);
      if (other != nullptr && given(*option) && given(*other))
        return wrong(fmt::format("{} and {} exclude each other: give one of them", option->excludes, name));
    }
    return std::nullopt;
  }

  std::span<const std::string> m_words;
  std::size_t m_at = 0;
  const Command* m_command = nullptr;
  bool m_has_word = false;
  std::vector<Given> m_given;
};

}  // namespace

std::optional<Error> usage_error(std::span<const std::string> words) {
  return UsageReader(words).read();
}

}  // namespace bgdeploy::cli
