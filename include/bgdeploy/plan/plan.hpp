// From what is wanted and what was observed to the steps in between: a pure function. One file a strategy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::plan {

// Steps on one app host. `host` and `slot` are indices into the spec, `container` is docker's id. Steps of
// different hosts that follow each other may run side by side.
struct Pull {
  std::size_t host;
  Release release;
  bool operator==(const Pull&) const = default;
};
// Builds the image from the spec's context.
struct Build {
  std::size_t host;
  Release release;
  bool operator==(const Build&) const = default;
};
// Sends the image from an archive of this machine: the layers that the host lacks.
struct Send {
  std::size_t host;
  Release release;
  std::int64_t bytes = 0;  // of these
  bool operator==(const Send&) const = default;
};
// Stops a container that does not serve; with `restart_on_undo` a failed deploy starts it again.
struct Stop {
  std::size_t host, slot;
  std::string container;
  Release release;
  core::Duration grace;
  bool restart_on_undo = false;
  bool operator==(const Stop&) const = default;
};
// With `order: stop_first`: stops what runs before its successor starts. No host comes to it before all are
// ready for it. A failed deploy starts it again, and waits until it is healthy. What a run that died has
// stopped is not stopped again.
struct StopFirst {
  std::size_t host, slot;
  std::string container;
  Release release;
  core::Duration grace;
  std::optional<spec::Health> health{};  // by which it was healthy; unset: it was not
  std::string name{};                    // where the container does not bear the slot's name
  bool stopped = false;                  // it does not run any more
  bool operator==(const StopFirst&) const = default;
};
struct SetAside {
  std::size_t host, slot;
  std::string container;
  Release release;
  bool operator==(const SetAside&) const = default;
};
struct PutBack {
  std::size_t host, slot;
  std::string container;
  Release release;
  bool operator==(const PutBack&) const = default;
};
struct Remove {
  std::size_t host, slot;
  std::string container;
  Release release;
  bool operator==(const Remove&) const = default;
};
struct Create {
  std::size_t host, slot;
  Launch launch;
  bool operator==(const Create&) const = default;
};
struct Start {
  std::size_t host, slot;
  std::string container;
  Release release;
  std::optional<Launch> anew{};         // how to create it again, where docker left it unable to start
  std::optional<spec::Health> until{};  // as an inverse: it has to be healthy by this
  bool operator==(const Start&) const = default;
};
// Undoes Create and Start: stops, and with `remove` removes, what this run started and what never served.
struct Discard {
  std::size_t host, slot;
  std::string container;
  core::Duration grace;
  bool remove = false;
  bool operator==(const Discard&) const = default;
};
// Waits for the container that this run started on the host, or for `container` where it started none.
struct AwaitHealth {
  std::size_t host, slot;
  std::string container;
  spec::Health health;    // of the release that the slot runs
  bool leftover = false;  // it runs already, since a run that died started it: a failed deploy stops it
  bool operator==(const AwaitHealth&) const = default;
};
// Stops (and removes) the slot that no longer serves.
struct Retire {
  std::size_t host, slot;
  std::string container;
  Release release;
  core::Duration grace;
  spec::Retire how = spec::Retire::stop;
  std::string name{};  // where the container does not bear the slot's name
  bool operator==(const Retire&) const = default;
};

// Removes the images of old releases that no container uses, and what else of this service nothing needs any
// more.
struct Prune {
  std::size_t host;
  Leftovers leftovers{};
  bool operator==(const Prune&) const = default;
};
// Steps on all proxies at once.

// Waits for old workers of an earlier switch.
struct AwaitLeaving {
  bool operator==(const AwaitLeaving&) const = default;
};
// Stages and commits on all proxies, or on none. One routing a proxy; none where no proxy has to be
// told. With `rewrite` the slot serves already, and the proxy's file is written anew. Several may
// follow each other: the way back of all leads to what served before the first, until they are accepted.
struct Switch {
  std::size_t slot;
  std::vector<Routing> routing, old;
  bool rewrite = false;
  std::optional<std::size_t> from{};  // the slot of `old`
  bool operator==(const Switch&) const = default;
};
// One request through each proxy to each site. Before the switch is accepted: what is worse than before
// fails, and so takes the switch back. After the old slot has stopped: what is worse then starts that one
// again and switches back to it.
struct Verify {
  std::size_t slot;  // what was switched to
  bool old_stopped = false;
  bool operator==(const Verify&) const = default;
};
// Runs one hook, on the app hosts `hosts` side by side, or on this machine. Everything else waits for its
// end.
struct RunHook {
  spec::HookPosition at;
  std::size_t index;  // among the hooks of its position
  spec::Hook hook;
  std::size_t slot = 0;              // of the new release
  std::vector<std::size_t> hosts{};  // none: this machine
  std::optional<Launch> launch{};    // of its one-off container
  bool operator==(const RunHook&) const = default;
};
// Looks after the new release while the old one still runs. What it finds bad takes the switch back where
// there is something to come back to that nobody has just left: not on a rollback, nor on a first deploy.
struct Watch {
  std::size_t slot;  // what was switched to
  spec::Watch settings;
  bool comes_back = true;
  bool operator==(const Watch&) const = default;
};
// The switch is final: the proxies drop what they would put back.
struct Accept {
  std::size_t slot;
  bool operator==(const Accept&) const = default;
};
// Undoes a switch that was not accepted.
struct Restore {
  std::size_t slot;
  bool operator==(const Restore&) const = default;
};
// After the switch: nothing uses the old slot any more. Where that cannot be seen, the proxy is given the
// time to find the new slot (ProxyKind::blind_drain).
struct Drain {
  std::size_t slot;
  std::vector<Routing> old;
  bool operator==(const Drain&) const = default;
};

