// What a run tells of itself as a whole: its plan, and how it ended.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bgdeploy/deploy/execute/execute.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "prepare.hpp"

namespace bgdeploy::deploy {

report::Command command_of(const Goal& goal);
std::string_view command_name(const Goal& goal);
// The release as the user named it; empty for a rollback to the one before.
const std::string& wish(const Goal& goal);
// "deploy 1.2.3"
std::string purpose(const Goal& goal);

// Empty for none.
std::string slot_name(const Context& context, std::optional<std::size_t> slot);
// "shop (staging)"
std::string service_name(const spec::Spec& spec);
std::string name_of(const plan::Release& release);

// Whether another release serves afterwards.
bool changes_release(const plan::Plan& plan);
// What a reader should know of a success; empty for nothing.
std::string remark(const spec::Spec& spec, const Prepared& prepared);

// Where clients find the service: as `watch` says, or the first site of the proxy that has a name; else
// empty.
std::string public_url(const spec::Spec& spec, const plan::State& state);
report::PlanMade plan_made(const Context& context, const plan::Plan& plan);
// `words`: the remark.
report::Finished finished(const Context& context, const Goal& goal, const Prepared& prepared,
                          const Outcome& outcome, const std::string& words, core::Duration took);

}  // namespace bgdeploy::deploy
