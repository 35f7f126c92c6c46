// Whether nginx's sites use what a deploy switches, and who else sends to its slots. Pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/plan/state.hpp"
#include "config.hpp"
#include "site_map.hpp"

namespace bgdeploy::proxy {

struct SiteQuestion {
  std::string proxy;              // the host's name, for messages
  std::string include;            // what a deploy writes, as in the spec; with sites the file itself
  std::vector<std::string> ours;  // the names under which nginx reads it, or would
  bool whole_site = false;        // it holds the server blocks themselves: `sites`
  std::size_t slot = 0;           // it should send to this one
  std::array<plan::Routing, 2> slots;
  std::array<std::string, 2> names;  // of the slots
  bool partial = false;              // the configuration may be incomplete
  std::string own_address;           // this machine's, as others know it; may be empty
};

struct SiteAnswer {
  std::optional<core::Error> problem;  // kind refused: the switch would change nothing, or not everything
  bool unsure = false;                 // too little of the configuration is known to name a problem
  std::vector<Place> users;            // the sites that use it: where they include it, else where they begin
  std::vector<plan::Front> fronts;
  std::vector<plan::Claim> claims;
  std::vector<std::string> notes;
};

SiteAnswer examine(const NginxConfig& config, const SiteQuestion& question);

}  // namespace bgdeploy::proxy
