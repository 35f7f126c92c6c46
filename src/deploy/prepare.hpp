// From a connected fleet to a plan: shared by commands that carry it out and by those that print it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/release/difference.hpp"
#include "bgdeploy/deploy/release/history.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "disk.hpp"
#include "local_sources.hpp"

namespace bgdeploy::deploy {

struct Prepared {
  plan::State state;
  plan::Plan plan;
  plan::Launch launch;
  std::string sources{};                            // where `launch` has its secrets from, for the history
  bool recordable = true;                           // `launch` is how it runs
  std::vector<Change> changes{};                    // of the configuration, against what serves
  bool compared = false;                            // how what serves runs is recorded
  std::string same_as{};                            // as in HistoryEntry
  std::vector<HistoryEntry> elsewhere{};            // what only another host than the history's has
  std::string file{};                               // the plan, to be kept
  std::shared_ptr<const context::Files> files{};    // what `launch` is built from, where it is
  std::shared_ptr<const archive::Image> archive{};  // what is sent of it, where something is
};

// Finds out on which addresses the slots' ports are published, for the fleet and in `state`, so that routing
// goes there. Kind usage: the user's files say what cannot be.
core::Result<void> place(const Context& context, Fleet& fleet, const World& world,
                         const plan::Request& request, plan::State& state, const core::Wait& wait);
// Whether a proxy in a container reaches the slots at the addresses that it is told. Kind usage, with what
// to write.
core::Result<void> check_reach(const spec::Spec& spec, const World& world, std::optional<std::size_t> live,
                               const core::Wait& wait);
// A registry that is not reached, or does not let us in, is no trouble with a host.
core::Error of_the_registry(core::Error error);

// What is known before the hosts are observed. Nothing of it needs the lock, so it is found out while that is
// taken.
struct Gathered {
  std::shared_ptr<const context::Files> files{};    // what is built from, where something is
  std::shared_ptr<const archive::Image> archive{};  // what is sent, where something is
  // What a deploy is to run. What the registry said against it is told when it is known what serves.
  core::Result<plan::Launch> wanted{};
  core::Result<std::vector<HistoryEntry>> history{};
  Histories histories{};  // for a deploy: of all services there, as far as they can be read
  core::Result<runtime::Room> history_room{};  // what is free there
  std::shared_ptr<SizeAhead> size{};           // of an image that is to be pulled
  // Why today's secrets, and the registry's password, cannot be read. A rollback may do without them.
  std::optional<core::Error> without_secrets{}, without_password{};
};

// How the history is read. `folder` returns it. `know_root` is told, once, the folder of docker on its host,
// or nothing: what is free there is seen on the way.
struct HistoryReader {
  std::function<core::Result<HistoryFolder>()> folder;
  std::function<void(std::string)> know_root = [](const std::string&) {};
};
// Opens docker, and asks the registry which digest is wanted. It ends as soon as `wait` is stopped.
core::Result<Gathered> gather(const Context& context, const Goal& goal, Fleet& fleet, LocalSources local,
                              const HistoryReader& history, const core::Wait& wait);
// Whether a run needs the histories of all services there.
bool wants_histories(const Goal& goal);

// Observes and plans. Of kind inconsistent where it fails and what serves does not answer either. With
// `recover_first` what a dead switch left is ended before planning (see observe.hpp). What was seen until an
// error is in `prepared` all the same.
core::Result<void> prepare(const Context& context, const Goal& goal, Fleet& fleet, Gathered gathered,
                           bool recover_first, const core::Wait& wait, Prepared& prepared);

}  // namespace bgdeploy::deploy
