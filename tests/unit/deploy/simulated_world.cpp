#include "simulated_world.hpp"

#include <algorithm>
#include <set>

namespace bgdeploy::test {

using core::ErrorKind;
using core::Result;
using core::Wait;
using plan::Container;

namespace {

// Sleeping takes no time; the clock only jumps. It begins with the machine's, by which other rooms wait.
class JumpingClock final : public core::Clock {
public:
  core::SteadyTime now() const override { return m_began + core::Duration(m_jumped.load()); }
  core::SystemTime wall() const override { return core::SystemTime(core::Duration(m_jumped.load())); }
  bool sleep_for(core::Duration duration, std::stop_token stop) override {
    m_jumped += duration.count();
    return !stop.stop_requested();
  }

private:
  const core::SteadyTime m_began = std::chrono::steady_clock::now();
  std::atomic<std::int64_t> m_jumped = 0;
};

}  // namespace

class SimulatedWorld::Recorder final : public report::Sink {
public:
  void emit(report::Event event) override {
    const std::scoped_lock lock(m_mutex);
    events.push_back(std::move(event));
  }
  std::mutex m_mutex;
  std::vector<report::Event> events;
};

class SimulatedWorld::FakeHost final : public runtime::Runtime,
                                       public runtime::Aside,
                                       public runtime::Storage,
                                       public runtime::Images {
public:
  FakeHost(SimulatedWorld& world, const spec::Spec& spec) : m_world(world), m_spec(spec) {}

  Result<std::string> resolve(const std::string&, const std::string& tag, const Wait&) override {
    return "sha256:" + tag;
  }
  Result<void> reach_registry(const std::string&, const Wait&) override { return {}; }
  Result<bool> present(const plan::Release&, const Wait&) override { return false; }
  Result<std::optional<std::string>> digest_of_id(const plan::Release& release, const Wait&) override {
    return release.digest;
  }
  Result<std::optional<std::vector<int>>> exposed(const plan::Release&, const Wait&) override {
    return std::nullopt;
  }
  Result<void> pull(const plan::Release&, const std::function<void(const runtime::PullProgress&)>&,
                    const Wait& wait) override {
    return m_world.effect(wait, [&]() -> Result<void> {
      if (!m_world.full_disk) return {};
      return core::fail(ErrorKind::refused, "docker: write /x: no space left on device");
    });
  }

  Result<void> build(const plan::Release&, const context::Files&,
                     const std::function<void(const std::string&)>& output, const Wait& wait) override {
    output("Step 1/1 : FROM scratch");
    return m_world.effect(wait, [] { return Result<void>{}; });
  }

  Result<runtime::ToSend> lacking(const archive::Image&, const Wait&) override {
    return runtime::ToSend{.bytes = 1000, .room = 2000};
  }
  Result<void> send(const plan::Release&, const archive::Image&,
                    const std::function<void(const runtime::PullProgress&)>&, const Wait& wait) override {
    return m_world.effect(wait, [] { return Result<void>{}; });
  }

  Result<void> prune(const plan::Leftovers& leftovers, bool,
                     const std::function<void(const runtime::Removed&)>& removed, const Wait& wait) override {
    return m_world.effect(wait, [&]() -> Result<void> {
      for (const plan::Release& old : leftovers.old) {
        const bool used = std::ranges::any_of(
            containers, [&](const auto& entry) { return entry.second.release.digest == old.digest; });
        if (!used && std::ranges::count(leftovers.keep, old.digest) == 0) removed({"image " + old.tag, 1000});
      }
      return {};
    });
  }
  Result<runtime::InRegistry> find(const std::string&, const std::string& tag, const Wait&) override {
    return runtime::InRegistry{tag.starts_with("sha256:") ? tag : "sha256:" + tag, 0};
  }
  Result<std::int64_t> lacking(const plan::Release&, const Wait&) override { return 0; }
  Result<std::string> root(const Wait&) override { return "/var/lib/docker"; }
  Result<runtime::Room> room(const Wait&) override { return runtime::Room{"/var/lib/docker", 1 << 30}; }
  void know(runtime::Room) override {}

  Result<std::array<plan::SlotState, 2>> observe(const std::array<std::optional<plan::Launch>, 2>& launches,
                                                 const Wait& wait) override {
    std::array<plan::SlotState, 2> slots;
    BGDEPLOY_TRY(m_world.effect(wait, [&]() -> Result<void> {
      for (std::size_t i = 0; i < 2; ++i)
        for (auto& [id, container] : containers) {
          Container seen = container;
          if (launches[i] && launches[i]->release.digest == seen.release.digest)
            seen.differences = std::vector<std::string>{};
          if (foreign.contains(id)) {
            if (seen.name == m_spec.slots[i].container)
              slots[i].strangers.push_back({seen, plan::Stranger::Why::port, "", true});
            continue;
          }
          if (seen.name == m_spec.slots[i].container) slots[i].container = seen;
          if (seen.name == m_spec.slots[i].container + ".aside") slots[i].aside = seen;
        }
      return {};
    }));
    return slots;
  }
  Result<std::string> repository(const plan::Launch&, const Wait&) override { return m_spec.image; }
  Result<std::optional<std::string>> publishes_on(std::size_t, const plan::Launch&, const Wait&) override {
    return std::optional<std::string>();
  }
  Result<std::optional<std::int64_t>> memory_available(const Wait&) override { return std::nullopt; }
  Result<std::optional<std::int64_t>> memory_limit(std::size_t, const plan::Launch&, const Wait&) override {
    return std::nullopt;
  }
  std::vector<std::string> cautions() const override { return {}; }
  Result<std::optional<int>> container_port(std::size_t, const Wait&) override { return std::nullopt; }
  Result<std::vector<std::string>> neighbours(std::size_t, const Wait&) override {
    return std::vector<std::string>{};
  }
  runtime::Aside* aside() override { return this; }

  Result<Container> launch(std::size_t slot, const plan::Launch& launch, const Wait& wait) override {
    Container made;
    BGDEPLOY_TRY(m_world.effect(wait, [&]() -> Result<void> {
      for (const auto& [id, container] : containers)
        if (container.name == m_spec.slots[slot].container)
          return core::fail(ErrorKind::conflict, "name is taken");
      made = add(slot, launch.release, Container::Status::running);
      if (m_world.on_launch) m_world.on_launch();
      return {};
    }));
    return made;
  }
  Result<void> start(const std::string& id, const Wait& wait) override {
    return set(id, Container::Status::running, wait);
  }
  Result<bool> stop(const std::string& id, core::Duration, const Wait& wait) override {
    if (m_world.on_stop) BGDEPLOY_TRY(m_world.on_stop(wait));
    if (has(id)) BGDEPLOY_TRY(set(id, Container::Status::exited, wait));
    return false;
  }
  Result<void> remove(const std::string& id, const Wait& wait) override {
    return m_world.effect(wait, [&]() -> Result<void> {
      touched += foreign.contains(id) ? 1 : 0;
      if (containers.contains(id) && containers[id].running())
        return core::fail(ErrorKind::conflict, "it runs");
      containers.erase(id);
      return {};
    });
  }
  Result<void> set_aside(std::size_t slot, const std::string& id, const Wait& wait) override {
    return rename(id, m_spec.slots[slot].container + ".aside", wait);
  }
  Result<void> put_back(std::size_t slot, const std::string& id, const Wait& wait) override {
    return rename(id, m_spec.slots[slot].container, wait);
  }
  Result<runtime::Reachable> reachable(std::size_t slot, const std::string&, const spec::Health&,
                                       const Wait&) override {
    return runtime::Reachable{"127.0.0.1", m_spec.slots[slot].port};
  }
  Result<runtime::Diagnosis> diagnose(const std::string& id, const Wait& wait) override {
    runtime::Diagnosis diagnosis;
    BGDEPLOY_TRY(m_world.effect(wait, [&]() -> Result<void> {
      if (!containers.contains(id)) return core::fail(ErrorKind::not_found, "no such container");
      diagnosis.status = containers[id].status;
      diagnosis.exit_code = containers[id].exit_code;
      diagnosis.started = containers[id].started;
      diagnosis.output = {"its last words"};
      if (!m_world.between_lives.exchange(false)) return {};
      diagnosis.status = plan::Container::Status::running;
      diagnosis.exit_code = 0;
      diagnosis.restarts = 1;
      return {};
    }));
    return diagnosis;
  }
  Result<std::optional<int>> await_exit(const std::string& id, const Wait& wait) override {
    while (!wait.stop.stop_requested() && wait.left() > core::Duration{0}) {
      {
        const std::scoped_lock lock(m_world.m_mutex);
        if (!containers.contains(id)) return core::fail(ErrorKind::not_found, "no such container");
        if (!containers[id].running()) return containers[id].exit_code;
        if (containers[id].started != core::SystemTime{}) return std::nullopt;  // it ends no second time
      }
      std::this_thread::yield();
    }
    return std::nullopt;
  }
  Result<void> logs(const std::string&, const runtime::LogRange&,
                    const std::function<void(const runtime::LogLine&)>& line, const Wait&) override {
    line({false, "its last words"});
    return {};
  }
  Result<int> exec(const std::string&, const std::vector<std::string>&, engine::Console*, const Output&,
                   const Wait&) override {
    return 0;
  }
  // What it printed is lost where its deployer dies; the container then stays until somebody removes it.
  Result<int> run_once(const Request& request, const Output& output, const Wait& wait) override {
    {
      const std::scoped_lock lock(m_world.m_mutex);
      one_offs.push_back(request.purpose);
    }
    output(false, "in a container\n");
    auto code = m_world.hook("container", request.argv.front(), wait);
    const std::scoped_lock lock(m_world.m_mutex);
    if (!m_world.m_dead) one_offs.pop_back();
    return code;
  }
  Result<std::vector<std::string>> remove_leftovers(const std::function<bool(const std::string&)>& ended,
                                                    const Wait& wait) override {
    std::vector<std::string> removed;
    BGDEPLOY_TRY(m_world.effect(wait, [&]() -> Result<void> {
      if (ended("")) removed.swap(one_offs);
      return {};
    }));
    return removed;
  }

  Container& add(std::size_t slot, const plan::Release& release, Container::Status status) {
    Container container;
    container.id = "c" + std::to_string(++m_next_id);
    container.name = m_spec.slots[slot].container;
    container.release = release;
    container.managed = true;
    container.status = status;
    if (release.tag == m_world.crashing_tag) {
      container.status = Container::Status::exited;
      container.exit_code = 3;
    }
    return containers[container.id] = container;
  }
  // What answers on the port of a slot.
  std::optional<std::string> answer(std::size_t slot) const {
    for (const auto& [id, container] : containers)
      if (container.name == m_spec.slots[slot].container && container.running() && !foreign.contains(id) &&
          container.release.tag != m_world.unhealthy_tag)
        return container.release.tag;
    return std::nullopt;
  }

  std::map<std::string, Container> containers;
  std::vector<std::string> one_offs;            // by purpose: those that are still there
  std::set<std::string> foreign, half_started;  // by id
  int touched = 0;                              // foreign ones

private:
  bool has(const std::string& id) const {
    const std::scoped_lock lock(m_world.m_mutex);
    return containers.contains(id);
  }
  Result<void> set(const std::string& id, Container::Status status, const Wait& wait) {
    return m_world.effect(wait, [&]() -> Result<void> {
      if (!containers.contains(id)) return core::fail(ErrorKind::not_found, "no such container");
      touched += foreign.contains(id) ? 1 : 0;
      if (status == Container::Status::running && half_started.contains(id))
        return core::fail(ErrorKind::refused, "task " + id + " already exists");
      containers[id].status = status;
      return {};
    });
  }
  Result<void> rename(const std::string& id, const std::string& name, const Wait& wait) {
    return m_world.effect(wait, [&]() -> Result<void> {
      if (!containers.contains(id)) return core::fail(ErrorKind::not_found, "no such container");
      for (const auto& [other_id, other] : containers)
        if (other_id != id && other.name == name) return core::fail(ErrorKind::conflict, "name is taken");
      touched += foreign.contains(id) ? 1 : 0;
      containers[id].name = name;
      return {};
    });
  }

  SimulatedWorld& m_world;
  const spec::Spec& m_spec;
  int m_next_id = 0;
};

// A switch that is not accepted can be taken back by whoever comes next.
class SimulatedWorld::FakeNginx final : public proxy::Proxy {
public:
  FakeNginx(SimulatedWorld& world, const spec::Spec& spec, std::string name)
      : m_world(world), m_spec(spec), m_name(std::move(name)) {}

