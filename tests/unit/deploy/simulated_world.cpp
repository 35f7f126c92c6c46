#include "simulated_world.hpp"

#include <algorithm>
#include <set>

namespace bgdeploy::test {

using core::ErrorKind;
using core::Result;
using core::Wait;
using plan::Container;

namespace {

// Sleeping takes no time; the clock only jumps.
class JumpingClock final : public core::Clock {
public:
  core::SteadyTime now() const override { return core::SteadyTime(std::chrono::milliseconds(m_ms.load())); }
  core::SystemTime wall() const override { return core::SystemTime(std::chrono::milliseconds(m_ms.load())); }
  bool sleep_for(core::Duration duration, std::stop_token stop) override {
    m_ms += duration.count();
    return !stop.stop_requested();
  }

private:
  std::atomic<std::int64_t> m_ms = 1'000'000'000;
};

}  // namespace

class SimulatedWorld::Recorder final : public report::Sink {
public:
  void emit(report::Event event) override {
    const std::scoped_lock lock(m_mutex);
    names.push_back(event.step.empty() ? event.name : event.name + " " + event.step);
  }
  std::mutex m_mutex;
  std::vector<std::string> names;
};

class SimulatedWorld::FakeHost final : public runtime::Runtime, public runtime::Images {
public:
  FakeHost(SimulatedWorld& world, const spec::Spec& spec) : m_world(world), m_spec(spec) {}

  Result<std::string> resolve(const std::string&, const std::string& tag, const Wait&) override {
    return "sha256:" + tag;
  }
  Result<bool> present(const plan::Release&, const Wait&) override { return false; }
  Result<std::optional<std::vector<int>>> exposed(const plan::Release&, const Wait&) override {
    return std::nullopt;
  }
  Result<void> pull(const plan::Release&, const std::function<void(const runtime::PullProgress&)>&,
                    const Wait&) override {
    return m_world.effect([] { return Result<void>{}; });
  }

  Result<void> build(const plan::Release&, const context::Files&,
                     const std::function<void(const std::string&)>& output, const Wait&) override {
    output("Step 1/1 : FROM scratch");
    return m_world.effect([] { return Result<void>{}; });
  }

