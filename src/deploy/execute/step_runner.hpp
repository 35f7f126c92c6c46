// The steps on one app host: what each of them does, and what has to be undone of it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "execute/step_context.hpp"
#include "execute/undo_log.hpp"

namespace bgdeploy::deploy {

class StepRunner {
public:
  StepRunner(StepContext& context, UndoLog& undo) : m_context(context), m_undo(undo) {}

  // Records the inverse of what they did. Steps of different hosts may run side by side.
  core::Result<void> carry_out(const plan::Pull& step);
  core::Result<void> carry_out(const plan::Build& step);
  core::Result<void> carry_out(const plan::Send& step);
  core::Result<void> carry_out(const plan::Stop& step);
  core::Result<void> carry_out(const plan::StopFirst& step);
  core::Result<void> carry_out(const plan::SetAside& step);
  core::Result<void> carry_out(const plan::PutBack& step);
  core::Result<void> carry_out(const plan::Remove& step);
  core::Result<void> carry_out(const plan::Create& step);
  core::Result<void> carry_out(const plan::Start& step);
  core::Result<void> carry_out(const plan::AwaitHealth& step);
  core::Result<void> carry_out(const plan::Retire& step);
  core::Result<void> carry_out(const plan::Prune& step);

  // An inverse, while undoing.
  core::Result<void> undo(const plan::Step& inverse, const core::Wait& wait);

  // From here on nothing serves in the slot to retire, as the drain saw.
  void nothing_uses_old() { m_old_is_idle = true; }
  // ailing.cpp. One of those that got healthy, and is not what it was then any more.
  struct Ailing {
    std::size_t ready;                          // in ready()
    std::string words;                          // "it exited with exit code 3", "HTTP 503"
    std::optional<runtime::Diagnosis> ended{};  // as docker had it then, where it ended meanwhile
    health::Answer answer{};                    // to its health check, where it did not
  };
  // What is looked at: whether docker has run them without an end since, or their health check too.
  enum class Look { at_docker, and_ask };
  // Nothing where all are well. An error where that cannot be told.
  core::Result<std::optional<Ailing>> ailing(Look look, const std::stop_token& stop);
  // One that ended while its predecessor was retired.
  const std::optional<Ailing>& ended_meanwhile() const { return m_ended_meanwhile; }
  // In words, with its last lines. May take two seconds.
  core::Error explain(std::size_t slot, Ailing ailing);
  // Both, of what got healthy in `slot`: since then it waited for other hosts, or for a hook.
  core::Result<void> confirm_healthy(std::size_t slot);
  // By app host: the container that got healthy; empty where none did.
  std::vector<std::string> healthy();
  // How long nothing ran on the host where that took longest, where the old one stopped first.
  std::optional<core::Duration> gap() const;
  // Starts what was retired, and waits until it is healthy.
  core::Result<void> start_again(const plan::Retire& step);

  // What got healthy, and is asked again. Only after all have: it stays as it is from then on.
  struct Ready {
    std::size_t host;
    std::string container;
    std::unique_ptr<health::Prober> prober;
    core::Duration timeout;
    runtime::Diagnosis then;
  };
  const std::vector<Ready>& ready() const { return m_ready; }
  // How the container ended, in words; nothing when the wait is over first.
  std::optional<std::string> ended(std::size_t host, const std::string& container, const core::Wait& wait);
  // The last lines that the containers wrote which this run started, or found healthy.
  std::vector<LogOfHost> last_lines(const core::Wait& wait);
  // Whether some of them were shown, where an error was explained.
  bool told_log(const std::string& host) const;

private:
  std::function<void(const runtime::PullProgress&)> progress_of(const plan::Step& step) const;
  struct Started {
    std::string container;
    core::SteadyTime since;
  };

  core::Result<void> confirm_idle(std::size_t slot);
  core::Result<void> confirm_runs(std::size_t host);
  core::Result<void> start_anew(const plan::Start& step, core::Error why);
  core::Result<void> discard(const plan::Discard& step, const core::Wait& wait);
  core::Result<void> start_until_healthy(std::size_t host, std::size_t slot, const std::string& container,
                                         const spec::Health& health, std::stop_token stop);
  void tell_killed(const std::string& name, core::Duration grace, std::size_t host);
  void end_gap(std::size_t host, core::SteadyTime at);
  void remember(std::size_t host, const std::string& container);
  Started started(const plan::AwaitHealth& step);
  // Whether the container ended, and how.
  core::Result<bool> watch(std::size_t host, const std::string& container, const core::Wait& wait,
                           std::optional<runtime::Diagnosis>& diagnosis);
  core::SteadyTime started_at(std::size_t host);
  // A container that did not get healthy, or was not asked for it.
  struct Sick {
    std::size_t host, slot;
    const std::string& container;
    health::Prober* prober;
    health::Answer last;
    core::SteadyTime since;
  };
  core::Error never_asked(const plan::AwaitHealth& step, const std::string& container, core::Error error);
  core::Result<std::optional<Ailing>> glance_at(std::size_t index, const std::stop_token& stop);
  core::Error no_longer_healthy(std::size_t slot, const Ailing& ailing) const;
  core::Result<std::optional<Ailing>> look_at(std::size_t index, Look look, const std::stop_token& stop);
  // explain.cpp. `ended`: how it ended, where it did.
  core::Error explain(const Sick& sick, std::optional<runtime::Diagnosis> ended, core::Error error);
  core::Error explain_end(const Sick& sick, const runtime::Diagnosis& ended, core::Error error);
  void tell(const Sick& sick, const runtime::Diagnosis& diagnosis, core::Error& error);
  void refine(const Sick& sick, health::Answer& answer);
  void tell_neighbours(std::size_t host, std::size_t slot);
  runtime::Runtime& runtime(std::size_t host) const { return *m_context.world.apps.at(host).runtime; }
  core::Result<runtime::Aside*> aside(std::size_t host) const;
  const std::string& container_name(std::size_t slot) const { return m_context.spec.slots[slot].container; }
  const std::string& host_name(std::size_t host) const { return m_context.world.apps[host].name; }

  StepContext& m_context;
  UndoLog& m_undo;
  bool m_old_is_idle = false;
  struct Gap {
    core::SteadyTime began;
    std::optional<core::SteadyTime> ended{};
  };
  mutable std::mutex m_mutex;                // guards what is below
  std::map<std::size_t, Gap> m_gaps;         // by host
  std::map<std::size_t, Started> m_started;  // by host: what this run started
  std::vector<Ready> m_ready;                // what got healthy
  std::optional<Ailing> m_ended_meanwhile;
  std::set<std::string> m_told_log;  // hosts whose container's last lines were shown
};

}  // namespace bgdeploy::deploy
