#include "hooks/ran.hpp"

#include <map>
#include <ranges>

#include "bgdeploy/plan/hooks.hpp"

namespace bgdeploy::deploy {
namespace {

// A release is its digest and what it runs with. Its id is another one in each run that created nothing yet.
bool is_of(const HistoryEntry& entry, const plan::Launch& launch) {
  const bool same_image = !entry.to.digest.empty() && entry.to.digest == launch.release.digest;
  return same_image && entry.ran_with == runtime::record_of(launch);
}

}  // namespace

std::vector<std::size_t> hooks_that_ran(const spec::Spec& spec, const plan::Request& request,
                                        const std::vector<HistoryEntry>& history) {
  std::map<std::string, int> times;
  for (const HistoryEntry& entry : history | std::views::reverse) {
    if (entry.served) break;
    if (!entry.hook.empty() && is_of(entry, request.launch)) ++times[entry.hook];
  }
  std::vector<std::size_t> ran;
  using enum spec::HookPosition;
  for (const plan::RunHook& hook : plan::hooks_at(spec, before_start, request.kind, 0, request.launch))
    if (hook.launch && times[plan::identity(hook)]-- > 0) ran.push_back(hook.index);
  return ran;
}

}  // namespace bgdeploy::deploy
