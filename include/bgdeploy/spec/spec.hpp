// The deploy spec as typed values: what `bgdeploy.yml` says after environments, interpolation and defaults.
// † marks strings in which {slot}-like placeholders are still to be substituted (see Substitutions).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "bgdeploy/core/clock.hpp"

namespace bgdeploy::spec {

using core::Duration;

// Where a secret value comes from. Reading it is an effect and happens in deploy/secrets.
struct FromEnv {
  std::string variable;
  bool operator==(const FromEnv&) const = default;
};
struct FromFile {
  std::filesystem::path path;
  bool operator==(const FromFile&) const = default;
};
struct FromCommand {
  std::vector<std::string> argv;
  bool operator==(const FromCommand&) const = default;
};
using SecretSource = std::variant<FromEnv, FromFile, FromCommand>;

struct Sudo {
  bool all = false;     // `sudo: true`: everything
  bool docker = false;  // `sudo: [docker]`
  bool nginx = false;   // `sudo: [nginx]`
  bool operator==(const Sudo&) const = default;
};

// The connection settings of one host. Unset means: take it from ~/.ssh/config, then the built-in default.
struct Ssh {
  std::optional<std::string> user;
  std::optional<int> port;
  std::optional<std::string> identity_file;     // absolute after loading, or starts with ~ or %
  std::optional<std::string> known_hosts_file;  // likewise; % and what follows is replaced as in ssh_config
  std::optional<std::vector<std::string>> proxy_jump;  // [user@]host[:port], first hop first; empty: directly
  Sudo sudo;
  Duration connect_timeout = std::chrono::seconds(10);
  Duration keepalive = std::chrono::seconds(15);
  bool operator==(const Ssh&) const = default;
};

struct Host {
  std::string name;    // what the user wrote, without user and port: alias, DNS name, IP, or "local"
  bool local = false;  // `local`: this machine, no SSH
  Ssh ssh;             // the spec's `ssh:` with this entry's own keys over it
  std::optional<std::string> address;   // how proxies on other machines reach it
  std::optional<std::string> host_key;  // "SHA256:…": nothing else is accepted
  bool operator==(const Host&) const = default;
};

struct Slot {
  std::string name;
  int port = 0;           // on the host; 0: a worker's, which has none (`slots: [blue, green]`)
  std::string container;  // container name; default {service}-{slot}
  bool operator==(const Slot&) const = default;
};

struct Registry {
  std::string username;
  SecretSource password;
  bool operator==(const Registry&) const = default;
};

struct Ulimit {
  std::string name;
  std::int64_t soft = 0, hard = 0;
  bool operator==(const Ulimit&) const = default;
};
struct Logging {
  std::string driver = "json-file";
  std::map<std::string, std::string> options;
  bool operator==(const Logging&) const = default;
};

// `docker:`. Names and meanings as in compose. Of what compose takes in several spellings this is one: the
// one that the Engine API takes.
struct Docker {
  std::optional<std::string> container_port;  // † default: the only port that the image exposes
  std::optional<std::string> host_ip;         // "none" publishes nothing
  std::vector<std::string> networks;
  std::map<std::string, std::string> environment;  // †
  std::vector<std::string> inherited;              // of `environment`, without a value: from ours, secret
  std::vector<std::filesystem::path> env_file;     // absolute after loading; values are treated as secret
  std::vector<std::string> volumes;                // † "source:target:mode", or "target"
  std::vector<std::string> extra_hosts;            // "name:address", IPv6 without brackets
  std::optional<std::int64_t> mem_limit;           // bytes
  std::optional<double> cpus;
  std::string restart = "unless-stopped";  // no | always | unless-stopped | on-failure[:n]
  std::optional<std::vector<std::string>> command, entrypoint;
  std::optional<std::string> user, working_dir;
  std::map<std::string, std::string> labels;
  std::optional<Logging> logging;
  std::vector<Ulimit> ulimits;
  std::vector<std::string> cap_add, cap_drop;  // "NET_ADMIN", "ALL"
  bool read_only = false;
  std::vector<std::string> tmpfs;  // "/run" or "/run:size=64m"
  bool init = false;
  std::optional<std::int64_t> shm_size;    // bytes
  std::optional<std::string> stop_signal;  // "SIGTERM", or a number
  Duration stop_grace_period = std::chrono::seconds(30);
  bool operator==(const Docker&) const = default;
};

// `build:`. The image is built from files of this machine, on the app hosts or here.
struct Build {
  std::filesystem::path context;            // absolute after loading
  std::string dockerfile = "Dockerfile";    // relative to the context, below it
  std::optional<std::string> target;        // stage
  std::map<std::string, std::string> args;  // on docker's command line on the hosts: no secrets
  bool here = false;                        // with the docker of this machine, and then sent
  bool operator==(const Build&) const = default;
};

// `compose:`: a compose project runs the slot. Exactly one of `file` and `remote_file` is not empty. In
// `file`, `remote_file`, `project` and `service` only {slot}, {port}, {container}, {container_port} and
// {service} stand for something: they say where a slot is, whatever runs in it.
struct Compose {
  std::string file;         // † on this machine, absolute after loading; uploaded
  std::string remote_file;  // † on the host: absolute, or "~/…" below the home of the user who logs in
  std::string project;      // †
  std::optional<std::string> service;  // † answers health checks; default: the only one in the file
  std::map<std::string, std::string> environment;   // † for the file's own ${VAR}
  std::optional<std::vector<std::string>> command;  // default: what the host has
  std::array<bool, 2> named{};  // by slot: `slots.X.container` was given, so compose is told to use that name
  bool operator==(const Compose&) const = default;
};

struct HealthHttp {
  std::string path = "/";
  std::vector<std::pair<int, int>> status = {{200, 299}};  // inclusive ranges; "200", "200-299", "200,204"
  std::string body;                                        // must contain; empty: not looked at
  std::map<std::string, std::string> headers;
  std::optional<int> port;  // of the container; default: the one that is published on the slot's port
  bool operator==(const HealthHttp&) const = default;
};
struct HealthTcp {
  bool operator==(const HealthTcp&) const = default;
};
struct HealthDocker {
  bool operator==(const HealthDocker&) const = default;
};
struct HealthExec {
  std::vector<std::string> argv;
  bool operator==(const HealthExec&) const = default;
};

struct HealthRunning {
  Duration for_at_least = std::chrono::seconds(10);  // `for`: since its start, without an end
  bool operator==(const HealthRunning&) const = default;
};

struct Health {
  std::variant<HealthHttp, HealthTcp, HealthDocker, HealthExec, HealthRunning> probe;
  bool direct = false;  // via: direct (from here) instead of via: host
  Duration interval = std::chrono::milliseconds(500);
  Duration timeout = std::chrono::seconds(2);
  int success_threshold = 1;                    // consecutive
  Duration deadline = std::chrono::minutes(2);  // from the container's start
  bool operator==(const Health&) const = default;
};

// Whole site files on the proxy host: the live slot's `from` stands at its `to`.
struct Sites {
  std::string from;  // † absolute, or from ~: the home of the user who logs in
  std::string to;    // † likewise; both slots' are in one folder
  bool operator==(const Sites&) const = default;
};

struct Nginx {
  std::string include;  // as nginx sees it; empty with sites
  std::optional<Sites> sites;
  std::optional<std::string> container;  // nginx runs in it, on the proxy host
  std::string template_text = "set $service_url http://{{address}}:{{port}};\n";  // mustache
  std::optional<std::string> upstream;  // NAME: `upstream NAME { … }` instead of the template
  std::optional<std::string> address;   // † overrides the backend's
  std::optional<std::string> port;      // † overrides the backend's
  std::vector<std::string> test = {"nginx", "-t"};
  std::vector<std::string> reload = {"nginx", "-s", "reload"};
  bool operator==(const Nginx&) const = default;
};

// For messages: where the proxies read which slot is live. The include, or the pattern of the sites' `to`.
inline const std::string& routing_file(const Nginx& nginx) {
  return nginx.sites ? nginx.sites->to : nginx.include;
}

// `verify:`. One request through each proxy, right after the switch and once more after the old slot has
// stopped.
struct Verify {
  std::string path = "/";           // default: that of health.http
  std::optional<std::string> host;  // the Host header; default: a name of the site that uses the include
  bool operator==(const Verify&) const = default;
};

enum class Retire { stop, remove, keep };

// `order:`. With stop_first the old slot stops before the new one starts: for what must not run twice.
enum class Order { start_first, stop_first };

// One entry of a list below `hooks:`. Exactly one kind.
struct HookRun {
  std::string command;  // under `sh -c` on this machine, as it is written
  bool operator==(const HookRun&) const = default;
};
struct HookContainer {
  std::vector<std::string> argv;  // in a one-off container of the new release, on the first app host
  bool operator==(const HookContainer&) const = default;
};
struct HookHost {
  std::string command;  // under `sh -c` on the app hosts
  bool once = false;    // `each: once`: on the first app host only
  bool operator==(const HookHost&) const = default;
};
struct Hook {
  std::variant<HookRun, HookContainer, HookHost> what;
  Duration timeout = std::chrono::minutes(5);
  bool on_deploy = true, on_rollback = true;
  bool operator==(const Hook&) const = default;
};
enum class HookPosition {
  before_deploy,
  before_start,
  before_switch,
  after_switch,
  after_deploy,
  on_failure
};
inline constexpr std::size_t k_hook_positions = 6;
// By position, in the order of the enum.
using Hooks = std::array<std::vector<Hook>, k_hook_positions>;

// `watch:`. What is looked at after the switch, while the old slot still runs.
struct WatchUrl {
  std::string url;
  std::vector<std::pair<int, int>> status = {{200, 299}};  // as HealthHttp
  std::string body;                                        // must contain; empty: not looked at
  std::map<std::string, std::string> headers;
  Duration timeout = std::chrono::seconds(2);
  bool operator==(const WatchUrl&) const = default;
};
struct WatchResponses {
  std::string log;  // on every proxy host, absolute
  std::vector<std::pair<int, int>> bad = {{500, 599}};
  double ratio = 0.02;              // more than this share is bad
  int requests = 100;               // no verdict before so many
  std::string format = "combined";  // "combined", "json" or a regular expression
  bool operator==(const WatchResponses&) const = default;
};
struct WatchRun {
  std::string command;  // under `sh -c` on this machine: 0 good, 75 no verdict, anything else bad
  Duration timeout = std::chrono::seconds(10);
  bool operator==(const WatchRun&) const = default;
};
struct Watch {
  Duration for_at_least{};  // `for`
  Duration interval = std::chrono::seconds(1);
  int failures = 3;  // consecutive, of one check on one host
  bool health = true;
  std::vector<WatchUrl> urls;
  std::optional<WatchResponses> responses;
  std::vector<WatchRun> runs;
  bool return_when_inconclusive = false;  // `inconclusive: return`
  bool operator==(const Watch&) const = default;
};

// `prune:`.
struct Prune {
  int images = 3;  // beside the live one
  bool operator==(const Prune&) const = default;
};

// One entry of `notify:`.
struct Notify {
  enum class Kind { slack, webhook };
  Kind kind = Kind::slack;
  SecretSource url;
  std::vector<std::string> on;  // results, as events name them; empty: all
  bool operator==(const Notify&) const = default;
};

struct History {
  std::string dir = "~/.local/state/bgdeploy";  // on the host; ~ is the home of the user who logs in
  int keep = 100;
  bool operator==(const History&) const = default;
};

struct Spec {
  std::filesystem::path file;  // where it was read from
  std::string environment;     // -e, or empty
  std::string service;
  std::string image;  // repository without tag or digest; empty where the compose file names it
  std::vector<Host> app_hosts;
  std::vector<Host> proxy_hosts;  // empty: each app host fronts itself
  bool proxied = true;            // false: `proxy: none`, and nginx is nothing
  std::array<Slot, 2> slots;
  std::optional<Registry> registry;
  std::optional<Build> build;  // instead of pulling; `image` is then the name that the result gets
  Docker docker;
  std::optional<Compose> compose;            // instead of `docker`, which then holds its defaults
  std::optional<std::string> docker_socket;  // `docker.socket`: the engine's socket on the app hosts, a path
  std::map<std::string, SecretSource> secrets;
  Health health;
  Nginx nginx;
  Duration drain_timeout = std::chrono::seconds(30);
  std::optional<Verify>
      verify;  // nothing with `verify: off` and `proxy: none`, and by default where health is no http
  std::optional<Watch> watch;
  Retire retire = Retire::stop;
  Order order = Order::start_first;
  Hooks hooks;
  std::vector<Notify> notify;
  int parallel = 32;
  History history;
  Prune prune;
  bool operator==(const Spec&) const = default;
};

// The hosts that run nginx, in order: none with `proxy: none`.
inline const std::vector<Host>& proxies(const Spec& spec) {
  static const std::vector<Host> k_none;
  if (!spec.proxied) return k_none;
  return spec.proxy_hosts.empty() ? spec.app_hosts : spec.proxy_hosts;
}

// A worker serves no requests, so its slots have no port: `slots: [blue, green]`.
inline bool is_worker(const Spec& spec) {
  return spec.slots[0].port == 0;
}

// Whether two entries are one machine, as far as the spec tells.
inline bool same_machine(const Host& one, const Host& other) {
  return one.local == other.local && one.name == other.name && one.ssh.port == other.ssh.port;
}

// Where an app host publishes its ports when the spec says nothing: on the loopback, unless a proxy is
// another machine.
std::string published_ip(const Spec& spec, const Host& app);

// The † placeholders' values: {slot} {port} {container} {container_port} {host} {address} {tag} {service}.
using Substitutions = std::map<std::string, std::string, std::less<>>;

}  // namespace bgdeploy::spec
