#include "hooks/environment.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace bgdeploy::deploy {
namespace {

// As docker takes it: by digest, or by tag where no registry has the image.
std::string image_of(const plan::Release& release) {
  if (release.image.empty()) return "";
  if (!release.digest.empty() && !release.local()) return release.image + "@" + release.digest;
  return release.tag.empty() ? release.image : release.image + ":" + release.tag;
}

}  // namespace

std::map<std::string, std::string> hook_environment(const spec::Spec& spec, const plan::Plan& plan,
                                                    const HookFacts& facts) {
  std::vector<std::string> hosts;
  for (const spec::Host& host : spec.app_hosts) hosts.push_back(host.name);
  return {
      {"BGDEPLOY_COMMAND", std::string(plan.command)},
      {"BGDEPLOY_SERVICE", spec.service},
      {"BGDEPLOY_ENVIRONMENT", spec.environment},
      {"BGDEPLOY_TAG", plan.to.tag},
      {"BGDEPLOY_DIGEST", plan.to.digest},
      {"BGDEPLOY_RELEASE", plan.to.id},
      {"BGDEPLOY_IMAGE", image_of(plan.to)},
      {"BGDEPLOY_SLOT", spec.slots.at(plan.target).name},
      {"BGDEPLOY_FROM_TAG", plan.from.tag},
      {"BGDEPLOY_FROM_DIGEST", plan.from.digest},
      {"BGDEPLOY_HOSTS", fmt::format("{}", fmt::join(hosts, " "))},
      {"BGDEPLOY_URL", facts.urls.empty() ? "" : facts.urls.front()},
      {"BGDEPLOY_URLS", fmt::format("{}", fmt::join(facts.urls, " "))},
      {"BGDEPLOY_RESULT", facts.result},
      {"BGDEPLOY_ERROR", facts.error},
      {"BGDEPLOY_REPORT", facts.report},
  };
}

}  // namespace bgdeploy::deploy
