// What every command shares: its surroundings, and how results and errors are printed.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arguments.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/report/event.hpp"
#include "bgdeploy/report/html.hpp"
#include "bgdeploy/spec/load.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::cli {

// An environment variable; HOME also where only the user database knows it.
std::optional<std::string> variable(std::string_view name);

// The text of the spec that the arguments name.
core::Result<spec::Source> read_spec(const Arguments& arguments);
// Reads and loads it.
core::Result<spec::Spec> load_spec(const Arguments& arguments);

// A command's surroundings: the loaded spec, the renderer for stderr, and the context that refers to both.
// Of a run.
struct Seen {
  report::RunPage page;
  std::optional<report::TimedEvent> last;
};

class Session {
public:
  static core::Result<std::unique_ptr<Session>> open(const Arguments& arguments);
  const spec::Spec& spec() const { return m_spec; }
  const deploy::Context& context() const { return *m_context; }
  // The last event of the run as JSON; empty before it.
  std::string last_event() const;
  // Whether the run put a release live.
  bool put_live() const;
  // All events of the run as a page of HTML.
  std::string report() const;
  // Ends the renderer, so that later output stands below it.
  void close_report() { m_sink.reset(); }

private:
  spec::Spec m_spec;
  std::unique_ptr<report::Redactor> m_sink;
  std::shared_ptr<Seen> m_seen = std::make_shared<Seen>();
  std::optional<deploy::Context> m_context;
};

// How the user called this program, for what is printed from now on.
void remember_call(const Arguments& arguments);
// "bgdeploy rollback" in a text as the user has to type it: with the spec and the environment of this call.
std::string as_typed(std::string text);

// "heading: message", and its details below.
std::string error_text(std::string_view heading, const core::Error& error);
// "error: message" and its details on stderr, and where `-o json` was asked for a document on stdout; returns
// the exit code that belongs to the kind.
int print_error(const core::Error& error);
// The document alone: one with the error, unless stdout has got one already.
void print_error_document(const core::Error& error);
// Lets the renderer of runs tell it, as if it were all of one.
void tell(const Arguments& arguments, const report::Event& event);
// False when nobody reads any more, or nothing can be written.
bool print(std::string_view text, std::FILE* stream = stdout);
bool print_json(std::string_view document);
// Why stdout could not be written, as an errno; 0 when it could, or when that was asked before.
int take_output_error();
// The exit code of a command whose result could, or could not, be written: `error` is an errno, or 0;
// `unwritten` stands for a 0 then.
int with_output(int code, int error, int unwritten = 1);

// Columns padded to the widest cell; the first row is the heading. Cells are made printable.
std::string table(const std::vector<std::vector<std::string>>& rows);
// "3 minutes ago", "2 days ago".
std::string age(core::SystemTime then, core::SystemTime now);

}  // namespace bgdeploy::cli