using Step = std::variant<Pull, Build, Send, Stop, StopFirst, SetAside, PutBack, Remove, Create, Start,
                          Discard, AwaitHealth, Retire, Prune, AwaitLeaving, Switch, Verify, RunHook, Watch,
                          Accept, Restore, Drain>;

// What undoes a step when a later one fails: a step like any other, which the same code carries out and
// describes. Nothing where nothing needs undoing. `made`: the container that a Create made.
std::optional<Step> inverse(const Step& step, const std::string& made = "");

struct Request {
  enum class Kind { deploy, rollback };
  Kind kind = Kind::deploy;
  Launch launch;
  bool force = false;     // redeploy what is live
  bool hold = false;      // deploy: stop before the switch, with the new release healthy in the idle slot
  bool promote = false;   // deploy: what was held, from before_switch on
  bool abort = false;     // deploy: take away what was held, and what an interrupted run left
  bool rehearse = false;  // rollback: start, wait until healthy, and stop again
  bool there = false;     // deploy: the hosts have the image, so it is neither built nor sent
  // By index: the hooks of before_start that ran for this release already, in a run that did not get through.
  std::vector<std::size_t> ran{};
  Leftovers leftovers{};  // deploy: once the release serves
};

// "deploy", "rollback", "promote", "abort", "rehearse"
std::string_view command_name(const Request& request);

struct Plan {
  // What there is when all steps are done.
  enum class Aim {
    serve,     // `to` serves
    hold,      // `to` waits in `target`
    rehearse,  // all as before: what the steps did is undone when they are done
    abort,     // the idle slot is as it was before `to` waited in it
  };
  std::string_view command = "deploy";  // as command_name() has it
  std::optional<std::size_t> live;      // the slot that serves now, as far as can be told
  Release from;                         // what it runs; empty on a first deploy
  std::size_t target = 0;               // the slot that will serve
  Release to;                      // what it will run: a container that is reused keeps its own release id
  std::vector<Step> steps;         // empty: nothing to do
  std::vector<std::string> notes;  // what the user should know: what is odd in the observed state
  std::vector<std::string> remarks{};  // why there is less to do than was asked for: nothing is odd
  std::vector<std::string> skipped{};  // the hooks that this command does not run, in words
  Aim aim = Aim::serve;
  bool switches() const;
  bool rewrites() const { return live == target && switches(); }

  bool operator==(const Plan&) const = default;
};

// Kinds: inconsistent (proxies disagree or do not name exactly one slot), conflict (something else holds the
// idle slot's port).
core::Result<Plan> make_plan(const spec::Spec& spec, const State& state, const Request& request);

// What the proxies agree on: the live slot, or nothing before a first deploy. Kind inconsistent with what is
// where and what to type. Without a proxy: the slot that runs; of two the one that answers, else the one that
// was started first; where nothing runs, what served last.
core::Result<std::optional<std::size_t>> live_slot(const spec::Spec& spec, const State& state);
// What is in the live slot, as occupant() tells it; none where that slot is empty, or not known.
const Container* live_container(const spec::Spec& spec, const State& state);
// Nothing runs, or ever ran: a proxy may not start without its file, so that one names a slot before anything
// was deployed.
bool nothing_runs_yet(const State& state);

// What is where, and what to type, where proxies disagree or cannot be read back.
std::vector<std::string> describe_routing(const spec::Spec& spec, const State& state);

// How a step is shown: "pull", "start", "health", "switch", "drain", "retire", … as in the events.
std::string_view step_name(const Step& step);
// Whether it only brings an image to a host.
bool fetches(const Step& step);
// The index of the app host it happens on; nothing for a step on all proxies.
std::optional<std::size_t> app_host(const Step& step);
// The host it happens on, or all proxies.
std::vector<std::string> step_hosts(const spec::Spec& spec, const Step& step);
// The same as in "web-1, web-2"; its slot's name, or "".
std::string step_host(const spec::Spec& spec, const Step& step);
std::string step_slot(const spec::Spec& spec, const Step& step);
// What the container to stop is called, which an older tool may have started.
std::string container_name(const spec::Spec& spec, const Retire& step);
std::string container_name(const spec::Spec& spec, const StopFirst& step);
// In words, without host and slot: "start fream-app-set2 (1.2.3, sha256:0123456789ab) on port 8082".
std::string describe(const spec::Spec& spec, const Step& step);
// The words of its inverse; empty where nothing needs undoing.
std::string describe_undo(const spec::Spec& spec, const Step& step);
// Of what is sent: "24.0 MB", or that there is nothing.
std::string size_of(const Send& step);
// In the few words that stand beside its name: "shop-green :8082 (1.0.0 set aside)".
std::string about(const spec::Spec& spec, const Plan& plan, const Step& step);
// Likewise what an inverse did: "shop-green removed".
std::string about_undo(const spec::Spec& spec, const Step& inverse);
// The addresses of all proxies' backends, each once: "127.0.0.1:8082".
std::vector<std::string> addresses(const std::vector<Routing>& routings);
// "90% to blue, 10% to green"
std::string describe(const spec::Spec& spec, const Traffic& traffic);
// "1.2.3 (sha256:0123456789ab)"; the image where there is neither.
std::string describe(const Release& release);
// "1.2.3"; "sha256:0123456789ab" where it has no tag.
std::string short_name(const Release& release);

}  // namespace bgdeploy::plan
