// The commands that change or plan something, from the spec to the outcome: connect, lock, observe, plan,
// execute, record.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/lease.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/report/veil.hpp"
#include "bgdeploy/spec/load.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// What every command works with.
struct Context {
  const spec::Spec& spec;
  spec::Environment variables;  // of this process
  core::Clock& clock;
  report::Veil& sink;
  std::stop_token stop;  // SIGINT, SIGTERM
  std::string who;       // "jenkins@ci-7 (pid 4242)"

  // The same with another spec: that of a fleet, which knows the addresses that were reached.
  Context with(const spec::Spec& other) const { return {other, variables, clock, sink, stop, who}; }
};

struct Goal {
  plan::Request::Kind kind = plan::Request::Kind::deploy;
  std::string tag;  // deploy: one of the two
  std::string digest;
  bool force = false;
  std::optional<std::string> to{};  // rollback
};

// How a run that changed nothing ends: "deploy.finished" with why, and the exit code that belongs to it.
// `from`: what serves, as far as it was seen.
report::Event refused(const Goal& goal, core::Error error, core::Duration took,
                      const plan::Release& from = {});

// The exit code of an error that stopped a command before it changed anything.
int exit_code(core::ErrorKind kind);

// Deploys or rolls back, emits every event from *.started to *.finished, and returns the exit code.
int run(const Context& context, const Goal& goal);

struct Preview {
  plan::State state;
  plan::Plan plan;
  LockStatus lock;
};
// What run() would do, changing nothing and taking no lock.
core::Result<Preview> preview(const Context& context, const Goal& goal);

}  // namespace bgdeploy::deploy
