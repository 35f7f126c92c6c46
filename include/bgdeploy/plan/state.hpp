// What was read back from the hosts: the only input of planning beside the spec. Values with ==, no effects.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/plan/launch.hpp"
#include "bgdeploy/plan/places.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::plan {

// TCP ports of the host that a container takes, or took when it ran: docker picks one of a range.
struct Published {
  std::string ip;  // as docker writes it; empty: everywhere
  int first = 0, last = 0;
  bool holds(int port) const { return first <= port && port <= last; }
  bool operator==(const Published&) const = default;
};

struct Container {
  enum class Status { created, running, restarting, paused, exited, dead };

  std::string id;    // docker's, full length
  std::string name;  // without the leading slash
  Release release;   // from our labels; of a foreign container image, tag and digest as far as docker tells
  bool managed = false;  // carries our labels for this service
  Status status = Status::created;
  int exit_code = 0;
  bool oom_killed = false;
  std::string health;  // docker's own HEALTHCHECK: "", "starting", "healthy", "unhealthy"
  core::SystemTime started{};
  // What differs from the launch it was compared with ("environment DB_PASSWORD", never a value). Empty: same
  // in everything but the release id and the tag. Unset: there was nothing to compare with.
  std::optional<std::vector<std::string>> differences;
  std::vector<Published> published{};  // as it is while it runs, as it was made while it does not
  // From SIGTERM to SIGKILL, as it was made; unset: nobody said.
  std::optional<core::Duration> stop_grace{};
  // The hosts whose proxy sent to it when it was made; empty: nobody said.
  std::vector<std::string> proxies{};

  bool running() const { return status == Status::running || status == Status::restarting; }
  // Its process is there: to be stopped before it can be moved or removed.
  bool active() const { return running() || status == Status::paused; }
  bool operator==(const Container&) const = default;
};

// A container in the way of a slot that belongs to somebody else, by what its labels and its ports say. It is
// never touched.
struct Stranger {
  enum class Why {
    service,  // it is of another service, named by `owner`
    slot,     // it is the other slot's
    port,     // it publishes something else than the slot's port
    network,  // nothing is published, and it is on none of the spec's networks
  };
  Container container;
  Why why = Why::port;
  std::string owner{};
  bool bears_name = false;  // the slot's container name
  bool operator==(const Stranger&) const = default;
};

struct SlotState {
  std::optional<Container> container;  // the one that bears the slot's container name
  std::optional<Container> aside;      // a stopped release that an unfinished deploy moved aside
  std::vector<Container> others;       // whatever else publishes the slot's port or carries its labels
  std::vector<Stranger> strangers{};   // none of these is in the three above
  // The address that what is to be started in it will publish on, "" for all. Unset: nothing, or not asked.
  std::optional<std::string> will_publish{};
  // Whether it passed its health check when it was observed; unset when it was not asked (only slots that
  // traffic is sent to are). When it is too early to tell, only `answer` is set.
  std::optional<bool> answers;
  std::string answer;  // its words: "HTTP 503", "connection refused"

  bool operator==(const SlotState&) const = default;
};

// What runs in a slot: the container under the slot's name, or another one: of an older tool's, or of a time
// when the slot's containers had another name.
const Container* occupant(const SlotState& slot);

struct AppHost {
  std::string host;
  std::array<SlotState, 2> slots;
  // Whether what is to be built or sent is there already, or what is to be pulled was fetched by this run,
  // and the bytes of an archive that it lacks.
  bool image_present = false;
  std::int64_t image_lacks = 0;
  // Whether anything at all accepts connections where the proxies send them; asked only where the live slot
  // has no container, or one that was never started.
  std::optional<bool> live_listens;

  bool operator==(const AppHost&) const = default;
};

// A process of a proxy, told apart from a later one with the same pid by its start time (clock ticks after
// boot, /proc/PID/stat field 22).
struct Worker {
  int pid = 0;
  std::uint64_t start = 0;
  bool operator==(const Worker&) const = default;
};

