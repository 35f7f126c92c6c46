// Timestamped lines without any escape sequence, for logs of CI systems and files.
#include "line_log.hpp"
#include "renderers.hpp"

namespace bgdeploy::report {

std::unique_ptr<Sink> plain_renderer(const Terminal& terminal, core::Clock& clock) {
  return std::make_unique<LineLog>(terminal, clock);
}

}  // namespace bgdeploy::report
