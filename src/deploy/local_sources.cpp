#include "local_sources.hpp"

#include <fmt/format.h>

#include "bgdeploy/deploy/check.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/notify/notifications.hpp"
#include "bgdeploy/deploy/release/secrets.hpp"
#include "bgdeploy/runtime/launches.hpp"
#include "bgdeploy/spec/reference.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

// Nothing where images are pulled.
Result<std::shared_ptr<const context::Files>> source_of(const Context& context, const Goal& goal,
                                                        const Wait& wait) {
  if (!context.spec.build || !goal.fresh() || !goal.archive.empty() || !goal.digest.empty()) return nullptr;
  BGDEPLOY_ASSIGN(auto files, context::read_files(*context.spec.build, wait));
  return std::make_shared<const context::Files>(std::move(files));
}

// The image to send, which names the release where the user does not.
Result<std::shared_ptr<const archive::Image>> image_of(const Context& context, const Goal& goal,
                                                       plan::Release& release) {
  if (goal.archive.empty()) return nullptr;
  // A stream comes as fast as others make it.
  const Wait wait = deadlines::within(context.clock, deadlines::k_build, context.stop);
  BGDEPLOY_ASSIGN(auto images, archive::read_images(goal.archive, wait));
  BGDEPLOY_ASSIGN(archive::Choice choice,
                  archive::choose(images, context.spec.image, goal.tag, goal.archive));
  BGDEPLOY_TRY(spec::check_tag(choice.tag));
  auto image = std::make_shared<const archive::Image>(std::move(images[choice.image]));
  BGDEPLOY_TRY(archive::verify(*image, goal.archive, wait));
  if (const auto other = archive::other_name(*image, context.spec.image); !other.empty())
    context.sink.emit(report::Warning{
        fmt::format("the archive calls its image {}, and not {}", other, context.spec.image)});
  release.tag = std::move(choice.tag);
  release.digest = std::string(plan::k_sent) + image->id;
  return image;
}

Result<void> all_wrong(const std::vector<Error>& errors) {
  if (errors.empty()) return {};
  if (errors.size() == 1) return std::unexpected(errors.front());
  Error all{errors.front().kind, {}, {}, "mend each of them; --offline reads the spec alone"};
  for (const Error& error : errors) {
    // "3 secrets cannot be read" and its details are three of them.
    if (error.details.empty()) all.details.push_back(error.message);
    all.details.insert(all.details.end(), error.details.begin(), error.details.end());
  }
  all.message =
      fmt::format("{} things that a deploy needs are not on this machine, or wrong", all.details.size());
  return std::unexpected(std::move(all));
}

}  // namespace

Result<LocalSources> read_local_sources(const Context& context, const Goal& goal, const Wait& wait) {
  LocalSources local;
  if (goal.fresh()) {
    plan::Release release{.tag = goal.tag, .image = context.spec.image, .digest = goal.digest};
    // No registry has what is built: docker's own id names it.
    if (by_id(context.spec, goal))
      release.digest = std::string(plan::k_sent) + goal.digest.substr(goal.digest.find(':') + 1);
    BGDEPLOY_ASSIGN(local.archive, image_of(context, goal, release));
    BGDEPLOY_ASSIGN(local.today, runtime::launch_by_spec(context.spec, std::move(release)));
  }
  auto secrets = read_secrets(context.spec, context.variables, wait);
  // A container that is only started again has its secrets.
  if (!secrets && goal.fresh()) return std::unexpected(std::move(secrets.error()));
  if (secrets) {
    local.secrets = std::move(*secrets);
  } else {
    local.without_secrets = std::move(secrets.error());
    auto password = read_registry_password(context.spec, context.variables, wait);
    if (password)
      local.secrets.registry_password = std::move(*password);
    else
      local.without_password = std::move(password.error());
  }
  hide_secrets(context.spec, local.secrets, context.sink);
  BGDEPLOY_ASSIGN(local.files, source_of(context, goal, wait));
  return local;
}

Result<void> check_local_sources(const Context& context, const Wait& wait) {
  std::vector<Error> errors;
  const auto keep = [&](const auto& read) {
    if (!read) errors.push_back(read.error());
  };
  const auto secrets = read_secrets(context.spec, context.variables, wait);
  if (secrets) hide_secrets(context.spec, *secrets, context.sink);
  keep(secrets);
  keep(runtime::launch_by_spec(context.spec, {.tag = "latest", .image = context.spec.image}));
  if (context.spec.build) keep(context::read_files(*context.spec.build, wait));
  for (std::size_t i = 0; i < context.spec.notify.size(); ++i)
    if (auto url = notify_url(context, i, wait); !url)
      errors.push_back(std::move(url.error()).within(notify_name(context.spec, i)));
  return all_wrong(errors);
}

}  // namespace bgdeploy::deploy
