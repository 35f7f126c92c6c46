#include <CLI/CLI.hpp>

#include "bgdeploy/report/render.hpp"
#include "bgdeploy/spec/reference.hpp"
#include "command.hpp"
#include "plan_text.hpp"

namespace bgdeploy::cli {
namespace {

struct Options {
  deploy::Goal goal;
  bool dry_run = false;
  bool tell_by_exit_code = false;
};

constexpr int k_something_to_do = 10;

core::Result<void> check(const deploy::Goal& goal) {
  if (goal.tag.empty() == goal.digest.empty())
    return core::fail(core::ErrorKind::usage, "say what to deploy: --tag T or --digest sha256:…");
  return goal.digest.empty() ? spec::check_tag(goal.tag) : spec::check_digest(goal.digest);
}

// A program that reads the events is told in an event.
int refuse(const Globals& globals, const deploy::Goal& goal, const core::Error& error) {
  if (globals.progress != "json") return print_error(error);
  report::pick("json", {}, core::system_clock())->emit(deploy::refused(goal, error, {}));
  return deploy::exit_code(error.kind);
}

int run(const Globals& globals, const Options& options) {
  if (globals.output == "json" && !options.dry_run)
    return print_error({core::ErrorKind::usage,
                        "-o json is for --dry-run; a deploy tells how it goes with --progress json",
                        {}});
  if (auto checked = check(options.goal); !checked) return refuse(globals, options.goal, checked.error());
  auto session = Session::open(globals);
  if (!session) return refuse(globals, options.goal, session.error());
  if (!options.dry_run) return deploy::run((*session)->context(), options.goal);
  auto preview = deploy::preview((*session)->context(), options.goal);
  if (!preview) preview = std::unexpected((*session)->context().sink.veiled(std::move(preview.error())));
  (*session)->close_report();
  if (!preview) return refuse(globals, options.goal, preview.error());
  print_preview((*session)->spec(), *preview, globals.output == "json");
  return options.tell_by_exit_code && !preview->plan.steps.empty() ? k_something_to_do : 0;
}

int roll_back(const Globals& globals, const deploy::Goal& goal) {
  // As `--to "$TAG"` with a variable that is not set.
  if (goal.to && goal.to->empty())
    return refuse(globals, goal,
                  {core::ErrorKind::usage, "--to is empty: name a tag, digest or release id", {}});
  auto session = Session::open(globals);
  if (!session) return refuse(globals, goal, session.error());
  return deploy::run((*session)->context(), goal);
}

void add_release_options(CLI::App& command, deploy::Goal& goal) {
  auto* tag = command.add_option("--tag", goal.tag, "The image tag to deploy")->type_name("T");
  command.add_option("--digest", goal.digest, "The image digest to deploy")
      ->type_name("sha256:…")
      ->excludes(tag);
  command.add_flag("--force", goal.force,
                   "Redeploy what is live already; also when a host of the last deploy left the spec");
}

}  // namespace

void add_deploy(const Registration& registration) {
  CLI::App* command = registration.app.add_subcommand("deploy", "Put a release live");
  command->footer("Example: bgdeploy deploy --tag 1.2.3");
  auto options = std::make_shared<Options>();
  add_release_options(*command, options->goal);
  command->add_flag("--dry-run", options->dry_run, "Print the plan and change nothing");
  refuse_planned(*command, {"--hold", "--report", "--lock-wait", "--archive"});
  add_output_option(*command, registration.globals);
  command->callback([=] {
    registration.action = [options, &globals = registration.globals] { return run(globals, *options); };
  });
}

void add_plan(const Registration& registration) {
  CLI::App* command = registration.app.add_subcommand("plan", "Show what deploy would do, changing nothing");
  command->footer("Example: bgdeploy plan --tag 1.2.3");
  auto options = std::make_shared<Options>();
  options->dry_run = true;
  add_release_options(*command, options->goal);
  command->add_flag("--exit-code", options->tell_by_exit_code, "Exit with 10 where there is something to do");
  add_output_option(*command, registration.globals);
  command->callback([=] {
    registration.action = [options, &globals = registration.globals] { return run(globals, *options); };
  });
}

void add_rollback(const Registration& registration) {
  CLI::App* command = registration.app.add_subcommand("rollback", "Put the release before this one back");
  command->footer("Example: bgdeploy rollback\n         bgdeploy rollback --to 1.2.2");
  auto goal = std::make_shared<deploy::Goal>();
  goal->kind = plan::Request::Kind::rollback;
  refuse_planned(*command, {"--rehearse"});
  auto to = std::make_shared<std::string>();
  const CLI::Option* given =
      command
          ->add_option("--to", *to,
                       "A tag (the newest that is not live), a digest or its first digits, or a release id")
          ->type_name("T");
  command->add_flag("--force", goal->force, "Also when a host of the last deploy left the spec");
  command->callback([=] {
    if (given->count() > 0) goal->to = *to;
    registration.action = [goal, &globals = registration.globals] { return roll_back(globals, *goal); };
  });
}

}  // namespace bgdeploy::cli
