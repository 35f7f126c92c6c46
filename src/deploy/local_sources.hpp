// What a run reads on this machine. It is read before anything connects: what is missing here is known at
// once, and no host is asked for nothing.
#pragma once

#include <memory>
#include <optional>

#include "bgdeploy/context/files.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/plan/launch.hpp"
#include "bgdeploy/runtime/runtime.hpp"

namespace bgdeploy::deploy {

struct LocalSources {
  plan::Launch today{};  // of a fresh release, without its digest where a tag is named
  std::shared_ptr<const context::Files> files{};    // what is built from, where something is
  std::shared_ptr<const archive::Image> archive{};  // what is sent, where something is
  runtime::SecretValues secrets{};
  // Why today's secrets, and the registry's password, cannot be read. A rollback may do without them.
  std::optional<core::Error> without_secrets{}, without_password{};
};

// Whether the goal names an image by docker's id, which the hosts have to have: with `build` no registry has
// one.
inline bool by_id(const spec::Spec& spec, const Goal& goal) {
  return spec.build && goal.fresh() && !goal.digest.empty();
}

// Hides the secrets in all that is told from now on.
core::Result<LocalSources> read_local_sources(const Context& context, const Goal& goal,
                                              const core::Wait& wait);

}  // namespace bgdeploy::deploy
