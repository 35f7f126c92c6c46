// What the tests of the loader share: loading a text, and the smallest spec there is.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "bgdeploy/spec/load.hpp"

namespace bgdeploy::spec {

using Variables = std::map<std::string, std::string, std::less<>>;

inline core::Result<Spec> load_text(const std::string& text, const Variables& variables = {},
                                    std::string_view environment = "") {
  return load({"/srv/app/bgdeploy.yml", text}, environment,
              [&](std::string_view name) -> std::optional<std::string> {
                const auto found = variables.find(name);
                return found == variables.end() ? std::nullopt : std::optional(found->second);
              });
}

// The smallest spec; `extra` is appended, and a line of it may replace nothing.
inline std::string minimal(const std::string& extra = "") {
  return "service: app\n"
         "image: example/app\n"
         "hosts: {app: [web.example.com]}\n"
         "slots: {blue: 8081, green: 8082}\n"
         "health: {tcp: true}\n"
         "proxy: {nginx: {include: /etc/nginx/app.inc}}\n" +
         extra;
}

// The spec of a text that must load.
inline Spec must_load(const std::string& text, const Variables& variables = {},
                      std::string_view environment = "") {
  auto spec = load_text(text, variables, environment);
  if (spec) return *spec;
  std::string report = spec.error().message;
  for (const auto& line : spec.error().details) report += "\n" + line;
  ADD_FAILURE() << report << "\n--- of ---\n" << text;
  return {};
}

// The report on a text, with the file's name shortened.
inline std::string report_of(const std::string& text, const Variables& variables = {},
                             std::string_view environment = "") {
  const auto spec = load_text(text, variables, environment);
  if (spec) return "loaded";
  std::string report = spec.error().message + "\n";
  for (const auto& line : spec.error().details) report += line + "\n";
  const std::string folder = "/srv/app/";
  for (std::size_t at = 0; (at = report.find(folder, at)) != std::string::npos;)
    report.erase(at, folder.size());
  return report;
}

// Only the messages: "3:5: …" without lines and carets.
inline std::string messages_of(const std::string& text, const Variables& variables = {},
                               std::string_view environment = "") {
  const auto spec = load_text(text, variables, environment);
  if (spec) return "loaded";
  const std::string file = "/srv/app/bgdeploy.yml:";
  std::string messages;
  for (const auto& line : spec.error().details) {
    if (line.starts_with(file)) messages += (messages.empty() ? "" : "\n") + line.substr(file.size());
  }
  return messages;
}

}  // namespace bgdeploy::spec
