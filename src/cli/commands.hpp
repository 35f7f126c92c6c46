// The commands as a table, and what each of them does. One file a command, or a pair that belongs together.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "arguments.hpp"

namespace bgdeploy::cli {

// What a value can be, for a shell that completes it.
enum class Values { any, file, environment, slot, host, any_host, release };

struct Option {
  using Target = std::variant<bool Arguments::*, std::optional<int> Arguments::*, std::string Arguments::*,
                              std::optional<std::string> Arguments::*, std::vector<std::string> Arguments::*>;

  std::string names;  // "-n,--tail"
  std::string help;
  Target target;
  std::string value{};  // what stands for the value in help: "FILE"
  std::vector<std::string> choices{};
  std::string excludes{};  // another option of the same command
  bool required = false;
  Values values = Values::any;
};
// "-n,--tail" as "-n" and "--tail".
std::vector<std::string> spellings_of(const Option& option);
bool takes_value(const Option& option);
// As many words as follow, and may be given again.
bool takes_values(const Option& option);
// Or `all`, which is -1.
bool takes_number(const Option& option);
// What stands for its value in help, as "FILE" or "text|json"; empty for a flag.
std::string value_name(const Option& option);

// A word that follows a command's name.
struct Word {
  std::string name;  // "SHELL"
  std::string help;
  std::string Arguments::*target;
  std::vector<std::string> choices;
};

struct Command {
  std::string name;
  std::string help;  // one line
  std::vector<std::string> examples{};
  std::string note{};             // what help says below the examples
  std::vector<Option> options{};  // beside the global ones
  std::optional<Word> word{};
  int (*run)(const Arguments&) = nullptr;  // returns the exit code
  bool takes_words = false;                // after `--`
  bool tells_interruption = false;         // its exit code says how far it came before a signal
  bool hidden = false;                     // for programs, not for people
  std::string no_json{};                   // why it has no `-o json`
};

// Whether help names it.
bool is_shown(const Command& command);
const std::vector<Command>& commands();

struct ExitCode {
  int code;
  std::string_view meaning;
};
std::span<const ExitCode> exit_codes();

// Those that every command takes.
const std::vector<Option>& global_options();

int run_deploy(const Arguments& arguments);
int run_rollback(const Arguments& arguments);
int run_promote(const Arguments& arguments);
int run_abort(const Arguments& arguments);
int run_plan(const Arguments& arguments);
int run_status(const Arguments& arguments);
int run_history(const Arguments& arguments);
int run_logs(const Arguments& arguments);
int run_exec(const Arguments& arguments);
int run_run(const Arguments& arguments);
int run_check(const Arguments& arguments);
int run_config(const Arguments& arguments);
int run_validate(const Arguments& arguments);
int run_schema(const Arguments& arguments);
int run_init(const Arguments& arguments);
int run_lock(const Arguments& arguments);
int run_unlock(const Arguments& arguments);
int run_prune(const Arguments& arguments);
int run_trust(const Arguments& arguments);
int run_site(const Arguments& arguments);
int run_setup(const Arguments& arguments);
int run_completion(const Arguments& arguments);
int run_complete(const Arguments& arguments);
int run_man(const Arguments& arguments);

}  // namespace bgdeploy::cli
