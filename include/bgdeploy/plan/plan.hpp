// From what is wanted and what was observed to the steps in between: a pure function. One file a strategy.
#pragma once

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
// Stops a container that does not serve; with `restart_on_undo` a failed deploy starts it again.
struct Stop {
  std::size_t host, slot;
  std::string container;
  bool restart_on_undo = false;
  bool operator==(const Stop&) const = default;
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
  std::optional<Launch> anew{};  // how to make it again, where docker left it so that it cannot be started
  bool operator==(const Start&) const = default;
};
struct AwaitHealth {
  std::size_t host, slot;
  bool operator==(const AwaitHealth&) const = default;
};
// Stops (and removes) the slot that does not serve any more.
struct Retire {
  std::size_t host, slot;
  std::string container;
  Release release;
  spec::Retire how = spec::Retire::stop;
  std::string name{};  // where it does not bear the slot's
  bool operator==(const Retire&) const = default;
};

// Steps on all proxies at once.
struct AwaitLeaving {
  bool operator==(const AwaitLeaving&) const = default;
};  // old workers of an earlier switch
// The commit. One routing a proxy; with `proxy: none` there is nothing to tell anyone. With `rewrite` the
// slot serves already, and what says so is written anew.
struct Switch {
  std::size_t slot;
  std::vector<Routing> routing, old;
  bool rewrite = false;
  bool operator==(const Switch&) const = default;
};
// One request through each proxy to each site. Right after the switch: what is worse than before takes it
// back. After the old slot has stopped: what is worse then starts that one again and switches back to it.
struct Verify {
  std::size_t slot;  // what was switched to
  bool old_stopped = false;
  bool operator==(const Verify&) const = default;
};
// After the switch: nothing uses the old slot any more. Without a proxy that cannot be seen: nginx is given
// the time to try the new slot, which it avoids for 10 s (fail_timeout) since its port last refused.
struct Drain {
  std::size_t slot;
  std::vector<Routing> old;
  bool operator==(const Drain&) const = default;
};
inline constexpr core::Duration k_until_tried_again = std::chrono::seconds(12);

using Step = std::variant<Pull, Build, Stop, SetAside, PutBack, Remove, Create, Start, AwaitHealth, Retire,
                          AwaitLeaving, Switch, Verify, Drain>;

struct Request {
  enum class Kind { deploy, rollback };
  Kind kind = Kind::deploy;
  Launch launch;
  bool force = false;  // redeploy what is live
};

struct Plan {
  std::optional<std::size_t> live;  // the slot that serves now, as far as can be told
  Release from;                     // what it runs; empty on a first deploy
  std::size_t target = 0;           // the slot that will serve
  Release to;                       // what it will run: a container that is reused keeps its own release id
  std::vector<Step> steps;          // empty: nothing to do
  std::vector<std::string> notes;   // what the user should know: what is odd in the observed state
  bool switches() const;
  bool rewrites() const { return live == target && switches(); }

  bool operator==(const Plan&) const = default;
};

// Kinds: inconsistent (proxies disagree or name neither slot), conflict (something else holds the idle slot's
// port).
core::Result<Plan> make_plan(const spec::Spec& spec, const State& state, const Request& request);

// What the proxies agree on: the live slot, or nothing before a first deploy. Kind inconsistent with what is
// where and what to type. Without a proxy: the slot that runs; of two the one that answers, else the one that
// was started first.
core::Result<std::optional<std::size_t>> live_slot(const spec::Spec& spec, const State& state);

// What is where, and what to type, where proxies disagree or cannot be read back.
std::vector<std::string> describe_routing(const spec::Spec& spec, const State& state);

// How a step is shown: "pull", "start", "health", "switch", "drain", "retire", … as in the events.
std::string_view step_name(const Step& step);
// The host it happens on, or all proxies, as in "web-1, web-2"; its slot's name, or "".
std::string step_host(const spec::Spec& spec, const Step& step);
std::string step_slot(const spec::Spec& spec, const Step& step);
// What the container to retire is called, which an older tool may have started.
std::string container_name(const spec::Spec& spec, const Retire& step);
// In words, without host and slot: "start fream-app-set2 (1.2.3, sha256:0123456789ab) on port 8082".
std::string describe(const spec::Spec& spec, const Step& step);
// What undoes it when a later step fails, in words; empty where nothing needs undoing.
std::string describe_undo(const spec::Spec& spec, const Step& step);
// "1.2.3 (sha256:0123456789ab)"; the image where there is neither.
std::string describe(const Release& release);

}  // namespace bgdeploy::plan
