// What the shells offer when <Tab> is pressed: computed here, from the table of commands, for all of them.
#pragma once

#include <span>
#include <string>
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

// `words` are those after the program's name; the last one is being typed, and may be empty.
Completion complete(std::span<const std::string> words);

}  // namespace bgdeploy::cli
