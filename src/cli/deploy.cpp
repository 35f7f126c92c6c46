#include <CLI/CLI.hpp>

#include "bgdeploy/spec/reference.hpp"
#include "command.hpp"
#include "plan_text.hpp"

namespace bgdeploy::cli {
namespace {

struct Options {
  deploy::Goal goal;
  bool dry_run = false;
};

core::Result<void> check(const deploy::Goal& goal) {
  if (goal.tag.empty() == goal.digest.empty())
    return core::fail(core::ErrorKind::usage, "say what to deploy: --tag T or --digest sha256:…");
  return goal.digest.empty() ? spec::check_tag(goal.tag) : spec::check_digest(goal.digest);
}

int run(const Globals& globals, const Options& options) {
  if (auto checked = check(options.goal); !checked) return print_error(checked.error());
  auto session = Session::open(globals);
  if (!session) return print_error(session.error());
  if (options.dry_run) return print_preview(**session, globals, options.goal);
  return deploy::run((*session)->context(), options.goal);
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
  // A flag's callback runs whatever follows it; a validator is not asked about an option without a value.
  for (const char* name : {"--hold", "--report"}) {
    const auto refuse = [name] { throw CLI::ValidationError(std::string(name) + " is not supported yet"); };
    command->add_flag_callback(name, refuse, "Not supported yet")->group("");
  }
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
  command->add_option("--to", goal->to, "A tag (newest first), a digest, or a release id")->type_name("T");
  command->add_flag("--force", goal->force, "Also when a host of the last deploy left the spec");
  command->callback([=] {
    registration.action = [goal, &globals = registration.globals]() -> int {
      auto session = Session::open(globals);
      if (!session) return print_error(session.error());
      return deploy::run((*session)->context(), *goal);
    };
  });
}

}  // namespace bgdeploy::cli
