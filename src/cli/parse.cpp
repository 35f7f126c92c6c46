#include "parse.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/cli/main.hpp"
#include "bgdeploy/report/render.hpp"
#include "command.hpp"
#include "goal.hpp"
#include "help.hpp"
#include "usage.hpp"

namespace bgdeploy::cli {
namespace {

constexpr int k_usage = 2;

CLI::Option* add(CLI::App& app, Arguments& arguments, const Option& option, bool Arguments::*target) {
  return app.add_flag(option.names, arguments.*target, option.help);
}

CLI::Option* add(CLI::App& app, Arguments& arguments, const Option& option,
                 std::optional<int> Arguments::*target) {
  const auto number_of = [](const std::string& value) { return value == "all" ? "-1" : value; };
  return app.add_option(option.names, arguments.*target, option.help)->transform(number_of);
}

// An empty value is a variable that is not set: `-e "$STAGE"` must not deploy what has no environment.
CLI::Option* add(CLI::App& app, Arguments& arguments, const Option& option, std::string Arguments::*target) {
  const auto take = [&arguments, target, name = option.names](const std::string& value) {
    if (value.empty()) throw CLI::ValidationError(name + " is empty");
    arguments.*target = value;
  };
  return app.add_option_function<std::string>(option.names, take, option.help);
}

// By a callback: CLI11 takes an empty value for none.
CLI::Option* add(CLI::App& app, Arguments& arguments, const Option& option,
                 std::optional<std::string> Arguments::*target) {
  return app.add_option_function<std::string>(
      option.names, [&arguments, target](const std::string& value) { arguments.*target = value; },
      option.help);
}

CLI::Option* add(CLI::App& app, Arguments& arguments, const Option& option,
                 std::vector<std::string> Arguments::*target) {
  const auto refuse_empty = [](const std::string& value) {
    if (value.empty()) throw CLI::ValidationError("a value is empty: is the variable set?");
  };
  return app.add_option(option.names, arguments.*target, option.help)->each(refuse_empty);
}

void add_options(CLI::App& app, Arguments& arguments, const std::vector<Option>& options) {
  for (const Option& option : options) {
    CLI::Option* added =
        std::visit([&](const auto& target) { return add(app, arguments, option, target); }, option.target);
    if (!option.value.empty()) added->type_name(option.value);
    if (!option.choices.empty()) added->check(CLI::IsMember(option.choices));
    if (!option.excludes.empty()) added->excludes(app.get_option(option.excludes));
    added->required(option.required);
  }
}

void add_command(CLI::App& app, Arguments& arguments, const Command& command, bool with_options) {
  CLI::App* added = app.add_subcommand(command.name, command.help);
  if (command.run == nullptr) {
    // Nothing reads what follows it.
    added->group("")->fallthrough(false)->prefix_command();
    return;
  }
  if (with_options) add_options(*added, arguments, command.options);
  if (with_options && command.word)
    added->add_option(command.word->name, arguments.*command.word->target, command.word->help)
        ->required()
        ->check(CLI::IsMember(command.word->choices));
  if (command.hidden) added->group("");
}

// Of a command that `words` do not name nothing is read: its options are left out, which take longer than the
// rest of a start. Without words there are all.
void fill(CLI::App& app, Arguments& arguments, const std::vector<std::string>* words = nullptr) {
  add_options(app, arguments, global_options());
  app.set_version_flag("-V,--version", "bgdeploy " BGDEPLOY_VERSION);
  app.fallthrough();
  app.require_subcommand(0, 1);  // parse() explains none, and an unknown one
  for (const Command& command : commands())
    add_command(app, arguments, command,
                words == nullptr || std::ranges::find(*words, command.name) != words->end());
}

std::vector<std::vector<std::string>> options_of(const CLI::App& command) {
  std::vector<std::vector<std::string>> options;
  for (const CLI::Option* option : command.get_options()) {
    std::vector<std::string> spellings;
    for (const std::string& name : option->get_snames()) spellings.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) spellings.push_back("--" + name);
    if (!spellings.empty()) options.push_back(std::move(spellings));  // else it is a word
  }
  return options;
}

// The command that the words name, as far as CLI11 came.
const Command* named_command(const CLI::App& app) {
  if (app.get_subcommands().empty()) return nullptr;
  return &*std::ranges::find(commands(), app.get_subcommands().front()->get_name(), &Command::name);
}

std::string help(const Command* command, std::FILE* stream) {
  return help_text(command, report::look_at(stream, true, false, false).width);
}

int print_what_was_asked(const CLI::App& app, const CLI::Success& asked) {
  const bool version = dynamic_cast<const CLI::CallForVersion*>(&asked) != nullptr;
  print(version ? std::string(asked.what()) + "\n" : help(named_command(app), stdout));
  return with_output(0, take_output_error());
}

// Where the command stands: behind options of the program.
std::vector<std::string>::iterator first_word(std::vector<std::string>& words) {
  auto at = words.begin();
  for (; at != words.end() && at->starts_with('-'); ++at)
    for (const Option& option : global_options())
      if (const auto all = spellings_of(option);
          takes_value(option) && std::ranges::find(all, *at) != all.end() && at + 1 != words.end())
        ++at;
  return at;
}

// As in other tools: `help [COMMAND]` and `version`.
void take_usual_words(std::vector<std::string>& words) {
  const auto at = first_word(words);
  if (at == words.end()) return;
  if (*at == "version") *at = "--version";
  if (*at != "help") return;
  words.erase(at);
  words.emplace_back("--help");
}

// What the words say of an option whose values are choices, wherever the mistake stands.
void take_choice(const std::vector<std::string>& words, const Option& option, std::string& value) {
  for (const std::string& spelling : spellings_of(option))
    for (auto word = words.begin(); word != words.end(); ++word)
      for (const std::string& choice : option.choices)
        if (*word == spelling + "=" + choice || (!spelling.starts_with("--") && *word == spelling + choice) ||
            (*word == spelling && word + 1 != words.end() && *(word + 1) == choice))
          value = choice;
}

int refuse(std::vector<std::string> words, const core::Error& error) {
  Arguments arguments;
  const auto named = first_word(words);
  const auto found =
      named == words.end() ? commands().end() : std::ranges::find(commands(), *named, &Command::name);
  const Command* command = found == commands().end() ? nullptr : &*found;
  const auto take = [&](const std::vector<Option>& options) {
    for (const Option& option : options)
      if (const auto* target = std::get_if<std::string Arguments::*>(&option.target))
        if (!option.choices.empty()) take_choice(words, option, arguments.**target);
  };
  take(global_options());
  if (command != nullptr) take(command->options);
  return refuse_words(command, arguments, error);
}

}  // namespace