  Result<plan::ProxyHost> observe(const std::array<proxy::Routing, 2>& slots, const Wait& wait) override {
    plan::ProxyHost seen{.host = m_name, .fronts = {{.address = "127.0.0.1", .host = "shop.example.com"}}};
    BGDEPLOY_TRY(m_world.effect(wait, [&]() -> Result<void> {
      asked = slots;
      seen.running = !m_world.nginx_down;
      seen.written = file.has_value();
      if (file) seen.traffic = plan::Traffic::all_to(*file);
      seen.unfinished = before.has_value();
      seen.reload_pending = !before && file != in_force;
      seen.outdated = file && otherwise;
      return {};
    }));
    return seen;
  }
  Result<void> check(const Wait&) override { return {}; }
  Result<std::optional<proxy::Way>> way_to(const plan::Backend&, const Wait&) override {
    return std::nullopt;
  }
  Result<std::vector<std::string>> networks(const Wait&) override { return std::vector<std::string>{}; }
  Result<void> recover(bool keep, const Wait& wait) override {
    return m_world.effect(wait, [&]() -> Result<void> {
      if (before && !keep) {
        file = *before;
        otherwise = otherwise_before;
      }
      in_force = file;
      before.reset();
      return {};
    });
  }
  Result<proxy::Drained> drain(const std::vector<plan::Worker>&, const proxy::Routing&, core::Duration,
                               const Wait&) override {
    return proxy::Drained{};
  }
  Result<std::unique_ptr<proxy::Switch>> stage(std::size_t slot, const std::string& content,
                                               const Wait& wait) override {
    if (content.find(std::to_string(m_spec.slots.at(slot).port)) == std::string::npos)
      return core::fail(ErrorKind::internal, "the content is another slot's: " + content);
    if (before)
      return core::fail(ErrorKind::refused, "an earlier switch was cut short and has not been ended yet");
    if (m_world.on_stage) m_world.on_stage();
    BGDEPLOY_TRY(m_world.effect(wait, [] { return Result<void>{}; }));
    return std::make_unique<FakeSwitch>(*this, slot);
  }

