// Text of containers, hosts and registries commands neither a terminal nor a CI system, in whatever table or
// line of stdout it comes, and adds no line of its own.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/status.hpp"
#include "bgdeploy/plan/held.hpp"
#include "cli/command.hpp"
#include "cli/plan_text.hpp"
#include "cli/state_text.hpp"
#include "cli/texts.hpp"
#include "cli/waiting_text.hpp"

namespace bgdeploy::cli {
namespace {

const core::SystemTime k_now = core::SystemTime(std::chrono::hours(100));

plan::Release release_that_says(const std::string& text) {
  return {.id = text, .tag = text, .image = text, .digest = text};
}

plan::Container container_that_says(const std::string& text) {
  plan::Container made;
  made.id = made.name = made.health = text;
  made.managed = true;
  made.status = plan::Container::Status::running;
  made.release = release_that_says(text);
  return made;
}

plan::State state_that_says(const std::string& text) {
  plan::State state;
  plan::AppHost host{.host = text};
  for (std::size_t i = 0; i < 2; ++i) {
    host.slots[i].container = container_that_says(text);
    host.slots[i].others = {container_that_says(text)};
    host.slots[i].answers = i == 1;
    host.slots[i].answer = text;
  }
  state.app_hosts.push_back(host);
  plan::ProxyHost proxy{.host = text};
  proxy.written = true;
  proxy.traffic = plan::Traffic::all_to(0);
  proxy.include = text;
  proxy.notes = {text};
  proxy.claims = {{.slot = 1, .where = text}};
  proxy.outdated = proxy.unfinished = true;
  state.proxies.push_back(proxy);
  state.held = plan::Held{.slot = 1, .release = release_that_says(text), .who = text, .since = k_now};
  return state;
}

deploy::LockStatus lock_that_says(const std::string& text) {
  return {.holder = deploy::LockOwner{.who = text, .what = text, .since = k_now},
          .freeze = deploy::LockOwner{.who = text, .what = text, .since = k_now}};
}

core::Error error_that_says(const std::string& text) {
  return {core::ErrorKind::refused, text, {text, "a\n" + text}, text};
}

std::string status_that_says(const std::string& text, bool verbose, const Page& page) {
  const spec::Spec spec = test::small_spec();
  deploy::Survey survey;
  survey.state = state_that_says(text);
  survey.ways_to_held = {text};
  survey.history_unknown = text;
  survey.way_back = deploy::WayBack{.release = release_that_says(text)};
  return slots_text(spec, survey.state, {.now = k_now, .verbose = verbose}, page) +
         proxies_text(spec, survey.state, page) + oddities_text(spec, survey.state, page) +
         lock_text(lock_that_says(text), k_now, page) + lock_text({.unknown = text}, k_now, page) +
         waiting_text(spec, survey, k_now) + error_text("not shown", error_that_says(text));
}

std::string plan_that_says(const std::string& text, bool verbose, const Page& page) {
  deploy::Preview preview{.state = state_that_says(text), .lock = lock_that_says(text)};
  preview.plan.from = preview.plan.to = release_that_says(text);
  preview.plan.to.tag += "2";
  preview.plan.live = 0;
  preview.plan.target = 1;
  preview.plan.notes = preview.plan.remarks = preview.plan.skipped = {text};
  preview.changes = {{.key = text, .before = text, .after = text + "2"}, {.key = text, .words = text}};
  Arguments arguments;
  arguments.verbose = verbose;
  std::string all = preview_text(test::small_spec(), preview, arguments, page);
  preview.compared = true;
  return all + preview_text(test::small_spec(), preview, arguments, page);
}

std::string history_that_says(const std::string& text, bool verbose, const Page& page) {
  deploy::HistoryEntry entry{.who = text, .command = text, .result = "failed", .message = text, .slot = text};
  entry.from = entry.to = release_that_says(text);
  deploy::HistoryEntry hook = entry;
  hook.hook = text;
  Arguments arguments;
  arguments.verbose = verbose;
  return history_text({entry, hook}, arguments, page);
}

std::string check_that_says(const std::string& text, const Page& page) {
  return check_text({{.what = text, .note = text}, {.what = text, .error = error_that_says(text)}}, page);
}

void expect_harmless(const std::string& printed) {
  for (const char* forbidden : {"\x1b", "\r", "\a", "\x7f", "\xC2\x9B", "\xE2\x80\xAE", "##[", "##vso["})
    RC_ASSERT(printed.find(forbidden) == std::string::npos);
  for (const std::string& line : core::split_lines(printed)) {
    const auto begin = line.find_first_not_of(" \t");
    const bool command = begin != std::string::npos && line.substr(begin).starts_with("::error");
    RC_ASSERT(!command);
    RC_ASSERT(!line.starts_with("forged"));
  }
}

RC_GTEST_PROP(HostileOutput, TextCommandsNoTerminalAndNoRunnerAndForgesNoLine, ()) {
  const auto pieces =
      *rc::gen::resize(12, rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
                               "\x1b[2J", "\x1b]0;x\a", "\r", "\nforged", "\n::error::forged",
                               "::error::forged", "##[error]x", "##vso[x]y",
                               "\xC2\x9B"
                               "31m",
                               "\xE2\x80\xAE", "\x7f", "\xFF", "text", " ")));
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  for (const Page& page : {Page{}, Page{.width = 60, .terminal = true}}) {
    for (const bool verbose : {false, true}) {
      expect_harmless(status_that_says(text, verbose, page));
      expect_harmless(plan_that_says(text, verbose, page));
      expect_harmless(history_that_says(text, verbose, page));
    }
    expect_harmless(check_that_says(text, page));
  }
  expect_harmless(table({{"A"}, {text}}));
}

}  // namespace
}  // namespace bgdeploy::cli
