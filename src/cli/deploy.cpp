#include <fmt/format.h>

#include "bgdeploy/deploy/release/plan_file.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "bgdeploy/spec/reference.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "goal.hpp"
#include "plan_text.hpp"

namespace bgdeploy::cli {
namespace {

constexpr int k_something_to_do = 10;

// What a kept plan says is not said again. `command`: what was typed, and is to be typed again.
core::Result<deploy::Goal> goal_of(const Arguments& arguments, std::string_view command) {
  if (arguments.plan) {
    if (!arguments.tag.empty() || !arguments.digest.empty() || arguments.archive || arguments.force ||
        arguments.hold)
      return core::fail(
          core::ErrorKind::usage,
          "--plan says what to deploy: leave out --tag, --digest, --archive, --force and --hold");
    return deploy::read_plan_file(*arguments.plan);
  }
  deploy::Goal goal{.kind = plan::Request::Kind::deploy,
                    .tag = arguments.tag,
                    .digest = arguments.digest,
                    .archive = arguments.archive.value_or(""),
                    .force = arguments.force,
                    .hold = arguments.hold};
  if (arguments.archive && goal.archive.empty())
    return core::fail(core::ErrorKind::usage, "--archive is empty: is the variable set?");
  if (arguments.archive && arguments.out)
    return core::fail(core::ErrorKind::usage, "--out keeps no archive: a plan with --archive cannot be kept");
  if (arguments.archive && goal.tag.empty()) return goal;
  if (goal.tag.empty() == goal.digest.empty())
    return core::fail(core::ErrorKind::usage, "say what to deploy: --tag T or --digest sha256:…", {},
                      fmt::format("bgdeploy {} --tag TAG", command));
  BGDEPLOY_TRY(goal.digest.empty() ? spec::check_tag(goal.tag) : spec::check_digest(goal.digest));
  return goal;
}

core::Result<void> keep(const std::string& path, const deploy::Preview& preview) {
  if (preview.file.empty())
    return core::fail(
        core::ErrorKind::usage,
        "an earlier switch was cut short, which a deploy ends first: such a plan cannot be kept", {},
        "run `bgdeploy deploy`, or `bgdeploy rollback`, and plan again");
  auto written = io::write_private_file(path, preview.file);
  // Nothing was changed but for the answer.
  if (!written) written.error().kind = core::ErrorKind::usage;
  return written;
}

}  // namespace

int run_plan(const Arguments& arguments) {
  const auto wanted = goal_of(arguments, arguments.dry_run ? "deploy --dry-run" : "plan");
  if (!wanted) return refuse(arguments, {}, wanted.error());
  const deploy::Goal& goal = *wanted;
  if (const auto checked = check_output("--out", arguments.out); !checked)
    return refuse(arguments, goal, checked.error());
  auto session = Session::open(arguments);
  if (!session) return refuse(arguments, goal, session.error());
  auto preview = deploy::preview((*session)->context(), goal);
  if (!preview) preview = std::unexpected((*session)->context().sink.redacted(std::move(preview.error())));
  (*session)->close_report();
  if (!preview) return refuse(arguments, goal, preview.error());
  if (arguments.out)
    if (const auto kept = keep(*arguments.out, *preview); !kept) return print_error(kept.error());
  print_preview((*session)->spec(), *preview, arguments);
  return arguments.exit_code && !preview->plan.steps.empty() ? k_something_to_do : 0;
}

int run_deploy(const Arguments& arguments) {
  if (arguments.dry_run && arguments.report)
    return print_error({core::ErrorKind::usage, "--report is of a run, and --dry-run makes none", {}});
  if (arguments.dry_run) return run_plan(arguments);
  if (arguments.exit_code)
    return print_error({core::ErrorKind::usage, "--exit-code is for --dry-run; a deploy has its own", {}});
  const auto wanted = goal_of(arguments, "deploy");
  if (!wanted) return refuse_run(arguments, {}, wanted.error());
  return run_goal(arguments, *wanted);
}

int run_rollback(const Arguments& arguments) {
  const deploy::Goal goal{.kind = plan::Request::Kind::rollback,
                          .force = arguments.force,
                          .to = arguments.to,
                          .with_current_secrets = arguments.with_current_secrets,
                          .with_current_config = arguments.with_current_config,
                          .trust_history = arguments.trust_history,
                          .rehearse = arguments.rehearse};
  // `--to "$TAG"` with a variable that is not set.
  if (goal.to && goal.to->empty())
    return refuse_run(
        arguments, goal,
        {core::ErrorKind::usage, "--to is empty: is the variable set?", {}, "bgdeploy history"});
  return run_goal(arguments, goal);
}

}  // namespace bgdeploy::cli
