// Making a slot run a release, on one app host: small interfaces, by what uses them. One implementation a
// kind of runtime (see kinds.hpp), and a simulated one in the tests. Containers are addressed by the id that
// was observed, never by name, so that a look-alike, or a container that was replaced meanwhile, is never
// touched.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/archive/image.hpp"
#include "bgdeploy/context/files.hpp"
#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/core/secret.hpp"
#include "bgdeploy/engine/console.hpp"
#include "bgdeploy/engine/log_range.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/runtime/storage.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::runtime {

using core::Result;
using core::Wait;
using engine::LogRange;

struct PullProgress {
  std::string layer;                    // short id; empty for the image as a whole
  std::string status;                   // docker's word: "Downloading", "Pull complete"
  std::int64_t current = 0, total = 0;  // bytes; total 0 where unknown
};

// What a host lacks of an archive.
struct ToSend {
  std::int64_t bytes = 0;  // as they are in the archive
  std::int64_t room = 0;   // what they need on its disk
};

// The exit code that docker tells of a process that SIGKILL ended.
inline constexpr int k_killed = 137;

// Why a container does not serve, as the user wants to read it.
struct Diagnosis {
  plan::Container::Status status = plan::Container::Status::created;
  int exit_code = 0;
  bool oom_killed = false;
  int restarts = 0;            // by docker, since it was started
  core::SystemTime started{};  // the last time, by the host's clock
  std::optional<core::Duration>
      running_for{};                // by the host's clock, in whole seconds; unset: it does not run
  std::string error;                // docker's own words on a failed start
  std::string health;               // docker's own HEALTHCHECK: "", "starting", "healthy", "unhealthy"
  std::string health_log;           // last output of the image's HEALTHCHECK, if any
  std::vector<std::string> output;  // the last 50 log lines, made printable
};

struct LogLine {
  bool is_stderr = false;
  std::string text;
  core::SystemTime time{};  // of a timed range; by the clock of the host
};

// Where a slot can be reached from its own host.
struct Reachable {
  std::string address;
  int port = 0;
  int container_port = 0;  // where that leads inside; 0: not known
};

// What tells why a container does not answer, or why it ended at once. Costs commands, so it is asked for
// only then.
struct Clues {
  // Where something in the container's network accepts connections, without docker's own resolver; unset:
  // not known.
  std::optional<std::vector<host::TcpEndpoint>> listening{};
  bool on_host_network = false;  // so other processes of the host listen there too
  // "arm64" and "amd64", where the image is for another machine than this one; else empty.
  std::string image_architecture{}, host_architecture{};
  std::optional<std::int64_t> memory_limit{};  // bytes; unset: none
};

class Images {
public:
  virtual ~Images() = default;
  // The digest that `tag` has in the registry now. Kinds: not_found, denied (credentials), unreachable and
  // untrusted (the registry), refused, lost.
  virtual Result<std::string> resolve(const std::string& image, const std::string& tag, const Wait& wait) = 0;
  // Whether the registry answers and lets us in; of the repository nothing is known then. The same kinds, but
  // for not_found.
  virtual Result<void> reach_registry(const std::string& image, const Wait& wait) = 0;
  // Whether resolve() only asks; an engine that cannot (Podman) pulls, to see what it got.
  virtual bool asks_registry() const { return true; }
  // Whether the digest is on the host already.
  virtual Result<bool> present(const plan::Release& release, const Wait& wait) = 0;
  // What the image with docker's id that the release is known by is deployed as: a build of the service where
  // it came from one, else the release's own digest. Nothing where the host has none, under whatever name.
  virtual Result<std::optional<std::string>> digest_of_id(const plan::Release& release, const Wait& wait) = 0;
  // The tcp ports that its image exposes, in order; nothing where it is not on the host.
  virtual Result<std::optional<std::vector<int>>> exposed(const plan::Release& release, const Wait& wait) = 0;
  // Pulls image@digest; done at once when present. An image that is known by docker's id gets the release's
  // own tag. Same kinds as resolve; not_found for what was built on the host and is gone.
  virtual Result<void> pull(const plan::Release& release,
                            const std::function<void(const PullProgress&)>& progress, const Wait& wait) = 0;
  // Builds `files` on the host under the release's own tag and its human one. `output` gets each line of the
  // build, made printable. Kinds: refused (with the build's last lines), conflict (a file changed meanwhile),
  // io, not_found (no docker command there), lost, timeout, cancelled. Nothing but cache is left of a build
  // that fails or is given up.
  virtual Result<void> build(const plan::Release& release, const context::Files& files,
                             const std::function<void(const std::string&)>& output, const Wait& wait) = 0;
  // Of the layers of `image` that the host lacks. Kind usage: it is not for the host's platform.
  virtual Result<ToSend> lacking(const archive::Image& image, const Wait& wait) = 0;
  // Sends these layers, each once, and gives the image the release's own tag and its human one. What arrived
  // stays, where an error or the end of the wait cut it short, and is not sent again. Done at once when
  // present. Kinds: usage as above, refused, io, lost, timeout, cancelled.
  virtual Result<void> send(const plan::Release& release, const archive::Image& image,
                            const std::function<void(const PullProgress&)>& progress, const Wait& wait) = 0;
};

