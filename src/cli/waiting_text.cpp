#include "waiting_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/plan/held.hpp"
#include "bgdeploy/report/words.hpp"
#include "command.hpp"
#include "state_text.hpp"

namespace bgdeploy::cli {
namespace {

using nlohmann::ordered_json;
using KeptContainer = deploy::WayBack::Container;

std::string_view word_of(KeptContainer container) {
  switch (container) {
    case KeptContainer::running:
      return "running";
    case KeptContainer::stopped:
      return "stopped";
    case KeptContainer::absent:
      break;
  }
  return "absent";
}

// "about 1 s"
std::string about(core::Duration took) {
  const auto seconds = (took.count() + 500) / 1000;
  if (seconds < 60) return fmt::format("about {} s", std::max<std::int64_t>(seconds, 1));
  return fmt::format("about {} min", (seconds + 30) / 60);
}

std::string rehearsal(const deploy::WayBack& back, core::SystemTime now) {
  if (!back.rehearsed) return "never rehearsed";
  const char* how = back.rehearsed->succeeded     ? "rehearsed"
                    : back.rehearsed->interrupted ? "a rehearsal was interrupted"
                                                  : "a rehearsal FAILED";
  return fmt::format("{} {}", how, age(back.rehearsed->time, now));
}

std::string back_line(const deploy::WayBack& back, core::SystemTime now) {
  const std::string name = back.release.tag.empty() ? plan::describe(back.release) : back.release.tag;
  return fmt::format("back to {}: {}container {}, image {}; {}\n", core::printable(name),
                     back.about ? about(*back.about) + ", " : "", word_of(back.container),
                     back.image ? "present" : "absent", rehearsal(back, now));
}

}  // namespace

std::string waiting_text(const spec::Spec& spec, const deploy::Survey& survey, core::SystemTime now) {
  std::string text;
  if (!survey.history_unknown.empty())
    text += fmt::format("the history cannot be read, so what waits and the way back are not known: {}\n",
                        core::printable(survey.history_unknown));
  if (const auto& held = survey.state.held) {
    text += fmt::format("{}, {}: `bgdeploy promote` or `bgdeploy abort`\n",
                        core::printable(plan::describe(spec, *held)), age(held->since, now));
    for (const std::string& way : survey.ways_to_held)
      text += fmt::format("reach it with {}\n", core::printable(way));
  }
  if (const auto& last = survey.state.last_served)
    text += fmt::format("nothing runs: `bgdeploy rollback` starts {} again, which served last\n",
                        core::printable(plan::describe(last->release)));
  if (survey.way_back) text += back_line(*survey.way_back, now);
  return text;
}

ordered_json waiting_json(const spec::Spec& spec, const deploy::Survey& survey) {
  const auto& held = survey.state.held;
  if (!held) return nullptr;
  return {{"release", release_json(held->release)},
          {"slot", spec.slots[held->slot].name},
          {"since", core::format_time(held->since)},
          {"who", held->who},
          {"reach", survey.ways_to_held}};
}

ordered_json way_back_json(const deploy::Survey& survey) {
  if (!survey.way_back) return nullptr;
  const deploy::WayBack& back = *survey.way_back;
  ordered_json object = {
      {"release", release_json(back.release)}, {"container", word_of(back.container)}, {"image", back.image}};
  object["about_ms"] = back.about ? ordered_json(back.about->count()) : ordered_json(nullptr);
  object["rehearsed"] = nullptr;
  if (back.rehearsed)
    object["rehearsed"] = {{"time", core::format_time(back.rehearsed->time)},
                           {"succeeded", back.rehearsed->succeeded},
                           {"interrupted", back.rehearsed->interrupted}};
  return object;
}

}  // namespace bgdeploy::cli
