// This side of a command's streams.
#pragma once

#include <optional>

namespace bgdeploy::engine {

struct Window {
  int rows = 0, columns = 0;
  bool operator==(const Window&) const = default;
};

class Console {
public:
  virtual ~Console() = default;
  // What the command reads, to its end; -1: it gets no input.
  virtual int input() const = 0;
  // The command runs in a terminal of this size; nothing: in none, and its stderr stays apart from its
  // stdout.
  virtual std::optional<Window> window() = 0;
  // Readable when window() has something new to say; -1: never.
  virtual int resized() const = 0;
  // In between the command runs: what is typed is for it alone.
  virtual void begin() = 0;
  virtual void end() = 0;
};

}  // namespace bgdeploy::engine
