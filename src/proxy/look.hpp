// What is told of one nginx from what the observe script found: pure.
#pragma once

#include <optional>

#include "bgdeploy/proxy/routing.hpp"
#include "script.hpp"
#include "site.hpp"

namespace bgdeploy::proxy {

// What the proxies of a spec are asked about.
struct Subject {
  const spec::Spec& spec;
  std::string proxy;    // the host's name
  std::string address;  // by which it was reached
  std::array<Routing, 2> slots;
};

// Which slot is live: the one that the include names, or whose site is there.
std::optional<std::size_t> live_slot(const Subject& subject, const Probe& probe);

// Whether what is there is not what the spec would write for `slot`.
bool is_outdated(const Subject& subject, const Probe& probe, std::size_t slot);

// Whether nginx's complaint is about the file that the next switch writes anew.
bool complains_of_own_file(const Subject& subject, const Probe& probe);

// Nothing where nginx's configuration is not known.
std::optional<SiteAnswer> look_at_sites(const Subject& subject, const Probe& probe,
                                        std::optional<std::size_t> live);

// The same of the configuration as nginx has it with the routing to `slot` written: what is wrong with it.
std::optional<core::Error> problem_after_switch(const Subject& subject, std::string_view dump,
                                                std::size_t slot, const Probe& probe);

}  // namespace bgdeploy::proxy
