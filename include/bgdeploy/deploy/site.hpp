// `bgdeploy site`: what nginx needs for this spec, as text, and on the proxies.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/proxy/site_parts.hpp"

namespace bgdeploy::deploy {

// As far as the spec tells without its hosts: an app host on another machine is called by its name there,
// where the spec has no `address`. Kind usage.
core::Result<std::vector<proxy::SitePart>> site_text(const spec::Spec& spec, const proxy::SiteWish& wish);

struct SiteWritten {
  std::string host;
  std::string names;  // of the site
  std::vector<proxy::WrittenPart> parts;
};
// Puts the parts on all proxies, or on none, under the lock. Kinds: those of stage_site(), and refused where
// a deploy would not work with what nginx then has.
core::Result<std::vector<SiteWritten>> write_site(const Context& context, const proxy::SiteWish& wish,
                                                  bool force);

}  // namespace bgdeploy::deploy
