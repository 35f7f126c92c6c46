// Conclusions about one nginx from what the observe script found. Pure.
#pragma once

#include <optional>

#include "bgdeploy/proxy/nginx.hpp"
#include "bgdeploy/proxy/site_parts.hpp"
#include "script.hpp"
#include "site.hpp"

namespace bgdeploy::proxy {

// The proxy and the slots that a question is about.
struct Subject {
  const spec::Spec& spec;
  std::string proxy;    // the host's name
  std::string address;  // the one that was reached
  std::array<Routing, 2> slots;
};

// Where requests go, by the include or by the site that is in place.
std::optional<plan::Traffic> traffic_of(const Subject& subject, const Observation& observed);

// Whether the file differs from what the spec would write for `slot`.
bool is_outdated(const Subject& subject, const Observation& observed, std::size_t slot);

// Whether nginx complains about the file that the next switch writes anew.
bool complains_of_own_file(const Subject& subject, const Observation& observed);

// Nothing if nginx's configuration is unknown.
std::optional<SiteAnswer> look_at_sites(const Subject& subject, const Observation& observed,
                                        std::optional<std::size_t> live);

// Why `text` may not become the site in a file that nginx has under one of these names, the first one where
// it has none yet: it would take requests from a site that is there. Nothing if nginx's configuration is
// unknown.
std::optional<core::Error> harm_to_others(const Subject& subject, const Observation& observed,
                                          const std::vector<std::string>& files, const std::string& text);

// `parts` are those that would be added where there is no site.
SiteFound site_found(const Subject& subject, const Observation& observed, const std::vector<SitePart>& parts);

// What is wrong with the configuration that nginx has once the routing to `slot` is written.
std::optional<core::Error> problem_after_switch(const Subject& subject, std::string_view dump,
                                                std::size_t slot, const Observation& observed);

}  // namespace bgdeploy::proxy
