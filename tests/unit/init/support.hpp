// Drafts, and the specs that are written from them.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "bgdeploy/init/draft.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/spec/load.hpp"

namespace bgdeploy::init {

inline core::Result<spec::Spec> load(const std::string& text) {
  return spec::load({"/work/bgdeploy.yml", text}, "", [](std::string_view name) {
    return name == "HOME" ? std::optional<std::string>("/root") : std::nullopt;
  });
}

// What is written has to load, whatever it was read from.
inline spec::Spec written(const Draft& draft) {
  const std::string text = write(draft);
  auto spec = load(text);
  if (spec) return *spec;
  ADD_FAILURE() << spec.error().message << "\n"
                << ::testing::PrintToString(spec.error().details) << "\n"
                << text;
  return {};
}

inline spec::Spec completed(Draft& draft) {
  complete(draft, "Shop Folder");
  return written(draft);
}

inline const spec::HealthHttp& http(const spec::Spec& spec) {
  static const spec::HealthHttp k_none{.path = "none"};
  const auto* found = std::get_if<spec::HealthHttp>(&spec.health.probe);
  return found == nullptr ? k_none : *found;
}

inline spec::Spec from_compose(Draft& draft, const std::string& text, const Variables& known = {}) {
  const File file{"docker-compose.yml", text};
  const auto done = read_compose(draft, std::span(&file, 1), known, "shop");
  EXPECT_TRUE(done) << done.error().message;
  return completed(draft);
}

inline spec::Spec from_script(Draft& draft, const std::string& text, const std::string& name = "deploy.sh") {
  const File file{name, text};
  read_scripts(draft, std::span(&file, 1), {});
  return completed(draft);
}

inline bool notes(const Draft& draft, std::string_view part) {
  for (const std::string& note : draft.notes())
    if (note.contains(part)) return true;
  return false;
}

}  // namespace bgdeploy::init
