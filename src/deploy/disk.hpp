// Whether what a deploy fetches and writes fits on the disks.
#pragma once

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "either_stop.hpp"

namespace bgdeploy::deploy {

// How large a release is, asked of the registry beside other work, unless the host has the image, or it is
// known.
class SizeAhead {
public:
  explicit SizeAhead(std::int64_t known) : m_stop({}, {}), m_size(known) {}
  SizeAhead(const App& app, plan::Release release, const core::Wait& wait);
  ~SizeAhead() { m_stop.request(); }
  // Waits for the answer; nothing where none was asked for.
  std::optional<core::Result<std::int64_t>> take();

private:
  EitherStop m_stop;
  std::optional<core::Result<std::int64_t>> m_size;
  std::jthread m_asking;  // last: it sets what is above
};

// Before anything is fetched. `hosts`: app hosts that may have to pull the release. Kind refused, with the
// figures. What the registry does not tell is said and is no error. `ahead`: where it was asked already.
core::Result<void> enough_disk(const Context& context, const World& world,
                               const std::vector<std::size_t>& hosts, const plan::Release& release,
                               SizeAhead* ahead, const core::Wait& wait);
core::Result<runtime::Room> history_room(const Context& context, const Fleet& fleet, const core::Wait& wait);
core::Result<void> history_fits(const std::string& host, const runtime::Room& room);

// Of one app host, without a release: what is free there, in words. Kind refused: less than `live` takes.
core::Result<std::string> disk_of(const App& app, const plan::Release& live, const core::Wait& wait);
// The same of the history.
core::Result<std::string> disk_of_history(const Context& context, const Fleet& fleet, const core::Wait& wait);

}  // namespace bgdeploy::deploy
