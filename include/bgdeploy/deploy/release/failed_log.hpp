// The log of the last release that failed. Its containers are gone, so it is kept beside the history.
#pragma once

#include <optional>
#include <string>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

struct FailedLog {
  core::SystemTime time{};
  KeptLog log;
};

std::string to_json(const FailedLog& failed);
core::Result<FailedLog> parse_failed_log(std::string_view text);

// In the place of the one before, readable for the user who logs in alone. Of much only the last lines of
// each host.
core::Result<void> write_failed_log(host::Host& host, const spec::Spec& spec, const FailedLog& failed,
                                    const core::Wait& wait);
// Likewise, now and with all secrets replaced: an app may have printed one.
core::Result<void> keep_failed_log(const Context& context, host::Host& host, KeptLog log);
// Nothing where no release of this environment failed yet.
core::Result<std::optional<FailedLog>> read_failed_log(host::Host& host, const spec::Spec& spec,
                                                       const core::Wait& wait);

}  // namespace bgdeploy::deploy