  Result<std::array<plan::SlotState, 2>> observe(const std::array<std::optional<plan::Launch>, 2>& launches,
                                                 const Wait&) override {
    std::array<plan::SlotState, 2> slots;
    BGDEPLOY_TRY(m_world.effect([&]() -> Result<void> {
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
  Result<std::optional<std::int64_t>> memory_available(const Wait&) override { return std::nullopt; }

  Result<Container> launch(std::size_t slot, const plan::Launch& launch, const Wait&) override {
    Container made;
    BGDEPLOY_TRY(m_world.effect([&]() -> Result<void> {
      for (const auto& [id, container] : containers)
        if (container.name == m_spec.slots[slot].container)
          return core::fail(ErrorKind::conflict, "name is taken");
      made = add(slot, launch.release, Container::Status::running);
      if (m_world.on_launch) m_world.on_launch();
      return {};
    }));
    return made;
  }
  Result<void> start(const std::string& id, const Wait&) override {
    return set(id, Container::Status::running);
  }
  Result<bool> stop(const std::string& id, core::Duration, const Wait&) override {
    if (containers.contains(id)) BGDEPLOY_TRY(set(id, Container::Status::exited));
    return false;
  }
  Result<void> remove(const std::string& id, const Wait&) override {
    return m_world.effect([&]() -> Result<void> {
      touched += foreign.contains(id) ? 1 : 0;
      if (containers.contains(id) && containers[id].running())
        return core::fail(ErrorKind::conflict, "it runs");
      containers.erase(id);
      return {};
    });
  }
  Result<void> set_aside(std::size_t slot, const std::string& id, const Wait&) override {
    return rename(id, m_spec.slots[slot].container + ".aside");
  }
  Result<void> put_back(std::size_t slot, const std::string& id, const Wait&) override {
    return rename(id, m_spec.slots[slot].container);
  }
  Result<runtime::Reachable> reachable(std::size_t slot, const std::string&, const Wait&) override {
    return runtime::Reachable{"127.0.0.1", m_spec.slots[slot].port};
  }
  Result<runtime::Diagnosis> diagnose(const std::string& id, const Wait&) override {
    runtime::Diagnosis diagnosis;
    BGDEPLOY_TRY(m_world.effect([&]() -> Result<void> {
      if (!containers.contains(id)) return core::fail(ErrorKind::not_found, "no such container");
      diagnosis.status = containers[id].status;
      diagnosis.exit_code = containers[id].exit_code;
      diagnosis.output = {"its last words"};
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
      }
      std::this_thread::yield();
    }
    return std::nullopt;
  }
  Result<void> logs(const std::string&, int, bool, const std::function<void(const runtime::LogLine&)>&,
                    const Wait&) override {
    return {};
  }
  Result<int> exec(const std::string&, const std::vector<std::string>&, const Output&, const Wait&) override {
    return 0;
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
  std::set<std::string> foreign, half_started;  // by id
  int touched = 0;                              // foreign ones

private:
  Result<void> set(const std::string& id, Container::Status status) {
    return m_world.effect([&]() -> Result<void> {
      if (!containers.contains(id)) return core::fail(ErrorKind::not_found, "no such container");
      touched += foreign.contains(id) ? 1 : 0;
      if (status == Container::Status::running && half_started.contains(id))
        return core::fail(ErrorKind::refused, "task " + id + " already exists");
      containers[id].status = status;
      return {};
    });
  }
  Result<void> rename(const std::string& id, const std::string& name) {
    return m_world.effect([&]() -> Result<void> {
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

  Result<plan::ProxyHost> observe(const std::array<proxy::Routing, 2>& slots, const Wait&) override {
    plan::ProxyHost seen{.host = m_name, .fronts = {{.address = "127.0.0.1", .host = "shop.example.com"}}};
    BGDEPLOY_TRY(m_world.effect([&]() -> Result<void> {
      asked = slots;
      seen.running = !m_world.nginx_down;
      seen.routing = file ? plan::ProxyHost::Routing::slot : plan::ProxyHost::Routing::missing;
      seen.live = file.value_or(0);
      seen.unfinished = before.has_value();
      seen.unread = !before && file != in_force;
      seen.outdated = file && otherwise;
      return {};
    }));
    return seen;
  }
  Result<void> check(const Wait&) override { return {}; }
  Result<std::optional<proxy::Way>> way_to(const plan::Backend&, const Wait&) override {
    return std::nullopt;
  }
  Result<void> settle(bool keep, const Wait&) override {
    return m_world.effect([&]() -> Result<void> {
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
                                               const Wait&) override {
    if (content.find(std::to_string(m_spec.slots.at(slot).port)) == std::string::npos)
      return core::fail(ErrorKind::internal, "the content is another slot's: " + content);
    BGDEPLOY_TRY(m_world.effect([] { return Result<void>{}; }));
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

    Result<void> commit(const Wait&) override {
      if (m_nginx.m_name == m_nginx.m_world.refusing_proxy)
        return core::fail(ErrorKind::refused, "nginx -t: no", {"[emerg] no"});
      return m_nginx.m_world.effect([&]() -> Result<void> {
        m_nginx.before = m_nginx.file;
        m_nginx.otherwise_before = std::exchange(m_nginx.otherwise, false);
        m_nginx.file = m_nginx.in_force = m_target;
        if (m_nginx.m_world.on_commit) m_nginx.m_world.on_commit(m_nginx.m_name);
        return {};
      });
    }
    Result<void> restore(const Wait&) override {
      return m_nginx.m_world.effect([&]() -> Result<void> {
        m_nginx.file = m_nginx.in_force = *m_nginx.before;
        m_nginx.otherwise = m_nginx.otherwise_before;
        m_nginx.before.reset();
        return {};
      });
    }
    Result<void> accept(const Wait&) override {
      return m_nginx.m_world.effect([&]() -> Result<void> {
        m_nginx.before.reset();
        return {};
      });
    }
    Result<proxy::Drained> drain(core::Duration, const proxy::Routing&, const Wait&) override {
      const bool changed = m_nginx.m_name == m_nginx.m_world.changed_proxy;
      BGDEPLOY_TRY(m_nginx.m_world.effect([&] {
        if (changed) m_nginx.file = m_nginx.in_force = 1 - m_target;
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
                      .sink = *m_recorder};
  for (std::size_t i = 0; i < m_hosts.size(); ++i)
    world.apps.push_back({m_spec.app_hosts[i].name, m_hosts[i].get(), m_hosts[i].get()});
  for (std::size_t i = 0; i < m_proxies.size(); ++i)
    world.proxies.push_back({spec::proxies(m_spec)[i].name, m_proxies[i].get()});
  world.prober = [this](std::size_t host, std::size_t slot,
                        const std::string&) -> Result<std::unique_ptr<health::Prober>> {
    return std::make_unique<SlotProber>([this, host, slot] {
      const std::scoped_lock lock(m_mutex);
      const auto tag = m_hosts[host]->answer(slot);
      if (host == 0 && tag && *tag == faltering_tag) return !std::exchange(m_faltered, true);
      return tag.has_value();
    });
  };
  world.listens = [this](std::size_t host, std::size_t slot) {
    const std::scoped_lock lock(m_mutex);
    return m_hosts[host]->answer(slot).has_value();
  };
  using Kind = health::Reply::Kind;
  world.ask_site = [this](std::size_t proxy, const plan::Front&, const Wait&) -> health::Reply {
    const std::scoped_lock lock(m_mutex);
    if (m_dead || nginx_down) return {Kind::bad, 0, "connection refused"};
    if (login_page) return {Kind::other, 401, "HTTP 401"};
    for (const auto& answer : answers_through(proxy))
      if (!answer) return {Kind::bad, 502, "HTTP 502"};
    return {Kind::good, 200, "HTTP 200"};
  };
  world.ask_backend = [this](std::size_t, const plan::Backend& backend,
                             const Wait&) -> std::optional<health::Answer> {
    const bool reached =
        !shows_before || !unreachable_slot || m_spec.slots[*unreachable_slot].name != backend.slot;
    return health::Answer{reached, reached ? "HTTP 200" : "timed out after 2s"};
  };
  return world;
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

Result<void> SimulatedWorld::effect(const std::function<Result<void>()>& work) {
  const std::scoped_lock lock(m_mutex);
  if (m_dead) return core::fail(ErrorKind::lost, "the connection is gone");
  const bool hit = m_effects++ == m_fault_at;
  m_fault_hit = m_fault_hit || hit;
  if (hit && m_fault == Fault::refused) return core::fail(ErrorKind::refused, "refused by the test");
  auto result = work();
  look();
  if (hit && m_fault == Fault::dead) m_dead = true;
  if (hit && m_fault != Fault::none) return core::fail(ErrorKind::lost, "the answer was lost");
  return result;
}

void SimulatedWorld::look() {
  if (!m_serving) return;
  for (const auto& answer : answers())
    if (!answer) ++m_failed_requests;
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

std::vector<std::string> SimulatedWorld::events() const {
  return m_recorder->names;
}

}  // namespace bgdeploy::test
