#include "watch/look_after.hpp"

#include <algorithm>
#include <mutex>
#include <thread>

#include "bgdeploy/deploy/deadlines.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {
namespace {

using core::Wait;

class Watchers {
public:
  Watchers(const spec::Watch& settings, const std::vector<Looker>& lookers, core::Clock& clock,
           const std::function<void(const WatchCheck&, const Sight&)>& seen)
      : m_settings(settings),
        m_lookers(lookers),
        m_clock(clock),
        m_seen(seen),
        m_judge(settings, checks_of(lookers), clock.now()) {}

  std::optional<WatchVerdict> run(std::stop_token stop) {
    const std::stop_callback on_stop(std::move(stop), [this] { m_over.request_stop(); });
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < m_lookers.size(); ++i) threads.emplace_back([this, i] { look(i); });
    threads.clear();
    return m_verdict;
  }

private:
  static std::vector<WatchCheck> checks_of(const std::vector<Looker>& lookers) {
    std::vector<WatchCheck> checks;
    for (const Looker& looker : lookers) checks.push_back(looker.check);
    return checks;
  }

  bool over() const { return m_over.stop_requested(); }

  void look(std::size_t index) {
    const Looker& looker = m_lookers[index];
    if (looker.check.only_bad) {
      const Sight sight =
          look_once(looker, deadlines::within(m_clock, deadlines::k_following, m_over.get_token()));
      if (sight.good == false) see(index, sight);
      return;
    }
    while (!over()) {
      const core::SteadyTime began = m_clock.now();
      const Sight sight = look_once(looker, deadlines::within(m_clock, looker.longest, m_over.get_token()));
      if (over()) return;
      see(index, sight);
      core::SteadyTime next = began + m_settings.interval;
      if (began < m_judge.end()) next = std::min(next, m_judge.end());
      const auto pause = std::chrono::ceil<core::Duration>(next - m_clock.now());
      if (pause.count() > 0) m_clock.sleep_for(pause, m_over.get_token());
    }
  }

  static Sight look_once(const Looker& looker, const Wait& wait) {
    const auto sight = guarded([&]() -> core::Result<Sight> { return looker.look(wait); });
    return sight ? *sight : Sight{.good = {}, .answer = sight.error().message};
  }

  void see(std::size_t index, const Sight& sight) {
    const std::scoped_lock lock(m_mutex);
    if (over()) return;
    m_seen(m_lookers[index].check, sight);
    m_judge.see(index, sight, m_clock.now());
    m_verdict = m_judge.verdict(m_clock.now());
    if (m_verdict) m_over.request_stop();
  }

  const spec::Watch& m_settings;
  const std::vector<Looker>& m_lookers;
  core::Clock& m_clock;
  const std::function<void(const WatchCheck&, const Sight&)>& m_seen;
  std::stop_source m_over;
  std::mutex m_mutex;  // guards what is below
  Judge m_judge;
  std::optional<WatchVerdict> m_verdict;
};

}  // namespace

std::optional<WatchVerdict> look_after(const spec::Watch& settings, const std::vector<Looker>& lookers,
                                       core::Clock& clock, std::stop_token stop,
                                       const std::function<void(const WatchCheck&, const Sight&)>& seen) {
  return Watchers(settings, lookers, clock, seen).run(std::move(stop));
}

}  // namespace bgdeploy::deploy