// One way to reach a site that uses what is switched: a `listen` of its server block, and the name to ask
// for.
struct Front {
  std::string address;  // on the machine (or in the container) that runs the proxy: "127.0.0.1" where it
                        // listens on every address, "[::1]" on every IPv6 one only, "unix:/path" for a socket
  int port = 80;
  bool tls = false;
  bool proxy_protocol = false;
  std::string host;  // a server_name that leads there, made concrete where it has a wildcard; empty: none

  bool operator==(const Front&) const = default;
};

// A file of the proxy's, other than ours, through which a site sends to one of the slots: what runs there
// serves somebody else.
struct Claim {
  std::size_t slot = 0;
  std::string where;  // "/etc/edge/other.inc:1"

  bool operator==(const Claim&) const = default;
};

// The share of all requests that each slot gets, from 0 to 1. What is missing to 1 goes elsewhere.
struct Traffic {
  std::array<double, 2> share{};

  static Traffic all_to(std::size_t slot);
  double elsewhere() const { return std::max(0.0, 1 - share[0] - share[1]); }
  // The slot that serves: the only one that gets any.
  std::optional<std::size_t> live() const;
  bool operator==(const Traffic&) const = default;
};

struct ProxyHost {
  std::string host;
  bool written = false;            // the file that says where requests go is there: not before a first deploy
  std::optional<Traffic> traffic;  // what it says; unset: nothing is there, or it does not say it
  std::string include;             // the file itself, symlinks followed
  std::string text;                // its content
  bool unfinished = false;         // a switch died half-way: file and workers may disagree
  bool reload_pending = false;  // written after the proxy last read its configuration, as far as times tell
  bool outdated = false;        // where one slot is live: not what the spec would write for that slot
  std::vector<Worker> leaving;  // old workers that still finish requests of an earlier configuration
  bool running = true;          // without a living master of this configuration nobody is served
  // The masters that accept or may again, oldest first. More than one: the program is being upgraded, and the
  // older one keeps the configuration that it has.
  std::vector<Worker> masters;
  std::vector<Front> fronts;  // of the sites that use what is switched, the most likely one first
  std::vector<Claim> claims;
  std::vector<std::string> notes;  // what is odd in the proxy's configuration, in words

  std::optional<std::size_t> live() const { return traffic ? traffic->live() : std::nullopt; }
  // The file is there and does not say which slot serves.
  bool unclear() const { return written && !live(); }
  // Whether requests may go to `slot` by what the file says.
  bool may_send_to(std::size_t slot) const { return written && (!traffic || traffic->share.at(slot) > 0); }

  bool operator==(const ProxyHost&) const = default;
};

// A release that `deploy --hold` left in a slot that does not serve, for `promote` or `abort`.
struct Held {
  std::size_t slot = 0;
  Release release;
  std::string who;  // as in LockOwner
  core::SystemTime since{};
  bool served = false;  // earlier: it is a way back, and so it is never removed

  bool operator==(const Held&) const = default;
};

// What served before nothing ran any more: a deployer died while the old slot had stopped and the new one had
// not started, or somebody stopped it.
struct LastServed {
  std::size_t slot = 0;
  Release release;

  bool operator==(const LastServed&) const = default;
};

struct State {
  std::vector<AppHost> app_hosts;  // in the spec's order
  std::vector<ProxyHost> proxies;  // as spec::proxies()
  Places places{};
  std::optional<Held> held{};  // what waits, by the history and the container that is there
  // By the history. Only where no proxy names a slot and nothing runs in either.
  std::optional<LastServed> last_served{};

  bool operator==(const State&) const = default;
};

// Likewise of all hosts: the first that runs, else the first that is there. A host may be new.
const Container* occupant(const State& state, std::size_t slot);

}  // namespace bgdeploy::plan
