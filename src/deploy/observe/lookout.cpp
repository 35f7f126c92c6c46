#include "observe/lookout.hpp"

#include <system_error>
#include <utility>

#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Result;
using core::Wait;

Lookout::Lookout(const Context& context, const Goal& goal, Fleet& fleet, const Wait& wait)
    : m_context(context),
      m_fleet(fleet),
      m_all(wants_histories(goal)),
      m_stop(wait.stop, {}),
      m_wait{wait.deadline, m_stop.token()},
      m_world(fleet.world(context.clock, context.sink)),
      m_read(m_world.proxies.empty()) {
  try {
    for (std::size_t i = 0; i < m_world.proxies.size(); ++i)
      m_threads.emplace_back(
          [this, i] { (void)guarded([&]() -> Result<void> { return begin(i), Result<void>{}; }); });
  } catch (const std::system_error&) {
    // No more threads are to be had: those proxies are asked later.
    m_read = m_read || m_threads.empty();
  }
}

Lookout::~Lookout() {
  const std::scoped_lock lock(m_mutex);
  if (!m_locked) m_stop.request();
  if (!m_root) m_root.emplace();
  m_changed.notify_all();
}

void Lookout::begin(std::size_t proxy) {
  const spec::Spec& spec = m_context.spec;
  proxy::Proxy& side = *m_world.proxies[proxy].proxy;
  auto folder = guarded([&]() -> Result<HistoryFolder> {
    std::vector<std::string> script;
    if (proxy == 0) script = look_at_history_command(spec.history, spec.service, m_all);
    std::string root;
    const auto last = [&] {
      std::unique_lock lock(m_mutex);
      m_changed.wait(lock, m_wait.stop, [&] { return m_root.has_value(); });
      return root = m_root.value_or("");
    };
    BGDEPLOY_ASSIGN(const std::string printed, side.begin_to_look(script, last, m_wait));
    return parse_history_folder(m_fleet.history_host(), spec.history, spec.service, root, printed);
  });
  std::unique_lock lock(m_mutex);
  if (proxy == 0) {
    if (folder) m_history = std::move(*folder);
    m_read = true;
    m_changed.notify_all();
  }
  if (m_changed.wait(lock, m_wait.stop, [&] { return m_locked; })) side.look_now();
}

void Lookout::look() {
  const std::scoped_lock lock(m_mutex);
  m_locked = true;
  m_changed.notify_all();
}

void Lookout::know_root(std::string folder) {
  const std::scoped_lock lock(m_mutex);
  m_root = std::move(folder);
  m_changed.notify_all();
}

Result<HistoryFolder> Lookout::history() {
  {
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, m_wait.stop, [&] { return m_read; });
    if (m_history) return *std::exchange(m_history, std::nullopt);
  }
  return look_at_history(m_fleet.history_host(), m_context.spec.history, m_context.spec.service, m_all,
                         m_wait);
}

}  // namespace bgdeploy::deploy
