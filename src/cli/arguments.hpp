// What the command line says.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace bgdeploy::cli {

// One member for each option that the table in commands.cpp names; a command reads those of its own options.
struct Arguments {
  // Every command takes these.
  std::string file;  // empty: looked for in the working directory
  std::string environment;
  bool verbose = false, quiet = false, no_color = false;
  std::string progress = "auto";

  std::string output = "text";  // text | json: what stdout gets
  std::string tag, digest;
  std::optional<std::string> to;
  bool force = false, dry_run = false, exit_code = false;
  bool with_current_secrets = false, with_current_config = false, trust_history = false;
  std::optional<std::string> plan, out;  // files
  std::optional<std::string> archive;    // a file, or - for stdin
  std::string slot, host;
  std::optional<int> tail;               // -1: all; unset: 100, or all with --since
  std::optional<int> entries;            // of the history; -1: all; unset: as many as fit a screen
  std::vector<std::string> from, hosts;  // init
  bool to_stdout = false;                // init
  bool failed = false;                   // logs
  bool offline = false;                  // config, validate
  bool preflight = false;                // check
  bool follow = false, yes = false;
  bool watch = false;  // status
  bool html = false;   // history
  std::optional<std::string> report;
  std::string message;
  bool write = false;                     // site
  std::vector<std::string> server_names;  // site
  bool hold = false, rehearse = false;
  std::optional<std::string> lock_wait;
  std::optional<std::string> since;     // logs
  std::optional<std::string> until;     // lock, logs
  std::optional<std::string> duration;  // of a freeze

  std::string word;                // of a command that takes one
  std::vector<std::string> words;  // what follows the first `--`
  std::stop_token stop;            // SIGINT, SIGTERM, SIGHUP
  std::stop_token hurry;           // the third of them: the user does not wait for an undo any longer
};

}  // namespace bgdeploy::cli