  std::optional<std::size_t> file, in_force;
  bool otherwise = false, otherwise_before = false;  // its text is not what the spec would write
  std::array<proxy::Routing, 2> asked;
  // What a switch that was not accepted yet would put back: it stays on the host when the deployer is gone.
  std::optional<std::optional<std::size_t>> before;

private:
  class FakeSwitch final : public proxy::Switch {
  public:
    FakeSwitch(FakeNginx& nginx, std::size_t target) : m_nginx(nginx), m_target(target) {}

    Result<void> commit(const Wait& wait) override {
      if (m_nginx.m_name == m_nginx.m_world.refusing_proxy)
        return core::fail(ErrorKind::refused, "nginx -t: no", {"[emerg] no"});
      return m_nginx.m_world.effect(wait, [&]() -> Result<void> {
        m_nginx.before = m_nginx.file;
        m_nginx.otherwise_before = std::exchange(m_nginx.otherwise, false);
        m_nginx.file = m_nginx.in_force = m_target;
        m_nginx.m_world.end_what_dies();
        if (m_nginx.m_world.on_commit) m_nginx.m_world.on_commit(m_nginx.m_name);
        return {};
      });
    }
    Result<void> restore(const Wait& wait) override {
      return m_nginx.m_world.effect(wait, [&]() -> Result<void> {
        if (!m_nginx.before) return core::fail(ErrorKind::inconsistent, "nothing to put back");
        m_nginx.file = m_nginx.in_force = *m_nginx.before;
        m_nginx.otherwise = m_nginx.otherwise_before;
        m_nginx.before.reset();
        return {};
      });
    }
    Result<void> accept(const Wait& wait) override {
      return m_nginx.m_world.effect(wait, [&]() -> Result<void> {
        m_nginx.before.reset();
        return {};
      });
    }
    Result<proxy::Drained> drain(core::Duration, const proxy::Routing&, const Wait& wait) override {
      const bool changed = m_nginx.m_name == m_nginx.m_world.changed_proxy;
      BGDEPLOY_TRY(m_nginx.m_world.effect(wait, [&] {
        if (changed) m_nginx.file = m_nginx.in_force = 1 - m_target;
        if (m_nginx.m_world.on_drained) m_nginx.m_world.on_drained();
        return Result<void>{};
      }));
      proxy::Drained drained;
      drained.still_ours = !changed;
      return drained;
    }

