// What the shells offer when <Tab> is pressed: computed here, from the table of commands, for all of them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "commands.hpp"

namespace bgdeploy::cli {

struct Candidate {
  std::string text;
  std::string help{};
};

struct Completion {
  std::vector<Candidate> candidates{};  // those of the table that begin with what is typed
  Values values = Values::any;          // what else fits; whoever asks knows where it comes from
  std::string typed{};                  // the beginning of such a value
  std::string before{};                 // "--slot=": what stands before the value in the same word
  std::string file{}, environment{};    // the spec that the words name
};

// A command line as a shell takes it apart: quotes undone, and `home` for the ~ of "~/…". The last word is
// the one that is being typed: behind a blank it is empty.
std::vector<std::string> words_of_line(std::string_view line, const std::string& home);

// `words` are those after the program's name; the last one is being typed, and may be empty.
Completion complete(std::span<const std::string> words);

}  // namespace bgdeploy::cli
