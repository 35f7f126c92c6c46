#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bgdeploy/core/size.hpp"
#include "bgdeploy/deploy/prune.hpp"
#include "bgdeploy/report/words.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "state_text.hpp"

namespace bgdeploy::cli {
namespace {

std::string size_of(const runtime::Removed& removed) {
  return removed.bytes == 0 ? "-" : core::short_bytes(removed.bytes);
}

std::string as_text(const std::vector<deploy::Pruned>& pruned, bool only_look) {
  if (pruned.empty()) return "nothing to remove\n";
  std::vector<std::vector<std::string>> rows = {{"HOST", only_look ? "TO BE REMOVED" : "REMOVED", "SIZE"}};
  for (const auto& [host, removed] : pruned) rows.push_back({host, removed.what, size_of(removed)});
  return table(rows);
}

std::string as_json(const std::vector<deploy::Pruned>& pruned) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& [host, removed] : pruned)
    list.push_back({{"host", host}, {"what", removed.what}, {"bytes", removed.bytes}});
  return dumped(list);
}

}  // namespace

int run_prune(const Arguments& arguments) {
  auto session = Session::open(arguments);
  if (!session) return print_error(session.error());
  std::vector<deploy::Pruned> pruned;
  const auto done = deploy::prune((*session)->context(), arguments.dry_run, pruned);
  (*session)->close_report();
  if (done || !pruned.empty())
    arguments.output == "json" ? print_json(as_json(pruned)) : print(as_text(pruned, arguments.dry_run));
  return done ? 0 : print_error(done.error());
}

}  // namespace bgdeploy::cli
