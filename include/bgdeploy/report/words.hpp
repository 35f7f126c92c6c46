// What renderers for people say, as pure functions: the words of an event, the last line of a command, and
// text measured and cut by the columns it takes on a terminal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/report/event.hpp"

namespace bgdeploy::report {

// Fields of an event; empty, or nothing, when absent or of another type.
std::string text_field(const Event& event, std::string_view name);
std::optional<std::int64_t> number_field(const Event& event, std::string_view name);

// "deploy.finished", "rollback.finished": the last event of a command.
bool is_conclusion(const Event& event);
// Whether it is shown with `--quiet`: warnings, failures, what a failed container logged, the last line.
bool is_important(const Event& event);
// Whether it is shown with `--verbose` only: probes and the progress of pulls.
bool is_chatter(const Event& event);

// "340ms", "2.4s", "2m13s", "1h02m".
std::string short_duration(core::Duration duration);
// "512 B", "12.3 MB": units are powers of 1000, as docker prints layers.
std::string short_bytes(std::int64_t bytes);

// What the event is about: its message, else its step, else its name. One printable line.
std::string subject(const Event& event);
// The event in one line without host and time: "pull app:1.2.3: done in 1.2s".
std::string sentence(const Event& event);
// Why something failed, nearest to the reader last: the error's further lines behind a gutter, then its
// message. Printable.
std::vector<std::string> explanation(const core::Error& error);

// The last line of a command. `failure` is the first step.failed seen: it is named as the cause where the
// event itself names none.
std::string conclusion(const Event& event, const std::optional<Event>& failure);

// Columns a printable UTF-8 text takes: 0 for combining characters, 2 for East Asian wide ones.
int display_width(std::string_view text);
// Cut to `width` columns, ending in "…" where something was left out.
std::string fit(std::string_view text, int width);

}  // namespace bgdeploy::report
