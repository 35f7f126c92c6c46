// A world that holds state instead of expectations: hosts with containers, nginx with a file and with workers
// that follow it only on reload, and clients that look after every effect whether the live slot answers. Any
// single effect can be made to fail, before or after it happened, or to be the last one ever (the deployer
// died).
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/plan/plan.hpp"

namespace bgdeploy::test {

enum class Fault {
  none,
  refused,  // the effect does not happen, and says so
  lost,     // it happens, but its answer does not arrive
  dead,     // it happens, and nothing after it does
  thrown,   // it happens, and memory runs out
};

class SimulatedWorld {
public:
  SimulatedWorld(const spec::Spec& spec, std::size_t hosts);
  ~SimulatedWorld();

  deploy::World world();

  // A running container in `slot` of every host; the first one that is put live is what the proxies name.
  void run(std::size_t slot, const plan::Release& release,
           plan::Container::Status status = plan::Container::Status::running);
  // Another environment's container under the name of `slot`, on every host.
  void run_foreign(std::size_t slot, plan::Container::Status status);
  // Docker was killed while it started that container, and never starts it again.
  void leave_half_started(std::size_t slot);
  // The slot's containers publish its port on that address.
  void publish(std::size_t slot, const std::string& ip);
  // Where the first proxy was last asked to look for the slot.
  std::string asked_address(std::size_t slot) const;
  // What was done to foreign ones.
  int foreign_touched() const;
  void put_live(std::size_t slot);
  // Somebody writes `slot` into the includes, or into the first one only, and reloads nothing.
  void edit(std::size_t slot, bool everywhere = true);
  // The includes, or only the first one, name the slot in other words than the spec would.
  void write_otherwise(bool everywhere = true);
  int written_otherwise() const;

  // Lets effect number `at` (from 0, counted from now on) end in `fault`. Undoing works again afterwards
  // unless dead.
  void fault_at(int at, Fault fault);
  void heal();
  int effects() const { return m_effects; }
  bool fault_hit() const { return m_fault_hit; }

  // Releases whose container starts but never answers, or exits at once.
  std::string unhealthy_tag, crashing_tag;
  bool crashes_at_once = false;  // what crashes has no address any more when it is first asked
  // When one is looked at next, docker has just started it again; it ends once more.
  std::atomic<bool> between_lives = false;
  // One that is healthy once on the first host, and never again.
  std::string faltering_tag;
  // A release that is healthy until it gets requests; one whose container ends then; and what ends as soon as
  // it does.
  std::string souring_tag, dying_tag, dying_old_tag;
  // Called by each stage, before it happens, and by each health probe.
  std::function<void()> on_stage, on_probe;
  std::function<void()> begin_record;
  bool roomy = true;  // the hosts have a place for one command more
  // What runs of a release ends: for good, or until docker starts it again; or it is paused, or removed.
  enum class End { exits, starts_again, pauses, is_removed };
  void end(const std::string& tag, End how);
  // Called when a drain is over, and when a site was asked.
  std::function<void()> on_drained, on_site;
  // Called when a proxy is asked whether it gets to a backend.
  std::function<void()> on_connect;
  // Called by each look at a URL.
  std::function<health::Answer()> on_url;
  bool full_disk = false;  // no image fits
  // Proxies whose commit is refused by nginx.
  std::string refusing_proxy;
  // The slot that proxies do not get through to, though what runs there is healthy; and whether that shows
  // before they are switched to it, when they try to connect.
  std::optional<std::size_t> unreachable_slot;
  bool shows_before = false;
  // Whether the sites send to the old slot, whatever the include says.
  std::optional<std::size_t> pinned_slot;
  // Whether clients get a login page, whatever happens.
  bool login_page = false;
  // Whether nginx has ended.
  bool nginx_down = false;
  // Called after a proxy's commit, and after a container's start.
  std::function<void(const std::string& proxy)> on_commit;
  std::function<void()> on_launch;
  // Called before a container is stopped. An error keeps it from that.
  std::function<core::Result<void>(const core::Wait&)> on_stop;
  // Hooks by their command: one that fails with exit code 3, and one that never ends by itself. Called while
  // a hook runs.
  std::string failing_hook, hanging_hook;
  std::function<void(const std::string& command)> on_hook;
  // The hooks that ran to their end, in order: "web-1: sync", "container: migrate", "here: smoke".
  std::vector<std::string> hooks_run() const;
  // What the last one was told.
  std::map<std::string, std::string> told() const;
  // By index: those of before_start that were recorded for this release.
  std::vector<std::size_t> recorded(const plan::Launch& launch) const;
  // By how much the clock advances with each effect.
  core::Duration effect_takes{0};
  // Where somebody else puts the old slot back while the drain is under way.
  std::string changed_proxy;

  // What the clients see on each proxy: the tag that answers, or nothing.
  std::vector<std::optional<std::string>> answers() const;
  // Moments at which a client of any proxy got no answer.
  int failed_requests() const { return m_failed_requests; }
  std::vector<std::string> containers(std::size_t host) const;  // "shop-blue=1.0 running", sorted
  std::vector<report::Event> events() const;                    // in order
  // The steps of the events of one kind, in order: "switch".
  template <class Kind>
  std::vector<std::string> steps() const {
    std::vector<std::string> names;
    for (const report::Event& event : events())
      if (const auto* step = std::get_if<Kind>(&event)) names.push_back(step->step.step);
    return names;
  }

  const std::vector<deploy::KeptLog>& kept_logs() const { return m_kept; }

  class FakeHost;
  class FakeNginx;
  class Recorder;

  // One effect: applies the fault, runs `work`, lets the clients look.
  core::Result<void> effect(const core::Wait& wait, const std::function<core::Result<void>()>& work);
  // A minute by the clock of this world.
  core::Wait wait() const;
  void look();

private:
  core::Result<int> hook(const std::string& where, const std::string& command, const core::Wait& wait);
  bool gets_requests(std::size_t slot) const;
  void end_what_dies();
  std::vector<std::optional<std::string>> answers_through(std::size_t proxy) const;

  const spec::Spec& m_spec;
  mutable std::recursive_mutex m_mutex;
  std::vector<std::unique_ptr<FakeHost>> m_hosts;
  std::vector<std::unique_ptr<FakeNginx>> m_proxies;
  std::unique_ptr<Recorder> m_recorder;
  std::unique_ptr<core::Clock> m_clock;
  std::atomic<int> m_effects = 0;
  int m_fault_at = -1;
  Fault m_fault = Fault::none;
  bool m_fault_hit = false, m_dead = false;
  int m_failed_requests = 0;
  bool m_faltered = false;
  std::vector<std::string> m_hooks_run;
  std::map<std::string, std::string> m_told;
  std::vector<plan::RunHook> m_recorded;
  std::vector<deploy::KeptLog> m_kept;
  bool m_serving = false;  // clients count from the moment on that something is live
};

}  // namespace bgdeploy::test
