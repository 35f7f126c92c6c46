#include "execute/undo.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/deploy/deadlines.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Result;

namespace {

using Lane = std::vector<UndoLog::Entry>;

// By host, last first.
std::vector<Lane> lanes_of(const StepContext& context, UndoLog& log) {
  std::vector<Lane> lanes(context.spec.app_hosts.size());
  for (UndoLog::Entry& entry : log.take())
    lanes.at(plan::app_host(entry.inverse).value()).push_back(std::move(entry));
  for (Lane& lane : lanes) std::ranges::reverse(lane);
  return lanes;
}

std::string left_alone(const StepContext& context, const UndoLog::Entry& entry) {
  return fmt::format("{}: not done: {}", plan::step_host(context.spec, entry.inverse),
                     plan::describe(context.spec, entry.inverse));
}

// Empty where it is undone.
std::string undo(StepContext& context, StepRunner& containers, const UndoLog::Entry& entry) {
  if (context.hurried()) return left_alone(context, entry);
  const std::string words = plan::describe(context.spec, entry.inverse);
  const core::SteadyTime began = context.world.clock.now();
  auto result =
      guarded([&] { return containers.undo(entry.inverse, context.wait_undoing(deadlines::k_undo)); });
  if (result) {
    const auto took = std::chrono::duration_cast<core::Duration>(context.world.clock.now() - began);
    context.world.sink.emit(report::StepUndone{context.name_of(entry.done), words, took,
                                               plan::about_undo(context.spec, entry.inverse)});
    return "";
  }
  if (context.hurried()) return left_alone(context, entry);
  if (context.lost()) result = std::unexpected(context.why_stopped());
  const std::string host = plan::step_host(context.spec, entry.inverse);
  std::string left = fmt::format("{}: could not {}: {}", host, words, result.error().message);
  context.warn(left, host);
  return left;
}

std::vector<std::string> joined(const std::vector<std::vector<std::string>>& lists) {
  std::vector<std::string> all;
  for (const auto& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

}  // namespace

std::vector<std::string> undo_all(StepContext& context, StepRunner& containers, UndoLog& log) {
  const std::vector<Lane> lanes = lanes_of(context, log);
  std::vector<std::vector<std::string>> left(lanes.size());
  for_each_parallel(lanes.size(), context.spec.parallel, [&](std::size_t i) {
    for (const UndoLog::Entry& entry : lanes[i])
      if (auto words = undo(context, containers, entry); !words.empty()) left[i].push_back(std::move(words));
  });
  return joined(left);
}

std::vector<std::string> not_undone(const StepContext& context, UndoLog& log) {
  std::vector<std::string> words;
  for (const Lane& lane : lanes_of(context, log))
    for (const UndoLog::Entry& entry : lane) words.push_back(left_alone(context, entry));
  return words;
}

}  // namespace bgdeploy::deploy
