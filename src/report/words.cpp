#include "bgdeploy/report/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::report {
namespace {

std::string short_digest(const std::string& digest) {
  constexpr std::size_t k_digits = 12;
  const auto colon = digest.find(':');
  return digest.substr(0, colon == std::string::npos ? k_digits : colon + 1 + k_digits);
}

std::string task(Command command, const std::string& to) {
  const auto with = [&](std::string_view verb, std::string_view preposition = " ") {
    return to.empty() ? std::string(verb) : fmt::format("{}{}{}", verb, preposition, to);
  };
  switch (command) {
    case Command::deploy:
      return with("deploy");
    case Command::rollback:
      return with("roll back", " to ");
    case Command::promote:
      return with("promote");
    case Command::abort:
      return with("abort");
    case Command::rehearse:
      return with("rehearse a rollback", " to ");
  }
  return with("deploy");
}

}  // namespace

std::string_view to_string(Command command) {
  switch (command) {
    case Command::deploy:
      return "deploy";
    case Command::rollback:
      return "rollback";
    case Command::promote:
      return "promote";
    case Command::abort:
      return "abort";
    case Command::rehearse:
      return "rehearse";
  }
  return "deploy";
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::succeeded:
      return "succeeded";
    case Verdict::unchanged:
      return "unchanged";
    case Verdict::held:
      return "held";
    case Verdict::failed:
      return "failed";
    case Verdict::rolled_back:
      return "rolled_back";
    case Verdict::interrupted:
      return "interrupted";
    case Verdict::inconsistent:
      return "inconsistent";
  }
  return "failed";
}

std::string short_duration(core::Duration duration) {
  const auto ms = duration.count();
  if (ms < 60'000) return fmt::format("{}.{}s", ms / 1000, ms % 1000 / 100);
  const auto seconds = ms / 1000;
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{:02}m", seconds / 3600, seconds % 3600 / 60);
}

std::string one_line(std::string_view text) {
  // A trailing newline is dropped. Others become visible: they would break the frame of the line.
  std::string line = core::printable(core::trim(text));
  std::replace(line.begin(), line.end(), '\t', ' ');
  return line;
}

std::string shown(const ReleaseName& release) {
  const auto name = one_line(release.name);
  const auto digest = short_digest(one_line(release.digest.value_or("")));
  if (name.empty() || digest.empty()) return name;
  // A release without a tag is called by its digest.
  return name.starts_with(digest) ? digest : fmt::format("{} ({})", name, digest);
}

std::string heading(const Started& started) {
  if (started.service.empty()) return one_line(started.what);
  return fmt::format("{}: {}", one_line(started.service), task(started.command, one_line(started.to)));
}

std::string heading(const Started& started, const PlanMade& plan) {
  const std::string to = shown(plan.to);
  const std::string what = to.empty()
                               ? heading(started)
                               : fmt::format("{}{}{}", one_line(started.service),
                                             started.service.empty() ? "" : ": ", task(started.command, to));
  // The digests of both are told where the tag does not tell them apart.
  const bool same = plan.from.name == plan.to.name;
  const std::string from = same ? shown(plan.from) : one_line(plan.from.name);
  if (from.empty()) return what + "; nothing serves";
  return fmt::format("{}; {} serves{}", what, from, plan.live.empty() ? "" : " on " + one_line(plan.live));
}

}  // namespace bgdeploy::report
