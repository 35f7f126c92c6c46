// Everything the executor can touch, as interfaces: real hosts in the program, a simulated world in its
// tests.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/context/files.hpp"
#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/health/health.hpp"
#include "bgdeploy/health/reply.hpp"
#include "bgdeploy/plan/places.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/proxy/proxy.hpp"
#include "bgdeploy/report/event.hpp"
#include "bgdeploy/runtime/runtime.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

struct App {
  std::string name;
  runtime::Images* images = nullptr;
  runtime::Runtime* runtime = nullptr;
  runtime::Storage* storage = nullptr;
};

struct ProxySide {
  std::string name;
  proxy::Proxy* proxy = nullptr;
};

// Asks the container `id` in slot `slot` of app host `host` by the health check of its release.
using MakeProber = std::function<core::Result<std::unique_ptr<health::Prober>>(
    std::size_t host, std::size_t slot, const std::string& id, const spec::Health& health)>;

// Whether anything accepts connections where the proxies find slot `slot` of app host `host`.
using Listens = std::function<bool(std::size_t host, std::size_t slot)>;

// One request to a site of proxy number `proxy`, as a client sends it.
using AskSite =
    std::function<health::Reply(std::size_t proxy, const plan::Front& site, const spec::Health& health,
                                const spec::Verify& verify, const core::Wait& wait)>;

// Asks a backend from where proxy number `proxy` does its work, with the health request where there is one.
// Nothing where it cannot be tried from there.
using AskBackend = std::function<std::optional<health::Answer>(
    std::size_t proxy, const plan::Backend& backend, const spec::Health& health, const core::Wait& wait)>;

// A command line of the user's for `sh -c`, on app host `host`, or on this machine in the spec's folder.
struct ShellCall {
  std::optional<std::size_t> host;
  std::string command;
  std::map<std::string, std::string> environment;  // beside what is there; values of one line
};
// Its exit code, 128 + n where signal n ended it. `output` gets stdout and stderr as they come, cut anywhere.
// Kinds: timeout and cancelled (it was ended with all that it started), lost, io. What it leaves running in
// the background is not waited for.
using RunShell = std::function<core::Result<int>(
    const ShellCall& call, const std::function<void(std::string_view piece)>& output, const core::Wait&)>;

// Where the container `id` in slot `slot` of app host `host` is asked: "http://127.0.0.1:40123".
struct SlotUrl {
  std::string here;   // from this machine, as long as `tunnel` is held
  std::string there;  // from the host itself
  std::shared_ptr<const void> tunnel{};
};
using ReachSlot = std::function<core::Result<SlotUrl>(std::size_t host, std::size_t slot,
                                                      const std::string& id, const core::Wait& wait)>;

// Asks a URL from this machine.
using AskUrl = std::function<health::Answer(const spec::WatchUrl& url, const core::Wait& wait)>;

// Where reading a log goes on: the file, and the bytes before that place.
struct LogPlace {
  std::string inode;  // empty: where the log ends now
  std::uint64_t offset = 0;
};
// What was appended to a log on the host of proxy number `proxy` since `place`, which moves on. Of very much
// only the end. Kind refused: it cannot be read, with the host's words.
using ReadLog = std::function<core::Result<std::string>(std::size_t proxy, const std::string& log,
                                                        LogPlace& place, const core::Wait& wait)>;

// The last lines of a container.
struct LogOfHost {
  std::string host, container;
  std::vector<std::string> lines;
};
inline constexpr int k_kept_lines = 500;
// What a release that failed has logged.
struct KeptLog {
  std::string release, slot, why;
  std::vector<LogOfHost> hosts;
};
using KeepLog = std::function<core::Result<void>(const KeptLog& log)>;

// Builds on this machine, the first time; all hosts get the same.
using BuildHere = std::function<core::Result<std::shared_ptr<const archive::Image>>(
    const plan::Release& release, const context::Files& files,
    const std::function<void(const std::string&)>& output, const core::Wait& wait)>;

struct World {
  std::vector<App> apps;           // in the spec's order
  std::vector<ProxySide> proxies;  // as spec::proxies()
  MakeProber prober;
  Listens listens;
  AskSite ask_site;
  AskBackend ask_backend;
  AskUrl ask_url{};
  ReadLog read_log{};
  KeepLog keep_log{};
  // Logs in again where a connection broke, and puts what it opened into `apps` and `proxies`. Where that
  // fails they stay as they are, and say so at the next call.
  std::function<void(World&, const core::Wait&)> revive;
  core::Clock& clock;
  report::Sink& sink;
  // Where the slots are; shared with the fleet that finds it out.
  std::shared_ptr<plan::Places> places = std::make_shared<plan::Places>();
  std::shared_ptr<const context::Files> files{};    // what is built from, where something is
  std::shared_ptr<const archive::Image> archive{};  // what is sent, where something is
  BuildHere build_here{};
  RunShell run_shell{};
  ReachSlot reach_slot{};
  // Writes down that a hook ran for its release, so that it does not run for it again.
  std::function<core::Result<void>(const plan::RunHook& hook, core::Duration took)> record_hook{};
  bool roomy = false;  // each host has a place for one command more than needed
  // Begins the record of the run, beside what stops: it is written when the run is over.
  std::function<void()> begin_record{};
  std::string report{};                           // the file of --report, for hooks
  std::map<std::string, spec::Health> healths{};  // by release id: what past releases are asked
};

// A release is asked as it was when it came up: today's health check may want what it never had.
inline const spec::Health& health_of(const spec::Spec& spec, const World& world,
                                     const plan::Release& release) {
  const auto found = world.healths.find(release.id);
  return found == world.healths.end() || release.id.empty() ? spec.health : found->second;
}
// The spec as far as it says what clients ask, for when `release` answers them.
spec::Spec as_of(const spec::Spec& spec, const World& world, const plan::Release& release);

}  // namespace bgdeploy::deploy
