// The errors of one file, collected so that all are reported in one run.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::spec {

// A place in the file. Both count from 1, the column in bytes; line 0 is the file as a whole.
struct Mark {
  int line = 0;
  int column = 0;
  auto operator<=>(const Mark&) const = default;
};

// Whether the line may be shown below the message, or could hold a secret.
enum class Show { line, place };

// Whether a key stands in the line below which, or behind which, a secret may be.
bool names_secret(std::string_view line);

class Diagnostics {
public:
  // `text` must outlive this.
  Diagnostics(std::string file, std::string_view text);

  void error(Mark at, std::string message, Show show = Show::line);
  void unsupported(Mark at, std::string message);

  bool empty() const { return m_problems.empty(); }
  // Nobody reads more: a walk through a hostile file may stop here.
  bool full() const;

  // Everything collected, in file order. See load() for the shape.
  core::Error to_error() const;

private:
  struct Problem {
    Mark at;
    std::string message;
    Show show;
    bool unsupported;
  };
  void add(Problem problem);
  std::string_view line(int number) const;
  int shown_column(Mark at) const;
  // `secret`, by line: whether it may hold a secret.
  void describe(const Problem& problem, const std::vector<bool>& secret,
                std::vector<std::string>& details) const;

  std::string m_file;
  std::vector<std::string_view> m_lines;
  std::vector<Problem> m_problems;
};

}  // namespace bgdeploy::spec
