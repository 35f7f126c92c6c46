// The renderers that pick() chooses from.
#pragma once

#include <memory>

#include "bgdeploy/report/render.hpp"

namespace bgdeploy::report {

std::unique_ptr<Sink> json_renderer(const Terminal& terminal, core::Clock& clock);
std::unique_ptr<Sink> plain_renderer(const Terminal& terminal, core::Clock& clock);
std::unique_ptr<Sink> github_renderer(const Terminal& terminal, core::Clock& clock);
std::unique_ptr<Sink> tty_renderer(const Terminal& terminal, core::Clock& clock);

// Writes a text at once, so that no line of another writer to the same stream lands inside it.
inline void put(std::FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

}  // namespace bgdeploy::report
