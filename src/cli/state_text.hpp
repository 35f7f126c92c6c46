// The observed state as people and as programs read it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/deploy/lock/lease.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"
#include "page.hpp"

namespace bgdeploy::cli {

// What else a table of slots says, where it is known.
struct Shown {
  core::SystemTime now{};
  bool verbose = false;                     // digests, and the containers' names
  std::optional<core::SystemTime> since{};  // when the live slot was switched to
  const plan::Release* way_back = nullptr;  // what `rollback` would start
  std::optional<std::size_t> held{};        // the slot that waits for `promote`
};
// Each of them in lines that fit the page; empty where there is nothing to say.
std::string slots_text(const spec::Spec& spec, const plan::State& state, const Shown& how, const Page& page);
std::string proxies_text(const spec::Spec& spec, const plan::State& state, const Page& page);
std::string oddities_text(const spec::Spec& spec, const plan::State& state, const Page& page);
std::string lock_text(const deploy::LockStatus& lock, core::SystemTime now, const Page& page);
nlohmann::ordered_json state_json(const spec::Spec& spec, const plan::State& state,
                                  const deploy::LockStatus& lock);
nlohmann::ordered_json owner_json(const std::optional<deploy::LockOwner>& owner);
nlohmann::ordered_json release_json(const plan::Release& release);
// As `-o json` prints a document.
std::string dumped(const nlohmann::ordered_json& document, int indent = 2);
// What is odd in it, in words: one entry each. What a run that holds the lock has in hand is not.
std::vector<std::string> oddities(const spec::Spec& spec, const plan::State& state,
                                  const deploy::LockStatus& lock = {});

}  // namespace bgdeploy::cli
