// Whether anybody is served, from what was observed and from what clients get: pure.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

struct Serving {
  enum class Who { everybody, some, nobody };
  Who who = Who::nobody;
  // In words, what keeps somebody from being served: see plan::not_running().
  std::vector<std::string> troubles;
  // Whether all proxies send to one slot, have read what their files say, and that slot runs one release
  // everywhere.
  bool consistent = false;
  std::string release;  // what serves, as plan::describe(Release); empty where that cannot be told
  std::string slot;

  // "1.1.0 (sha256:…) serves (green)", "NOBODY IS SERVED: slot blue on web-1 has no container"
  std::string words() const;
};

// `refused`: by proxy, why its sites do not get an answer, as far as they were asked.
Serving serving(const spec::Spec& spec, const plan::State& state,
                const std::vector<std::vector<std::string>>& refused);

}  // namespace bgdeploy::deploy
