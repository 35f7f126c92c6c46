// What was read back from the hosts: the only input of planning beside the spec. Values with ==, no effects.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/secret.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::plan {

// What the digest of a release that was built on the hosts begins with; the rest is the hash of its context
// and arguments (64 hex digits).
inline constexpr std::string_view k_built = "build:";

// An image digest under a human name. The configuration it runs with is in Launch.
struct Release {
  std::string
      id;  // "20261121T050710Z-1f3a": unique a deploy; label bgdeploy.release. Empty for adopted containers
  std::string tag;    // as the user gave it; empty when deployed by --digest
  std::string image;  // repository
  std::string
      digest;  // "sha256:…" as the registry knows the manifest, or "build:…"; empty where it cannot be told

  bool built() const { return digest.starts_with(k_built); }
  bool operator==(const Release&) const = default;
};

// A file that a compose file refers to, to be uploaded with it.
struct ComposeFile {
  enum class Kind {
    part,    // of the configuration: extends, include, configs. Kept in the history
    data,    // a bind mount: as it is on this machine, when a release is created
    secret,  // env_file, .env, secrets: likewise, and readable by its owner only
  };
  std::string path;  // below the folder of the compose file, and relative to it
  Kind kind = Kind::part;
  bool executable = false;
  core::Secret content;
  bool operator==(const ComposeFile&) const = default;
};

// With which compose files: their text is kept, so that a release can be created again as it ran.
struct ComposeLaunch {
  spec::Compose settings;
  std::array<std::string, 2> files;  // by slot: the text to upload; empty where it is on the host
  std::array<std::vector<ComposeFile>, 2> beside{};  // by slot
  bool operator==(const ComposeLaunch&) const = default;
};

// What a slot is to run.
struct Launch {
  Release release;
  spec::Docker docker;
  std::optional<ComposeLaunch> compose{};
  bool operator==(const Launch&) const = default;
};

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
  // Whether it passed its health check when it was observed; unset when it was not asked: only slots that
  // traffic is sent to are.
  std::optional<bool> answers;
  std::string answer;  // its words: "HTTP 503", "connection refused"

  bool operator==(const SlotState&) const = default;
};

// What runs in a slot: the container under the slot's name, or what an older tool started there.
const Container* occupant(const SlotState& slot);

struct AppHost {
  std::string host;
  std::array<SlotState, 2> slots;
  // Whether what is to be built is there already.
  bool image_present = false;
  // Whether anything at all accepts connections where the proxies send them; asked only where the live slot
  // has no container, or one that was never started.
  std::optional<bool> live_listens;

  bool operator==(const AppHost&) const = default;
};

// A process of nginx, told apart from a later one with the same pid by its start time (clock ticks after
// boot, /proc/PID/stat field 22).
struct Worker {
  int pid = 0;
  std::uint64_t start = 0;
  bool operator==(const Worker&) const = default;
};

// One way to reach a site that uses what is switched: a `listen` of its server block, and the name to ask
// for.
struct Front {
  std::string address;  // on the machine (or in the container) that runs nginx: "127.0.0.1" where it listens
                        // on every address, "[::1]" on every IPv6 one only, "unix:/path" for a socket
  int port = 80;
  bool tls = false;
  bool proxy_protocol = false;
  std::string host;  // a server_name that leads there, made concrete where it has a wildcard; empty: none

  bool operator==(const Front&) const = default;
};

// A file of nginx's other than ours through which a site sends to one of the slots: whatever runs there
// serves somebody else.
struct Claim {
  std::size_t slot = 0;
  std::string where;  // "/etc/nginx/conf.d/other.inc:1"

  bool operator==(const Claim&) const = default;
};

struct ProxyHost {
  enum class Routing {
    missing,  // no include file: before a first deploy
    slot,     // it names exactly one slot
    unknown,  // it names neither, or both
  };

  std::string host;
  Routing routing = Routing::missing;
  std::size_t live = 0;         // index of the slot, where routing == slot
  std::string include;          // the file itself, symlinks followed
  std::string text;             // its content
  bool unfinished = false;      // a switch died half-way: file and workers may disagree
  bool unread = false;          // written after nginx last read its configuration, as far as times tell
  bool outdated = false;        // where routing == slot: not what the spec would write for that slot
  std::vector<Worker> leaving;  // old workers that still finish requests of an earlier configuration
  bool running = true;          // a master of this configuration is alive: without one nobody is served
  // The masters that accept or may again, oldest first. More than one: nginx is being upgraded (SIGUSR2), and
  // the older one keeps the configuration that it has.
  std::vector<Worker> masters;
  std::vector<Front> fronts;  // of the sites that use what is switched, the most likely one first
  std::vector<Claim> claims;
  std::vector<std::string> notes;  // what is odd in nginx's configuration, in words

  bool operator==(const ProxyHost&) const = default;
};

struct State {
  std::vector<AppHost> app_hosts;  // in the spec's order
  std::vector<ProxyHost> proxies;  // as spec::proxies()

  bool operator==(const State&) const = default;
};

}  // namespace bgdeploy::plan
