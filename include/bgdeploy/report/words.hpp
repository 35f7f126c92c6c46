// The words that renderers for people print, as pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/report/event.hpp"

namespace bgdeploy::report {

template <class Kind>
bool is(const Event& event) {
  return std::holds_alternative<Kind>(event);
}

// "0.3s", "2.4s", "2m13s", "1h02m".
std::string short_duration(core::Duration duration);

// One printable line.
std::string one_line(std::string_view text);
// "1.2.3", and "1.2.3 (sha256:0123456789ab)" where a digest is known.
std::string shown(const ReleaseName& release);

// What a run is about to do: "shop: deploy 1.2.0 (sha256:91479c74512a); 1.1.0 serves on green".
std::string heading(const Started& started, const PlanMade& plan);
// The same before that is known: "shop: deploy 1.2.0".
std::string heading(const Started& started);

// What a run has come to: "1.2.0 was NOT deployed (24.5s). 1.1.0 serves as before, checked just now."
std::string headline(const Finished& event);
// The same in one line with its cause.
std::string conclusion(const Finished& event);

// What stands below the headline, each part under its key: "why", "log", "asked", "next".
struct Part {
  std::string key;
  std::vector<std::string> lines;     // printable
  std::vector<std::string> quoted{};  // other people's words, below the lines
};
// `told`: whether a line was shown already, right above.
std::vector<Part> parts(const Finished& event, const std::function<bool(const std::string&)>& told = {});
// Headline and parts, as they stand below each other, in `width` columns. `service`: named first.
std::vector<std::string> closing(const Finished& event, int width,
                                 const std::function<bool(const std::string&)>& told = {},
                                 const std::string& service = "");

}  // namespace bgdeploy::report