  private:
    FakeNginx& m_nginx;
    std::size_t m_target;
  };

  SimulatedWorld& m_world;
  const spec::Spec& m_spec;
  std::string m_name;
};

namespace {

class SlotProber final : public health::Prober {
public:
  explicit SlotProber(std::function<bool()> answers) : m_answers(std::move(answers)) {}
  health::Answer probe(const Wait&) override {
    const bool healthy = m_answers();
    return {healthy, healthy ? "HTTP 200" : "HTTP 503"};
  }

private:
  std::function<bool()> m_answers;
};

}  // namespace

SimulatedWorld::SimulatedWorld(const spec::Spec& spec, std::size_t hosts)
    : m_spec(spec), m_recorder(std::make_unique<Recorder>()), m_clock(std::make_unique<JumpingClock>()) {
  for (std::size_t i = 0; i < hosts; ++i) m_hosts.push_back(std::make_unique<FakeHost>(*this, spec));
  for (const spec::Host& proxy : spec::proxies(spec))
    m_proxies.push_back(std::make_unique<FakeNginx>(*this, spec, proxy.name));
}

SimulatedWorld::~SimulatedWorld() = default;

deploy::World SimulatedWorld::world() {
  deploy::World world{.apps = {},
                      .proxies = {},
                      .prober = {},
                      .listens = {},
                      .ask_site = {},
                      .ask_backend = {},
                      .revive = [](deploy::World&, const Wait&) {},
                      .clock = *m_clock,
                      .sink = *m_recorder,
                      .roomy = roomy,
                      .begin_record = begin_record};
  for (std::size_t i = 0; i < m_hosts.size(); ++i)
    world.apps.push_back({m_spec.app_hosts[i].name, m_hosts[i].get(), m_hosts[i].get(), m_hosts[i].get()});
  for (std::size_t i = 0; i < m_proxies.size(); ++i)
    world.proxies.push_back({spec::proxies(m_spec)[i].name, m_proxies[i].get()});
  world.prober = [this](std::size_t host, std::size_t slot, const std::string&,
                        const spec::Health&) -> Result<std::unique_ptr<health::Prober>> {
    const std::scoped_lock asking(m_mutex);
    if (crashes_at_once && !m_hosts[host]->answer(slot))
      return core::fail(ErrorKind::not_found, "it has no address");
    return std::make_unique<SlotProber>([this, host, slot] {
      if (on_probe) on_probe();
      // Time that jumps must not outrun the thread that watches for the end.
      if (!crashing_tag.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const std::scoped_lock lock(m_mutex);
      const auto tag = m_hosts[host]->answer(slot);
      if (host == 0 && tag && *tag == faltering_tag) return !std::exchange(m_faltered, true);
      if (tag && *tag == souring_tag && gets_requests(slot)) return false;
      return tag.has_value();
    });
  };
  world.listens = [this](std::size_t host, std::size_t slot) {
    const std::scoped_lock lock(m_mutex);
    return m_hosts[host]->answer(slot).has_value();
  };
  using Kind = health::Reply::Kind;
  world.ask_site = [this](std::size_t proxy, const plan::Front&, const spec::Health&, const spec::Verify&,
                          const Wait&) -> health::Reply {
    const std::scoped_lock lock(m_mutex);
    if (m_dead || nginx_down) return {Kind::bad, 0, "connection refused"};
    if (login_page) return {Kind::other, 401, "HTTP 401"};
    const auto answers = answers_through(proxy);
    if (on_site) on_site();
    for (const auto& answer : answers)
      if (!answer) return {Kind::bad, 502, "HTTP 502"};
    return {Kind::good, 200, "HTTP 200"};
  };
  world.ask_url = [this](const spec::WatchUrl&, const Wait&) {
    return on_url ? on_url() : health::Answer{true, "HTTP 200"};
  };
  world.read_log = [this](std::size_t, const std::string&, deploy::LogPlace&,
                          const Wait& wait) -> Result<std::string> {
    BGDEPLOY_TRY(effect(wait, [] { return Result<void>{}; }));
    return std::string();
  };
  world.keep_log = [this](const deploy::KeptLog& log) -> Result<void> {
    m_kept.push_back(log);
    return {};
  };
  world.ask_backend = [this](std::size_t, const plan::Backend& backend, const spec::Health&,
                             const Wait&) -> std::optional<health::Answer> {
    if (on_connect) on_connect();
    const bool reached =
        !shows_before || !unreachable_slot || m_spec.slots[*unreachable_slot].name != backend.slot;
    return health::Answer{reached, reached ? "HTTP 200" : "timed out after 2s"};
  };
  world.run_shell = [this](const deploy::ShellCall& call, const std::function<void(std::string_view)>& output,
                           const Wait& wait) -> Result<int> {
    {
      const std::scoped_lock lock(m_mutex);
      m_told = call.environment;
    }
    output("it says\nthis");
    return hook(call.host ? m_spec.app_hosts[*call.host].name : "here", call.command, wait);
  };
  world.reach_slot = [this](std::size_t host, std::size_t slot, const std::string&,
                            const Wait&) -> Result<deploy::SlotUrl> {
    const int port = m_spec.slots[slot].port;
    return deploy::SlotUrl{"http://tunnel-to-" + m_spec.app_hosts[host].name + ":" + std::to_string(port),
                           "http://127.0.0.1:" + std::to_string(port)};
  };
  world.record_hook = [this](const plan::RunHook& hook, core::Duration) {
    return effect(wait(), [&] {
      m_recorded.push_back(hook);
      return Result<void>{};
    });
  };
  return world;
}

Result<int> SimulatedWorld::hook(const std::string& where, const std::string& command, const Wait& wait) {
  if (on_hook) on_hook(command);
  if (wait.stop.stop_requested()) return core::fail(ErrorKind::cancelled, "stopped");
  if (command == hanging_hook) return core::fail(ErrorKind::timeout, "it took too long");
  int code = 0;
  BGDEPLOY_TRY(effect(wait, [&]() -> Result<void> {
    m_hooks_run.push_back(where + ": " + command);
    code = command == failing_hook ? 3 : 0;
    return {};
  }));
  return code;
}

std::vector<std::string> SimulatedWorld::hooks_run() const {
  const std::scoped_lock lock(m_mutex);
  return m_hooks_run;
}

std::map<std::string, std::string> SimulatedWorld::told() const {
  const std::scoped_lock lock(m_mutex);
  return m_told;
}

std::vector<std::size_t> SimulatedWorld::recorded(const plan::Launch& launch) const {
  const std::scoped_lock lock(m_mutex);
  std::vector<std::size_t> indices;
  for (const plan::RunHook& hook : m_recorded)
    if (hook.launch->release.digest == launch.release.digest) indices.push_back(hook.index);
  return indices;
}

void SimulatedWorld::run(std::size_t slot, const plan::Release& release, Container::Status status) {
  for (auto& host : m_hosts) host->add(slot, release, status);
}

void SimulatedWorld::run_foreign(std::size_t slot, Container::Status status) {
  for (auto& host : m_hosts) {
    Container& made = host->add(slot, {"id-theirs", "theirs", "shop", "sha256:theirs"}, status);
    made.published = {{"127.0.0.1", 9000, 9000}};
    host->foreign.insert(made.id);
  }
}

void SimulatedWorld::publish(std::size_t slot, const std::string& ip) {
  const spec::Slot& own = m_spec.slots[slot];
  for (auto& host : m_hosts)
    for (auto& [id, container] : host->containers)
      if (container.name == own.container) container.published = {{ip, own.port, own.port}};
}

std::string SimulatedWorld::asked_address(std::size_t slot) const {
  return m_proxies.front()->asked[slot].front().address;
}

int SimulatedWorld::foreign_touched() const {
  int touched = 0;
  for (const auto& host : m_hosts) touched += host->touched;
  return touched;
}

void SimulatedWorld::leave_half_started(std::size_t slot) {
  for (auto& host : m_hosts)
    for (const auto& [id, container] : host->containers)
      if (container.name == m_spec.slots[slot].container) host->half_started.insert(id);
}

void SimulatedWorld::put_live(std::size_t slot) {
  for (auto& proxy : m_proxies) proxy->file = proxy->in_force = slot;
  m_serving = true;
}

void SimulatedWorld::edit(std::size_t slot, bool everywhere) {
  for (auto& proxy : m_proxies) {
    proxy->file = slot;
    if (!everywhere) return;
  }
}

void SimulatedWorld::write_otherwise(bool everywhere) {
  for (auto& proxy : m_proxies) {
    proxy->otherwise = true;
    if (!everywhere) return;
  }
}

int SimulatedWorld::written_otherwise() const {
  return static_cast<int>(
      std::ranges::count_if(m_proxies, [](const auto& proxy) { return proxy->otherwise; }));
}

void SimulatedWorld::fault_at(int at, Fault fault) {
  m_fault_at = m_effects + at;
  m_fault = fault;
  m_fault_hit = false;
}

void SimulatedWorld::heal() {
  m_fault_at = -1;
  m_dead = false;
}

core::Wait SimulatedWorld::wait() const {
  return {m_clock->now() + std::chrono::minutes(1), {}};
}

Result<void> SimulatedWorld::effect(const Wait& wait, const std::function<Result<void>()>& work) {
  const std::scoped_lock lock(m_mutex);
  m_clock->sleep_for(effect_takes, {});
  if (m_clock->now() > wait.deadline) return core::fail(ErrorKind::timeout, "it took too long");
  if (m_dead) return core::fail(ErrorKind::lost, "the connection is gone");
  const bool hit = m_effects++ == m_fault_at;
  m_fault_hit = m_fault_hit || hit;
  if (hit && m_fault == Fault::refused) return core::fail(ErrorKind::refused, "refused by the test");
  auto result = work();
  look();
  if (hit && m_fault == Fault::dead) m_dead = true;
  if (hit && m_fault == Fault::thrown) throw std::bad_alloc();
  if (hit && m_fault != Fault::none) return core::fail(ErrorKind::lost, "the answer was lost");
  return result;
}

void SimulatedWorld::look() {
  if (!m_serving) return;
  for (const auto& answer : answers())
    if (!answer) ++m_failed_requests;
}

bool SimulatedWorld::gets_requests(std::size_t slot) const {
  return std::ranges::any_of(m_proxies, [&](const auto& proxy) { return proxy->in_force == slot; });
}

void SimulatedWorld::end_what_dies() {
  for (auto& host : m_hosts)
    for (auto& [id, container] : host->containers)
      if (container.release.tag == dying_tag || container.release.tag == dying_old_tag) {
        container.status = Container::Status::exited;
        container.exit_code = 3;
      }
}

void SimulatedWorld::end(const std::string& tag, End how) {
  const std::scoped_lock lock(m_mutex);
  for (auto& host : m_hosts) {
    if (how == End::is_removed)
      std::erase_if(host->containers, [&](const auto& entry) { return entry.second.release.tag == tag; });
    for (auto& [id, container] : host->containers) {
      if (container.release.tag != tag || !container.running()) continue;
      if (how == End::starts_again) container.started += std::chrono::seconds(1);
      if (how == End::pauses) container.status = Container::Status::paused;
      if (how != End::exits) continue;
      container.status = Container::Status::exited;
      container.exit_code = 3;
    }
  }
}

std::vector<std::optional<std::string>> SimulatedWorld::answers_through(std::size_t proxy) const {
  std::vector<std::optional<std::string>> seen;
  const auto slot = pinned_slot ? pinned_slot : m_proxies[proxy]->in_force;
  for (std::size_t host = 0; host < m_hosts.size(); ++host)  // every backend takes a share of the requests
    if (host == proxy || !m_spec.proxy_hosts.empty())
      seen.push_back(slot && slot != unreachable_slot ? m_hosts[host]->answer(*slot) : std::nullopt);
  return seen;
}

std::vector<std::optional<std::string>> SimulatedWorld::answers() const {
  const std::scoped_lock lock(m_mutex);
  std::vector<std::optional<std::string>> seen;
  for (std::size_t i = 0; i < m_proxies.size(); ++i) {
    auto through = answers_through(i);
    seen.insert(seen.end(), through.begin(), through.end());
  }
  if (!m_spec.proxied)  // nginx passes over a slot that refuses connections
    for (const auto& host : m_hosts) seen.push_back(host->answer(0) ? host->answer(0) : host->answer(1));
  return seen;
}

std::vector<std::string> SimulatedWorld::containers(std::size_t host) const {
  const std::scoped_lock lock(m_mutex);
  std::vector<std::string> list;
  for (const auto& [id, container] : m_hosts[host]->containers)
    list.push_back(container.name + "=" + container.release.tag +
                   (container.running() ? " running" : " stopped"));
  std::ranges::sort(list);
  return list;
}

std::vector<report::Event> SimulatedWorld::events() const {
  return m_recorder->events;
}

}  // namespace bgdeploy::test