std::vector<KnownCommand> known_commands() {
  CLI::App app("", "bgdeploy");
  Arguments arguments;
  fill(app, arguments);
  std::vector<KnownCommand> known = {{"", options_of(app)}};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    known.push_back({command->get_name(), options_of(*command)});
  return known;
}

std::expected<Invocation, int> parse(int argc, char** argv) {
  CLI::App app("", "bgdeploy");
  Invocation invocation;
  Arguments& arguments = invocation.arguments;
  // CLI11 takes words in brackets apart, so it does not see what follows `--`.
  char** const end = std::find(argv, argv + argc, std::string_view("--"));
  if (end != argv + argc) arguments.words.assign(end + 1, argv + argc);
  std::vector<std::string> words(argv + 1, end);
  take_usual_words(words);
  fill(app, arguments, &words);
  // `help depoly`: CLI11 would help with the program.
  const auto named = first_word(words);
  const bool helps = named != words.end() && words.back() == "--help";
  if (helps && std::ranges::find(commands(), *named, &Command::name) == commands().end())
    return std::unexpected(print_error(usage_error(words).value_or(core::Error{})));
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes them from the back
  } catch (const CLI::Success& asked) {
    return std::unexpected(print_what_was_asked(app, asked));
  } catch (const CLI::ParseError& error) {
    return std::unexpected(
        refuse(words, usage_error(words).value_or(core::Error{core::ErrorKind::usage, error.what(), {}})));
  }
  // CLI11 takes `--dry-run=false`.
  if (auto error = usage_error(words)) return std::unexpected(refuse(words, *error));
  if (app.get_subcommands().empty()) {
    print(help(nullptr, stderr), stderr);
    return std::unexpected(k_usage);
  }
  invocation.command = named_command(app);
  if (!arguments.words.empty() && !invocation.command->takes_words)
    return std::unexpected(refuse_words(invocation.command, arguments,
                                        {core::ErrorKind::usage,
                                         "only `exec` and `run` take words after --",
                                         {},
                                         fmt::format("bgdeploy {} --help", invocation.command->name)}));
  return invocation;
}

}  // namespace bgdeploy::cli
