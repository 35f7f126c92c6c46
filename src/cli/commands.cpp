#include "commands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace bgdeploy::cli {
namespace {

Option offline_option() {
  return {.names = "--offline",
          .help = "Read the spec alone: no secrets, env files or files to build from",
          .target = &Arguments::offline};
}

Option output_option() {
  return {.names = "-o,--output",
          .help = "What stdout gets: text or json",
          .target = &Arguments::output,
          .choices = {"text", "json"}};
}

Option tag_option() {
  return {.names = "--tag",
          .help = "The image tag to deploy",
          .target = &Arguments::tag,
          .value = "T",
          .values = Values::release};
}

Option digest_option() {
  return {.names = "--digest",
          .help = "The image digest to deploy",
          .target = &Arguments::digest,
          .value = "sha256:…",
          .excludes = "--tag"};
}

Option archive_option() {
  return {.names = "--archive",
          .help = "Take the image from a file instead of a registry: docker save, OCI layout, - for stdin",
          .target = &Arguments::archive,
          .value = "FILE",
          .excludes = "--digest",
          .values = Values::file};
}

Option exit_code_option() {
  return {.names = "--exit-code",
          .help = "With a plan: exit with 10 where there is something to do",
          .target = &Arguments::exit_code};
}

Option hold_option() {
  return {.names = "--hold",
          .help = "Stop before the switch, with the release healthy in the idle slot: see promote",
          .target = &Arguments::hold};
}

Option out_option() {
  return {.names = "--out",
          .help = "Keep the plan in a file, for `deploy --plan`",
          .target = &Arguments::out,
          .value = "FILE",
          .values = Values::file};
}

Option report_option() {
  return {.names = "--report",
          .help = "Write what happened as a page of HTML, however the run ends",
          .target = &Arguments::report,
          .value = "FILE",
          .values = Values::file};
}

Option force_option() {
  return {
      .names = "--force",
      .help = "Redeploy what is live; continue even if a host of the last deploy is no longer in the spec",
      .target = &Arguments::force};
}

Option lock_wait_option() {
  return {.names = "--lock-wait",
          .help = "Wait in line for another run, at most that long; then exit code 4",
          .target = &Arguments::lock_wait,
          .value = "15m"};
}

Option slot_option(std::string excludes = {}) {
  return {.names = "--slot",
          .help = "Default: the live slot",
          .target = &Arguments::slot,
          .value = "SLOT",
          .excludes = std::move(excludes),
          .values = Values::slot};
}

std::vector<Command> make_commands() {
  return {
      {.name = "deploy",
       .help = "Put a release live",
       .examples = {"bgdeploy deploy --tag 1.2.3"},
       .options = {tag_option(),
                   digest_option(),
                   force_option(),
                   {.names = "--dry-run",
                    .help = "Print the plan and change nothing",
                    .target = &Arguments::dry_run},
                   hold_option(),
                   exit_code_option(),
                   {.names = "--plan",
                    .help = "Carry out what `plan --out` kept, as long as it still holds",
                    .target = &Arguments::plan,
                    .value = "FILE",
                    .values = Values::file},
                   report_option(),
                   lock_wait_option(),
                   archive_option(),
                   output_option()},
       .run = run_deploy,
       .tells_interruption = true},
      {.name = "rollback",
       .help = "Bring back the previous release",
       .examples = {"bgdeploy rollback", "bgdeploy rollback --to 1.2.2"},
       .options = {{.names = "--rehearse",
                    .help =
                        "Start that release in the idle slot, wait until it is healthy, and stop it again",
                    .target = &Arguments::rehearse},
                   lock_wait_option(),
                   {.names = "--to",
                    .help =
                        "A tag (the newest that is not live), a digest or its first digits, or a release id",
                    .target = &Arguments::to,
                    .value = "T",
                    .values = Values::release},
                   {.names = "--force",
                    .help = "Continue even if a host of the last deploy is no longer in the spec",
                    .target = &Arguments::force},
                   {.names = "--with-current-secrets",
                    .help = "As it ran, but with today's secrets, if a source that it had is gone",
                    .target = &Arguments::with_current_secrets},
                   {.names = "--with-current-config",
                    .help = "Its image with today's whole configuration",
                    .target = &Arguments::with_current_config,
                    .excludes = "--with-current-secrets"},
                   {.names = "--trust-history",
                    .help = "Also read secrets from sources that only the history on the host names",
                    .target = &Arguments::trust_history},
                   report_option(),
                   output_option()},
       .run = run_rollback,
       .tells_interruption = true},
      {.name = "promote",
       .help = "Put live what `deploy --hold` left waiting",
       .examples = {"bgdeploy promote", "bgdeploy promote --lock-wait 15m"},
       .note = "Exit code 2 when nothing waits.",
       .options = {lock_wait_option(),
                   {.names = "--force",
                    .help = "Continue even if a host of the last deploy is no longer in the spec",
                    .target = &Arguments::force},
                   report_option(),
                   output_option()},
       .run = run_promote,
       .tells_interruption = true},
      {.name = "abort",
       .help = "Remove what `deploy --hold`, or an interrupted run, left in the idle slot",
       .examples = {"bgdeploy abort"},
       .note = "Exit code 0 also when nothing waits.",
       .options = {lock_wait_option(), output_option()},
       .run = run_abort,
       .tells_interruption = true},
      {.name = "plan",
       .help = "Show what deploy would do, changing nothing",
       .examples = {"bgdeploy plan --tag 1.2.3", "bgdeploy plan --tag 1.2.3 --out plan.json"},
       .options = {tag_option(), digest_option(), archive_option(), force_option(), hold_option(),
                   exit_code_option(), out_option(), output_option()},
       .run = run_plan},
      {.name = "status",
       .help = "Show what runs where, and what serves",
       .examples = {"bgdeploy status", "bgdeploy status --watch -o json"},
       .note = "Exit code 5 when the proxies disagree or do not name exactly one slot, or nobody is served "
               "of what "
               "was deployed; 3 when a host cannot be reached: the others are shown.",
       .options = {output_option(),
                   {.names = "--watch",
                    .help = "Look again every 2 seconds until Ctrl-C; not on a terminal: print what changes",
                    .target = &Arguments::watch},
                   {.names = "--exit-code",
                    .help = "0 when everybody is served and all agree, 1 when not",
                    .target = &Arguments::exit_code,
                    .excludes = "--watch"}},
       .run = run_status},
      {.name = "history",
       .help = "List past deploys, newest first, and why those that failed did",
       .examples = {"bgdeploy history", "bgdeploy history -n 50", "bgdeploy history --html"},
       .options = {{.names = "-n,--number",
                    .help = "How many of the newest, or all",
                    .target = &Arguments::entries},
                   output_option(),
                   {.names = "--html",
                    .help = "A page of HTML on stdout",
                    .target = &Arguments::html,
                    .excludes = "-o"}},
       .run = run_history},
      {.name = "logs",
       .help = "Show the containers' logs",
       .examples = {"bgdeploy logs -n 200 -f", "bgdeploy logs --failed"},
       .options = {{.names = "--failed",
                    .help = "The kept log of the last release that failed",
                    .target = &Arguments::failed},
                   {.names = "--since",
                    .help = "Only what was written after a time, or so long ago",
                    .target = &Arguments::since,
                    .value = "10m",
                    .excludes = "--failed"},
                   {.names = "--until",
                    .help = "Only what was written before a time, or so long ago; with --follow it then ends",
                    .target = &Arguments::until,
                    .value = "2026-12-27T08:00",
                    .excludes = "--failed"},
                   slot_option("--failed"),
                   {.names = "--host",
                    .help = "Default: all app hosts",
                    .target = &Arguments::host,
                    .value = "HOST",
                    .values = Values::host},
                   {.names = "-n,--tail",
                    .help = "How many lines, or all. Default: 100, or all with --since",
                    .target = &Arguments::tail},
                   {.names = "-f,--follow",
                    .help = "Follow the log as it grows",
                    .target = &Arguments::follow,
                    .excludes = "--failed"},
                   output_option()},
       .run = run_logs},
      {.name = "exec",
       .help = "Run a command in the live container: exec -- CMD…",
       .examples = {"bgdeploy exec -- ./manage.py check"},
       .note = "The exit code is the command's own.",
       .options = {slot_option(),
                   {.names = "--host",
                    .help = "Default: the first app host",
                    .target = &Arguments::host,
                    .value = "HOST",
                    .values = Values::host}},
       .run = run_exec,
       .takes_words = true,
       .no_json = "its stdout is the command's own"},
      {.name = "run",
       .help = "Run a command in a one-off container with a release's configuration: run -- CMD…",
       .examples = {"bgdeploy run -- ./manage.py createsuperuser",
                    "bgdeploy run --tag 1.3.0 -- ./manage.py check", "bgdeploy run -- psql <dump.sql"},
       .note =
           "The exit code is the command's own. Its container has no port and no slot's name, and is removed "
           "when it ends, also by Ctrl-C. In a terminal every key goes to the command.",
       .options = {{.names = "--tag",
                    .help = "In that release, pulled where it is missing (default: the live one)",
                    .target = &Arguments::tag,
                    .value = "T",
                    .values = Values::release}},
       .run = run_run,
       .takes_words = true,
       .no_json = "its stdout is the command's own"},
      {.name = "check",
       .help = "Try everything a deploy needs, changing nothing",
       .examples = {"bgdeploy check", "bgdeploy check --tag 1.2.3"},
       .options = {{.names = "--tag",
                    .help = "Also whether the registry has this tag",
                    .target = &Arguments::tag,
                    .value = "T",
                    .values = Values::release},
                   {.names = "--preflight",
                    .help = "Only what a deploy of the tag asks before it starts anything",
                    .target = &Arguments::preflight},
                   output_option()},
       .run = run_check},
      {.name = "config",
       .help = "Check the spec and what it reads on this machine, and print it resolved",
       .examples = {"bgdeploy config -e staging"},
       .note = "Secrets are shown by where they come from, never by value.",
       .options = {offline_option(), output_option()},
       .run = run_config},
      {.name = "validate",
       .help = "Check the spec and what it reads on this machine; the same as config --quiet",
       .examples = {"bgdeploy validate", "bgdeploy validate --offline"},
       .note = "Nothing connects to a host: `bgdeploy check` does.",
       .options = {offline_option()},
       .run = run_validate,
       .no_json = "its exit code is the result; `bgdeploy config -o json` prints the spec"},
      {.name = "schema",
       .help = "Print the JSON Schema of bgdeploy.yml, for editors",
       .examples = {"bgdeploy schema > bgdeploy.schema.json"},
       .note = "yaml-language-server reads it if the spec begins with the line\n"
               "# yaml-language-server: $schema=bgdeploy.schema.json",
       .run = run_schema,
       .no_json = "it prints JSON as it is"},
      {.name = "lock",
       .help = "Freeze the service: no deploys until unlock",
       .examples = {"bgdeploy lock -m \"database migration\" --for 2h",
                    "bgdeploy lock -m \"the holidays\" --until 2026-12-27T08:00"},
       .options = {{.names = "-m,--message",
                    .help = "Why; deploys quote it",
                    .target = &Arguments::message,
                    .value = "TEXT",
                    .required = true},
                   {.names = "--until",
                    .help = "When it ends by itself: in local time, or with Z or an offset",
                    .target = &Arguments::until,
                    .value = "2026-12-27T08:00"},
                   {.names = "--for",
                    .help = "How long until it ends by itself",
                    .target = &Arguments::duration,
                    .value = "2h",
                    .excludes = "--until"},
                   output_option()},
       .run = run_lock},
      {.name = "unlock",
       .help = "End the freeze",
       .examples = {"bgdeploy unlock"},
       .options = {output_option()},
       .run = run_unlock},
      {.name = "trust",
       .help = "Show the hosts' key fingerprints and add them to known_hosts",
       .examples = {"bgdeploy trust"},
       .options = {{.names = "-y,--yes",
                    .help = "Add them without asking; compare the fingerprints some other way",
                    .target = &Arguments::yes}},
       .run = run_trust,
       .no_json = "it asks about each key; its exit code is the result"},
      {.name = "setup",
       .help = "Show, and after a yes run, what a fresh Debian or Ubuntu host lacks",
       .examples = {"bgdeploy setup", "bgdeploy setup --host web-1 > setup.sh"},
       .note =
           "docker, nginx, what the login may do, the include's folder, and a site: as a script for root, "
           "which may run again.\n"
           "Where there is no terminal to answer on, it is only shown, and the exit code is 2.",
       .options = {{.names = "-y,--yes", .help = "Run it without asking", .target = &Arguments::yes},
                   {.names = "--host",
                    .help = "Default: all hosts",
                    .target = &Arguments::host,
                    .value = "HOST",
                    .values = Values::any_host}},
       .run = run_setup,
       .no_json = "what it shows is a script"},
      {.name = "init",
       .help = "Write a bgdeploy.yml from what is there: compose files, Dockerfile, scripts, CI files",
       .examples = {"bgdeploy init", "bgdeploy init --from docker-compose-blue.yml docker-compose-green.yml",
                    "bgdeploy init --host deploy@web-1"},
       .note =
           "Nothing that it reads is run, and no value of a secret is copied. Comments in the spec mark what "
           "was guessed and what has to be filled in. It never replaces a file without --force.",
       .options = {{.names = "--from",
                    .help = "Read these files (default: what the working directory has)",
                    .target = &Arguments::from,
                    .value = "FILE",
                    .values = Values::file},
                   {.names = "--host",
                    .help = "Also look at what runs on this host: containers, compose projects, nginx",
                    .target = &Arguments::hosts,
                    .value = "[USER@]HOST"},
                   {.names = "--stdout",
                    .help = "Print it instead of writing a file",
                    .target = &Arguments::to_stdout},
                   {.names = "--force", .help = "Replace a spec that is there", .target = &Arguments::force}},
       .run = run_init,
       .no_json = "it writes a spec, which `bgdeploy config -o json` prints"},
      {.name = "prune",
       .help = "Remove what old releases left on the hosts: images beyond prune.images",
       .examples = {"bgdeploy prune --dry-run", "bgdeploy prune"},
       .note = "Keeps every image that a container uses, or that a rollback of any service may need.",
       .options = {{.names = "--dry-run",
                    .help = "Only show what would be removed",
                    .target = &Arguments::dry_run},
                   output_option()},
       .run = run_prune},
      {.name = "site",
       .help = "Print the parts of nginx's configuration that the spec needs, or put them on the proxies",
       .examples = {"bgdeploy site", "bgdeploy site --write --server-name shop.example.com"},
       .note =
           "Without --write it asks no host. With it, all proxies get the parts, tested by nginx, or none "
           "does; it needs the right to write there.",
       .options = {{.names = "--write",
                    .help = "Put them on the proxies, where nothing else is",
                    .target = &Arguments::write},
                   {.names = "--server-name",
                    .help = "The names. Default: those it has, verify.host, or the health check's Host",
                    .target = &Arguments::server_names,
                    .value = "NAME"},
                   {.names = "--to",
                    .help = "The site's file (default: /etc/nginx/conf.d/SERVICE-site.conf)",
                    .target = &Arguments::to,
                    .value = "FILE"},
                   {.names = "--force",
                    .help =
                        "Also replace files that `bgdeploy site` did not write, or that were changed since",
                    .target = &Arguments::force}},
       .run = run_site,
       .no_json = "it prints nginx's configuration"},
      {.name = "completion",
       .help = "Print a script for a shell, which then completes with <Tab>",
       .examples = {"bgdeploy completion bash"},
       .note = "Commands, options, environments, slots, hosts, and releases that `history` or a deploy has "
               "shown here.\n"
               "The script says where it goes.",
       .word = Word{"SHELL", "bash, zsh or fish", &Arguments::word, {"bash", "zsh", "fish"}},
       .run = run_completion,
       .no_json = "it prints a script"},
      {.name = "__complete",
       .help = "What fits at the end of the command line after --",
       .run = run_complete,
       .takes_words = true,
       .hidden = true},
      {.name = "__man",
       .help = "Print a manual page",
       .word = Word{"PAGE", "Which", &Arguments::word, {"bgdeploy.1", "bgdeploy.yml.5"}},
       .run = run_man,
       .hidden = true},
  };
}

}  // namespace

