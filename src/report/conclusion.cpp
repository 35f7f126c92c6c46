// How a run is told when it has ended: a headline, and what stands below it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/report/layout.hpp"
#include "bgdeploy/report/words.hpp"

namespace bgdeploy::report {
namespace {

constexpr int k_key_width = 8;
constexpr std::size_t k_named_hosts = 3;

// "2.4s, nothing ran for 1.3s"
std::string took(const Finished& event) {
  return short_duration(event.took) +
         (event.gap ? fmt::format(", nothing ran for {}", short_duration(*event.gap)) : "");
}

// The same as a remark: " (2.4s)".
std::string within(const Finished& event) {
  return fmt::format(" ({})", took(event));
}

// "green on web-1"
std::string place(const Finished& event) {
  std::string where = one_line(event.slot);
  if (!event.serving || event.serving->hosts.empty()) return where;
  if (where.empty()) where = one_line(event.serving->slot);
  std::vector<std::string> hosts;
  for (const std::string& host : event.serving->hosts) hosts.push_back(one_line(host));
  const std::string on = hosts.size() > k_named_hosts ? fmt::format("{} hosts", hosts.size())
                                                      : fmt::format("{}", fmt::join(hosts, ", "));
  return where.empty() ? "on " + on : fmt::format("{} on {}", where, on);
}

// " (green on web-1)"
std::string placed(const Finished& event) {
  const std::string where = place(event);
  return where.empty() ? "" : fmt::format(" ({})", where);
}

// The release that serves in the end.
std::string serving_name(const Finished& event) {
  return event.serving ? shown(event.serving->release) : shown(event.from);
}

// " 1.1.0 serves as before, checked just now.", or why it does not.
std::string what_serves(const Finished& event, std::string_view how) {
  if (event.serving && !event.serving->trouble.empty())
    return fmt::format(" {}.", one_line(event.serving->trouble));
  const std::string name = serving_name(event);
  if (name.empty()) return "";
  const bool checked = event.serving && event.serving->checked;
  return fmt::format(" {} serves{}{}.", name, event.nothing_changed ? "" : fmt::format(" {}", how),
                     checked ? ", checked just now" : "");
}

// " (2.4s); nothing was changed."
std::string ended(const Finished& event) {
  return within(event) + (event.nothing_changed ? "; nothing was changed." : ".");
}

// "deploy of 1.2.3"
std::string task_name(const Finished& event) {
  const auto to = shown(event.to);
  const bool back = event.command == Command::rollback || event.command == Command::rehearse;
  std::string what = event.command == Command::rehearse  ? "rehearsal of a rollback"
                     : event.command == Command::promote ? "promotion"
                                                         : std::string(to_string(event.command));
  return to.empty() ? what : fmt::format("{} {} {}", what, back ? "to" : "of", to);
}

// What to type to have the release before back.
std::string way_back(const Finished& event) {
  if (event.from.name.empty() || event.from == event.to) return "";
  if (event.command != Command::rollback) return event.program.in(" Back: bgdeploy rollback");
  constexpr std::size_t k_digits = 12;
  const bool digest = event.from.digest.has_value() || event.from.name.starts_with("sha256:");
  const std::string which = event.from.digest.value_or(event.from.name);
  return event.program.in(
      fmt::format(" Back: bgdeploy rollback --to {}",
                  one_line(digest ? which.substr(0, which.find(':') + 1 + k_digits) : which)));
}

std::string success(const Finished& event) {
  const std::string to = shown(event.to);
  const std::string time = took(event);
  if (event.command == Command::abort)
    return fmt::format("{} is taken away ({}).{}", to.empty() ? "What a run that died left" : to, time,
                       what_serves(event, "as before"));
  if (event.command == Command::rehearse)
    return fmt::format("{} would come back: it {} ({}).{}", to,
                       event.remark.empty() ? "got healthy, and was stopped again" : one_line(event.remark),
                       time, what_serves(event, "as before"));
  if (!event.remark.empty())
    return fmt::format("{} serves{}: {}. {}.", to, placed(event), one_line(event.remark), time);
  const std::string from = shown(event.from);
  return fmt::format("{} serves{}{}. {}.{}", to, placed(event), from.empty() ? "" : ", was " + from, time,
                     way_back(event));
}

std::string failure(const Finished& event) {
  const auto to = shown(event.to);
  std::string what;
  switch (event.command) {
    case Command::deploy:
      what = to.empty() ? "The deploy FAILED" : to + " was NOT deployed";
      break;
    case Command::rollback:
      what = to.empty() ? "NOT rolled back" : "NOT rolled back to " + to;
      break;
    case Command::promote:
      what = to.empty() ? "NOT promoted" : to + " was NOT promoted";
      break;
    case Command::abort:
      what = to.empty() ? "NOT aborted" : to + " was NOT taken away";
      break;
    case Command::rehearse:
      what = "The " + task_name(event) + " FAILED";
      break;
  }
  return what + ended(event) + what_serves(event, "as before");
}

std::string after_switch(const Finished& event) {
  return fmt::format("{} serves{}, but what comes after the switch {}{}.", shown(event.to), placed(event),
                     event.verdict == Verdict::interrupted ? "was INTERRUPTED" : "FAILED", within(event));
}

// Where nobody said what to do.
std::string default_next(const Finished& event) {
  if (event.verdict == Verdict::held) return "bgdeploy promote, or bgdeploy abort";
  if (event.exit_code == 0) return "";
  if (event.exit_code == 5) return "look with: bgdeploy status";
  if (event.exit_code == 6)
    return event.from.name.empty() ? "look with: bgdeploy status"
                                   : "look with: bgdeploy status; bgdeploy rollback goes back";
  if (event.cause && !event.cause->logs.empty())
    return "all of the log: bgdeploy logs --failed; mend it, then run this again";
  return event.verdict == Verdict::interrupted ? "run it again when you like" : "";
}

// Names the host, unless the words do.
std::string on_host(const std::string& message, const std::optional<Cause>& cause) {
  const std::string words = one_line(message);
  const std::string host = cause ? one_line(cause->host) : "";
  return host.empty() || words.find(host) != std::string::npos ? words : fmt::format("{}: {}", host, words);
}

// Whether the message has these words as a part of their own: "docker: no space left", and not in a command
// that it quotes.
bool has_part(std::string_view message, std::string_view words) {
  for (auto at = message.find(words); at != std::string_view::npos; at = message.find(words, at + 1)) {
    const std::string_view before = message.substr(0, at), behind = message.substr(at + words.size());
    const bool begins = before.empty() || before.ends_with(": ") || before.ends_with("; ");
    if (begins && (behind.empty() || behind.front() == ':' || behind.front() == ';')) return true;
  }
  return false;
}

Part why(const core::Error& error, const Finished& event,
         const std::function<bool(const std::string&)>& told) {
  Part part{"why", {on_host(error.message, event.cause)}};
  for (const auto& detail : error.details)
    for (const auto& line : core::split_lines(detail)) {
      std::string words = core::printable(line);
      if (!has_part(part.lines.front(), words) && (!told || !told(words)))
        part.quoted.push_back(std::move(words));
    }
  return part;
}

std::vector<Part> logs(const Cause& cause) {
  std::vector<Part> all;
  for (const HostLog& log : cause.logs) {
    Part part{"log", {}};
    if (cause.logs.size() > 1) part.lines.push_back(one_line(log.host) + ":");
    for (const std::string& line : log.lines) part.quoted.push_back(core::printable(line));
    all.push_back(std::move(part));
  }
  return all;
}

bool says(const std::optional<core::Error>& error, const std::string& words) {
  return error && error->message.find(words) != std::string::npos;
}

Part asked(const Asked& asked) {
  std::string words = one_line(asked.answer);
  if (!asked.question.empty()) words = fmt::format("{}: {}", one_line(asked.question), words);
  if (asked.times > 1) words += fmt::format(" ({} times)", asked.times);
  return {"asked", {std::move(words)}};
}

void add(std::vector<std::string>& lines, const Part& part, int width) {
  constexpr int k_indent = 2 + k_key_width;
  const int room = width == k_any_width ? k_any_width : std::max(width - k_indent, 8);
  std::string begin = "  " + padded(part.key, k_key_width);
  const auto put = [&](std::string_view text) {
    lines.push_back(begin + std::string(text));
    begin.assign(k_indent, ' ');
  };
  for (const std::string& text : part.lines)
    for (const std::string& line : wrapped(text, room)) put(line);
  const int quoted = room == k_any_width ? k_any_width : room - 2;
  for (const std::string& text : part.quoted)
    for (const std::string& line : wrapped(text, quoted)) put("| " + line);
}

}  // namespace

std::string headline(const Finished& event) {
  if (event.exit_code == 6) return after_switch(event);
  switch (event.verdict) {
    case Verdict::succeeded:
      return success(event);
    case Verdict::unchanged: {
      if (event.command == Command::abort)
        return "Nothing waits, so there is nothing to abort." + what_serves(event, "as before");
      const auto to = shown(event.to);
      return (to.empty() ? "It" : to) + " serves already" + placed(event) + ": nothing to do.";
    }
    case Verdict::held:
      return fmt::format("{} is healthy and waits{}.{}", shown(event.to), within(event),
                         what_serves(event, "as before"));
    case Verdict::rolled_back:
      return fmt::format("{} served, and was taken back{}.{}", shown(event.to), within(event),
                         what_serves(event, "again"));
    case Verdict::interrupted:
      return fmt::format("The {} was INTERRUPTED{}{}{}", task_name(event),
                         event.nothing_changed ? "" : " and undone", ended(event),
                         what_serves(event, "as before"));
    case Verdict::inconsistent:
      return fmt::format("A HUMAN IS NEEDED: the {} stopped{}", task_name(event), ended(event));
    case Verdict::failed:
      break;
  }
  return failure(event);
}

std::string conclusion(const Finished& event) {
  std::string text = headline(event);
  if (event.verdict == Verdict::held && !event.remark.empty()) text += " " + one_line(event.remark);
  if (event.error && event.exit_code != 0) text += " " + on_host(event.error->message, event.cause);
  return text;
}

std::vector<Part> parts(const Finished& event, const std::function<bool(const std::string&)>& told) {
  std::vector<Part> all;
  if (event.verdict == Verdict::held && !event.remark.empty())
    all.push_back({"held", {one_line(event.remark)}});
  // That it was interrupted, the headline says.
  const bool only_interrupted =
      event.verdict == Verdict::interrupted && event.error && event.error->details.empty();
  if (event.error && event.exit_code != 0 && !only_interrupted) all.push_back(why(*event.error, event, told));
  if (event.exit_code != 0 && event.cause) {
    for (Part& part : logs(*event.cause)) all.push_back(std::move(part));
    if (event.cause->asked && !says(event.error, event.cause->asked->answer))
      all.push_back(asked(*event.cause->asked));
  }
  const std::string next = one_line(
      event.error && !event.error->next.empty() ? event.error->next : event.program.in(default_next(event)));
  if (!next.empty()) all.push_back({"next", {next}});
  return all;
}

std::vector<std::string> closing(const Finished& event, int width,
                                 const std::function<bool(const std::string&)>& told,
                                 const std::string& service) {
  const std::string name = service.empty() ? "" : one_line(service) + ": ";
  std::vector<std::string> lines = wrapped(name + headline(event), width);
  for (const Part& part : parts(event, told)) add(lines, part, width);
  return lines;
}

}  // namespace bgdeploy::report