// The slots of one host.
class Slots {
public:
  virtual ~Slots() = default;
  // Both slots as they are. `launches[i]`, where given, is what slot i would be made to run: its container is
  // compared with it in memory, secrets too.
  virtual Result<std::array<plan::SlotState, 2>> observe(
      const std::array<std::optional<plan::Launch>, 2>& launches, const Wait& wait) = 0;
  // Creates and starts a container under the slot's name. On failure what was created is removed again.
  // Kinds: conflict (name or port taken; message says by whom where docker tells), refused, not_found.
  virtual Result<plan::Container> launch(std::size_t slot, const plan::Launch& launch, const Wait& wait) = 0;
  // Where the container of this slot answers `health` on its own host: the published address of the port
  // that its `http.port` names (default: of the slot's port), else the container's own.
  virtual Result<Reachable> reachable(std::size_t slot, const std::string& id, const spec::Health& health,
                                      const Wait& wait) = 0;
  // The port inside of the container that runs, or ran, in the slot; nothing where that cannot be told.
  virtual Result<std::optional<int>> container_port(std::size_t slot, const Wait& wait) = 0;
  // What runs beside the container of this slot and does not do well, in words: "redis exited with exit code
  // 1". They do not keep a release from serving, but the user wants to know.
  virtual Result<std::vector<std::string>> neighbours(std::size_t slot, const Wait& wait) = 0;
};

// Making containers that exist run, or not.
class Containers {
public:
  virtual ~Containers() = default;
  // Starts a stopped container again, or lets a paused one go on.
  virtual Result<void> start(const std::string& id, const Wait& wait) = 0;
  // SIGTERM, then SIGKILL after `grace`; with spec::RuntimeTraits::own_grace `grace` is the most. A policy of
  // `always` or `on-failure` becomes `unless-stopped` first, so that a reboot does not revive it. Fine when
  // it is stopped or gone already. True when it had to be killed.
  virtual Result<bool> stop(const std::string& id, core::Duration grace, const Wait& wait) = 0;
  // Removes a stopped container. Fine when it is gone already.
  virtual Result<void> remove(const std::string& id, const Wait& wait) = 0;
};

// Moves a stopped container out of the way of its slot's name, and back.
class Aside {
public:
  virtual ~Aside() = default;
  virtual Result<void> set_aside(std::size_t slot, const std::string& id, const Wait& wait) = 0;
  virtual Result<void> put_back(std::size_t slot, const std::string& id, const Wait& wait) = 0;
};

// Looking at one container, and into it.
class Inspection {
public:
  virtual ~Inspection() = default;
  virtual Result<Diagnosis> diagnose(const std::string& id, const Wait& wait) = 0;
  // The same without its log: one request.
  virtual Result<Diagnosis> glance(const std::string& id, const Wait& wait) { return diagnose(id, wait); }
  // What can be found out; nothing of it is no error.
  virtual Clues clues(const std::string& /*id*/, const Wait&) { return {}; }
  // The exit code, as soon as the container is not running any more, even if docker starts it again; nothing
  // when the wait is over. Kind not_found: it was removed.
  virtual Result<std::optional<int>> await_exit(const std::string& id, const Wait& wait) = 0;
  // With `follow`, until the wait is over.
  virtual Result<void> logs(const std::string& id, const LogRange& range,
                            const std::function<void(const LogLine&)>& line, const Wait& wait) = 0;
  // Runs a command inside the container: its exit code. `output` gets pieces as they come, cut anywhere.
  // `console`: what it reads, and its terminal; null: neither.
  using Output = std::function<void(bool is_stderr, std::string_view piece)>;
  virtual Result<int> exec(const std::string& id, const std::vector<std::string>& argv,
                           engine::Console* console, const Output& output, const Wait& wait) = 0;
};