// "-n,--tail" as "-n" and "--tail".
std::vector<std::string> spellings_of(const Option& option) {
  std::vector<std::string> all;
  for (std::string_view rest = option.names; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    all.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return all;
}

bool takes_value(const Option& option) {
  return !std::holds_alternative<bool Arguments::*>(option.target);
}

bool takes_values(const Option& option) {
  return std::holds_alternative<std::vector<std::string> Arguments::*>(option.target);
}

bool takes_number(const Option& option) {
  return std::holds_alternative<std::optional<int> Arguments::*>(option.target);
}

std::string value_name(const Option& option) {
  if (!takes_value(option)) return "";
  if (!option.choices.empty()) return fmt::format("{}", fmt::join(option.choices, "|"));
  if (!option.value.empty()) return option.value;
  return takes_number(option) ? "N" : "TEXT";
}

bool is_shown(const Command& command) {
  return !command.hidden;
}

const std::vector<Command>& commands() {
  static const std::vector<Command> all = make_commands();
  return all;
}

std::span<const ExitCode> exit_codes() {
  static constexpr ExitCode k_codes[] = {
      {0, "done, or nothing to do"},
      {1, "failed, and all proxies send to the old release; leftovers on a lost host are named"},
      {2, "wrong usage or spec, or nothing to roll back or promote; nothing was changed"},
      {3, "a host could not be resolved, reached, trusted or logged in to; nothing was changed"},
      {4, "another deploy holds the lock, or the service is frozen; nothing was changed"},
      {5, "a human is needed: it says what is where and what to type"},
      {6, "the new release serves, but what comes after the switch failed"},
      {10, "plan --exit-code: there is something to do"},
      {130, "interrupted before the switch, and undone"},
  };
  return k_codes;
}

const std::vector<Option>& global_options() {
  static const std::vector<Option> all = {
      {.names = "-f,--file",
       .help = "The deploy spec (default: bgdeploy.yml or bgdeploy.yaml here)",
       .target = &Arguments::file,
       .value = "FILE",
       .values = Values::file},
      {.names = "-e,--environment",
       .help = "One of the spec's environments",
       .target = &Arguments::environment,
       .value = "ENV",
       .values = Values::environment},
      {.names = "-v,--verbose", .help = "Show probes and progress too", .target = &Arguments::verbose},
      {.names = "-q,--quiet",
       .help = "Show only warnings, errors and the last line",
       .target = &Arguments::quiet,
       .excludes = "--verbose"},
      {.names = "--progress",
       .help = "How progress is shown on stderr",
       .target = &Arguments::progress,
       .choices = {"auto", "tty", "plain", "json", "github"}},
      {.names = "--no-color", .help = "No colours (NO_COLOR does the same)", .target = &Arguments::no_color},
  };
  return all;
}

}  // namespace bgdeploy::cli
