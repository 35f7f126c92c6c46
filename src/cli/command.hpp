// What every command shares: global options, the spec, and how results and errors are printed.
#pragma once

#include <cstdio>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/report/event.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace CLI {
class App;
}

namespace bgdeploy::cli {

struct Globals {
  std::string file;  // -f; empty: looked for in the working directory
  std::string environment;
  bool verbose = false, quiet = false, no_color = false;
  std::string progress = "auto";
  std::string output = "text";     // -o text | json: what stdout gets
  std::vector<std::string> words;  // what follows the first `--`
  std::stop_token stop;            // SIGINT, SIGTERM, SIGHUP
};

// Set by the subcommand that was chosen; run after parsing.
using Action = std::function<int()>;

// Each adds its subcommand to the parser. One file a command.
struct Registration {
  CLI::App& app;
  Globals& globals;
  Action& action;
};
void add_deploy(const Registration& registration);
void add_rollback(const Registration& registration);
void add_plan(const Registration& registration);
void add_status(const Registration& registration);
void add_history(const Registration& registration);
void add_logs(const Registration& registration);
void add_exec(const Registration& registration);
void add_check(const Registration& registration);
void add_config(const Registration& registration);
void add_lock(const Registration& registration);
void add_trust(const Registration& registration);
void add_unsupported(const Registration& registration);

// Adds `-o text|json`.
void add_output_option(CLI::App& command, Globals& globals);
// Options that are planned: refused by name, never taken for a typing error.
void refuse_planned(CLI::App& command, std::initializer_list<const char*> names);

// Reads and loads the spec that the options name.
core::Result<spec::Spec> load_spec(const Globals& globals);

// A command's surroundings: the loaded spec, the renderer for stderr, and the context that refers to both.
class Session {
public:
  static core::Result<std::unique_ptr<Session>> open(const Globals& globals);
  const spec::Spec& spec() const { return m_spec; }
  const deploy::Context& context() const { return *m_context; }
  // Ends the renderer, so that what is printed afterwards stands below it.
  void close_report() { m_sink.reset(); }

private:
  spec::Spec m_spec;
  std::unique_ptr<report::Veil> m_sink;
  std::optional<deploy::Context> m_context;
};

// "heading: message", and its details below.
std::string error_text(std::string_view heading, const core::Error& error);
// "error: message" and its details on stderr; returns the exit code that belongs to the kind.
int print_error(const core::Error& error);
// False where nobody reads any more, or nothing can be written.
bool print(std::string_view text, std::FILE* stream = stdout);
bool print_json(std::string_view document);
// Why stdout could not be written, as an errno; 0 when all was.
int output_error();

// Columns padded to the widest cell; the first row is the heading. Cells are made printable.
std::string table(const std::vector<std::vector<std::string>>& rows);
// "3 minutes ago", "2 days ago".
std::string age(core::SystemTime then, core::SystemTime now);

}  // namespace bgdeploy::cli
