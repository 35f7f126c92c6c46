#include "release/reinstate.hpp"

#include <fmt/format.h>

#include "bgdeploy/deploy/release/secrets.hpp"
#include "bgdeploy/runtime/launches.hpp"
#include "bgdeploy/spec/sources.hpp"
#include "release/known_sources.hpp"

namespace bgdeploy::deploy {
namespace {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

spec::SourceFolders folders_of(const Context& context) {
  return spec::source_folders(context.spec, context.variables("HOME"));
}

std::string todays_sources(const Context& context) {
  return spec::sources_to_json(sources_of(context.spec), folders_of(context));
}

plan::Request rollback_to(plan::Launch launch) {
  return {plan::Request::Kind::rollback, std::move(launch)};
}

// Nobody has run it so, and a container of that release has another configuration.
plan::Release renamed(const Context& context, plan::Release release) {
  release.id = new_release_id(context.clock.wall());
  return release;
}

Error unknown(const std::vector<std::string>& names) {
  Error error{ErrorKind::usage,
              "its secrets came from sources that neither the spec names nor this machine has read before",
              names};
  error.details.push_back(
      "only the history on the host names them: `bgdeploy rollback --trust-history` reads them all the same");
  return error;
}

Result<Reinstated> with_todays_secrets(const Context& context, plan::Launch launch,
                                       const std::optional<Error>& todays) {
  launch.release = renamed(context, std::move(launch.release));
  if (auto* docker = std::get_if<spec::Docker>(&launch.with)) {
    docker->env_file = context.spec.docker.env_file;
    docker->inherited = context.spec.docker.inherited;
  }
  return Reinstated{rollback_to(std::move(launch)), todays_sources(context), true, todays};
}

Result<Reinstated> as_it_ran(const Context& context, const Goal& goal, plan::Launch launch,
                             std::string record, const std::optional<Error>& todays, const Wait& wait) {
  auto sources = spec::load_sources(record, folders_of(context));
  if (!sources)
    return std::unexpected(std::move(sources.error()).within("the history's record of " + launch.release.id));
  std::vector<std::string> inherited;
  if (auto* docker = std::get_if<spec::Docker>(&launch.with)) {
    docker->env_file = sources->env_file;
    inherited = docker->inherited;
  }
  if (*sources == sources_of(context.spec) && inherited == context.spec.docker.inherited) {
    // Those have been read.
    Reinstated back{rollback_to(std::move(launch)), std::move(record)};
    back.without_secrets = todays;
    return back;
  }
  launch.secrets = plan::Secrets{sources->secrets, {}};
  const auto foreign = goal.trust_history
                           ? std::vector<std::string>{}
                           : unknown_sources(context.spec, context.variables, *sources, inherited);
  auto values = foreign.empty() ? read_sources(context.spec, *sources, inherited, context.variables, wait)
                                : std::unexpected(unknown(foreign));
  Reinstated back{rollback_to(std::move(launch)), std::move(record)};
  if (!values) {
    back.without_secrets = std::move(values.error());
    return back;
  }
  for (const auto& [name, source] : sources->secrets)
    if (const auto value = values->find(name); value != values->end()) context.sink.hide(value->second);
  back.request.launch.secrets->values = std::move(*values);
  return back;
}

}  // namespace

Error with_ways_out(Error error, const plan::Release& release, bool by_secrets) {
  error.details.push_back(
      fmt::format("{} has no container any more that could be started, so it has to be "
                  "created again as it ran",
                  plan::describe(release)));
  error.next = fmt::format(
      "bring back what is missing, or let it run with {}today's whole configuration: `bgdeploy rollback "
      "--with-current-config`",
      by_secrets ? "today's secrets: `bgdeploy rollback --with-current-secrets`, or with " : "");
  return error;
}

Result<Reinstated> reinstate(const Context& context, const Goal& goal, RollbackTarget target,
                             const std::optional<Error>& todays, const Wait& wait) {
  if (goal.with_current_config) {
    BGDEPLOY_ASSIGN(auto launch,
                    runtime::launch_by_spec(context.spec, renamed(context, std::move(target.release))));
    return Reinstated{rollback_to(std::move(launch)), todays_sources(context), true, todays};
  }
  if (!target.launch) {
    BGDEPLOY_ASSIGN(auto launch, runtime::launch_by_spec(context.spec, std::move(target.release)));
    return Reinstated{rollback_to(std::move(launch)), "", false, todays};
  }
  if (goal.with_current_secrets) return with_todays_secrets(context, std::move(*target.launch), todays);
  // Older versions of the program did not write it down.
  if (target.sources.empty()) return Reinstated{rollback_to(std::move(*target.launch)), "", true, todays};
  return as_it_ran(context, goal, std::move(*target.launch), std::move(target.sources), todays, wait);
}

}  // namespace bgdeploy::deploy
