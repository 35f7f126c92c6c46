// `bgdeploy setup`: what a fresh Debian or Ubuntu host lacks for this spec, and the script that adds it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/proxy/site_parts.hpp"

namespace bgdeploy::deploy {

// A host, what the spec wants of it, and what was found there.
struct SetupHost {
  std::string name;
  bool app = false, front = false;  // it runs slots; it runs nginx, which is told of them
  spec::Sudo sudo;
  std::map<std::string, std::string, std::less<>> facts;  // of the script in setup/facts
  std::vector<proxy::SitePart> parts{};                   // where it runs nginx
  proxy::SiteFound site{};                                // where nginx is there already

  bool is(std::string_view fact) const { return fact_of(fact) == "yes"; }
  std::string_view fact_of(std::string_view fact) const {
    const auto found = facts.find(fact);
    return found == facts.end() ? std::string_view() : found->second;
  }
};

// One thing that is not there.
struct Lack {
  std::string what;       // "docker and nginx", also as a comment of the script
  std::string commands;   // of a shell, to be run as root, which do no harm when it is there
  std::string meaning{};  // what it opens, where that is more than it seems
};

// In the order in which it is to be added. Pure. Kinds: usage (only another spec helps), unsupported (neither
// Debian nor Ubuntu).
core::Result<std::vector<Lack>> lacking(const spec::Spec& spec, const SetupHost& host);

// A whole script for `sh`, to be run as root.
std::string setup_script(const spec::Spec& spec, const SetupHost& host, const std::vector<Lack>& lacks);

struct HostSetup {
  SetupHost host;
  std::vector<Lack> lacks;
  std::string script;  // empty: it lacks nothing
};
// Looks at all hosts, or at the one of that name, and changes nothing.
core::Result<std::vector<HostSetup>> look_for_lacks(const Context& context, const std::string& only);

// Runs the scripts, one host after the other, and looks again. Kinds: denied (the login cannot become root),
// refused (a script failed, or something is lacking after it).
core::Result<void> set_up(const Context& context, const std::vector<HostSetup>& hosts);

}  // namespace bgdeploy::deploy