// Containers that run one command with the whole configuration and the secrets of a release, and then go: no
// slot's port, no slot's name.
class OneOff {
public:
  virtual ~OneOff() = default;
  struct Request {
    std::size_t slot = 0;  // by which {slot} and the like are replaced
    plan::Launch launch;
    std::vector<std::string> argv;
    std::string purpose{};  // a label of the container: "before_start 1", "run"
    // Another label: the lock that the owner holds as long as it lives, a path on this host as the lease has
    // it. Empty: the service's own lock.
    std::string lock{};
    engine::Console* console = nullptr;  // what the command reads, and its terminal; null: neither
  };
  // The command's exit code; of one that cannot be started docker's (126, 127), with its words on stderr. The
  // container is removed, however it ends. Kinds: timeout and cancelled (it was ended: SIGTERM, then SIGKILL
  // after k_one_off_grace, and what it printed meanwhile came through), refused, not_found (no such image),
  // conflict, lost.
  virtual Result<int> run_once(const Request& request, const Inspection::Output& output,
                               const Wait& wait) = 0;
  // Removes what owners that died left behind, of these slots only: the names of those containers. `ended` is
  // asked of each one's lock, after the containers were listed, and says whether nobody held it by then.
  virtual Result<std::vector<std::string>> remove_leftovers(
      const std::function<bool(const std::string& lock)>& ended, const Wait& wait) = 0;
};

inline constexpr core::Duration k_one_off_grace = std::chrono::seconds(10);

// What a launch would mean on one host, asked before anything is touched.
class Facts {
public:
  virtual ~Facts() = default;
  // The repository that the image of `launch` comes from. Kind usage: neither the spec nor the user's files
  // name one.
  virtual Result<std::string> repository(const plan::Launch& launch, const Wait& wait) = 0;
  // The address of the host that a container of `launch` publishes the slot's port on, "" for all of them;
  // unset where it publishes nothing. Kind usage: both slots would be one container, or would need the same
  // port.
  virtual Result<std::optional<std::string>> publishes_on(std::size_t slot, const plan::Launch& launch,
                                                          const Wait& wait) = 0;
  // Bytes that a new container could use now; unset where the host does not say.
  virtual Result<std::optional<std::int64_t>> memory_available(const Wait& wait) = 0;
  // Bytes that a container of this launch may take; unset where there is no limit.
  virtual Result<std::optional<std::int64_t>> memory_limit(std::size_t slot, const plan::Launch& launch,
                                                           const Wait& wait) = 0;
  // "python3 (pid 4624)": the process of the host that listens on `port`; empty where the login may not see
  // which. Unset: none does, as the kernel says.
  virtual std::optional<std::string> listener_on(int /*port*/, const Wait&) { return ""; }
  // What the user should know of the launches that were observed last, in words.
  virtual std::vector<std::string> cautions() const = 0;
};

class Runtime : public Slots, public Containers, public Inspection, public OneOff, public Facts {
public:
  // Null where spec::RuntimeTraits::sets_aside is false.
  virtual Aside* aside() = 0;
  // Removes files that were uploaded for a slot that has no container. What others wrote beside them stays.
  virtual Result<std::vector<Removed>> remove_uploads(bool /*only_look*/, const Wait&) {
    return std::vector<Removed>{};
  }
};

// What a spec's containers need beside the spec: values read from secret sources on this machine.
struct SecretValues {
  std::map<std::string, core::Secret> environment;  // `secrets:` and, below them in rank, env_file
  std::optional<core::Secret> registry_password;
};
// Those that a launch runs with: its own, where it is not of today's spec.
inline const std::map<std::string, core::Secret>& secrets_of(const plan::Launch& launch,
                                                             const SecretValues& of_the_spec) {
  return launch.secrets ? launch.secrets->values : of_the_spec.environment;
}

struct OnHost {
  std::unique_ptr<Images> images;
  std::unique_ptr<Storage> storage;
  std::unique_ptr<Runtime> runtime;
};

// The runtime of the spec on `host`, which is app host `app`.
// Kinds: unreachable or denied (no docker there, or no permission, with what to do), unsupported (API
// < 1.41).
Result<OnHost> open(host::Host& host, const spec::Spec& spec, const plan::Places& places, std::size_t app,
                    const SecretValues& secrets, const Wait& wait);

}  // namespace bgdeploy::runtime
