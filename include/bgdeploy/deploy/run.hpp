// The commands that change or plan something, from the spec to the outcome: connect, lock, observe, plan,
// execute, record.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/lock/lease.hpp"
#include "bgdeploy/deploy/release/difference.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/report/redact.hpp"
#include "bgdeploy/spec/load.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// What every command works with.
struct Context {
  const spec::Spec& spec;
  spec::Environment variables;  // of this process
  core::Clock& clock;
  report::Redactor& sink;
  std::stop_token stop;     // SIGINT, SIGTERM
  std::string who;          // "jenkins@ci-7 (pid 4242)"
  std::stop_token hurry{};  // the third of these signals: an undo that hangs is given up
};

struct Goal {
  plan::Request::Kind kind = plan::Request::Kind::deploy;
  std::string tag;  // deploy: one of the two
  std::string digest;
  std::string archive{};  // deploy: the file that has the image, "-" for stdin; then `tag` may be empty
  bool force = false;
  std::optional<std::string> to{};  // rollback
  // Rollback: with today's secrets, or as the spec has all of it today, instead of as the release ran.
  bool with_current_secrets = false, with_current_config = false;
  // Rollback: reads secrets from sources that only the history names.
  bool trust_history = false;
  std::string plan{};  // deploy: what a file of `plan --out` holds; empty: there is none
  // As in plan::Request, one at most.
  bool hold = false, promote = false, abort = false, rehearse = false;
  core::Duration lock_wait{0};
  std::string report{};  // the file of --report, for hooks

  // A release from the registry with today's configuration; otherwise the history says how it ran.
  bool fresh() const { return kind == plan::Request::Kind::deploy && !promote && !abort; }
};

// The last event of a run that changed nothing: why, and the exit code of that error. `from`: what serves, as
// far as it was seen.
report::Finished refused(const Goal& goal, core::Error error, core::Duration took,
                         const plan::Release& from = {});

// The exit code of an error that stopped a command before it changed anything.
int exit_code(core::ErrorKind kind);

// Deploys or rolls back, emits every event from *.started to *.finished, and returns the exit code.
int run(const Context& context, const Goal& goal);

struct Preview {
  plan::State state;
  plan::Plan plan;
  LockStatus lock;
  std::vector<Change> changes;  // of the configuration, against what serves
  bool compared = false;        // how what serves runs is recorded
  std::string file;             // the plan, to be kept: see release/plan_file.hpp
};
// What run() would do, changing nothing and taking no lock.
core::Result<Preview> preview(const Context& context, const Goal& goal);

}  // namespace bgdeploy::deploy
