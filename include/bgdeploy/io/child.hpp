// Processes on this machine, by argv.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/io/fd.hpp"
#include "bgdeploy/io/pipes.hpp"

namespace bgdeploy::io {

// A child in a process group of its own, so that Ctrl-C in a terminal reaches only us. Destruction closes its
// stdin once what was written is delivered, and leaves it to itself.
class Child {
public:
  // Kind not_found when there is no such program, io when it cannot be started.
  static Result<std::unique_ptr<Child>> start(const std::vector<std::string>& argv, std::string input,
                                              bool input_closed);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  const std::shared_ptr<Pipes>& pipes() const;

private:
  friend Result<Output> run_child(const std::vector<std::string>& argv, std::string input, const Wait& wait,
                                  const std::string& folder);
  class Mover;
  static Result<std::unique_ptr<Mover>> start_mover(const std::vector<std::string>& argv,
                                                    const std::string& folder, std::string input,
                                                    bool input_closed);
  explicit Child(std::unique_ptr<Mover> mover);
  std::unique_ptr<Mover> m_mover;
};

// Runs a child to its end, in `folder` or, where that is empty, in ours: a relative program is below it too.
// One that outlives the wait is terminated with its process group.
Result<Output> run_child(const std::vector<std::string>& argv, std::string input, const Wait& wait,
                         const std::string& folder = {});

// Starts a child with `stream` as its stdin and stdout, and leaves it to itself; stderr goes nowhere.
Result<void> start_on(const std::vector<std::string>& argv, Fd stream);

}  // namespace bgdeploy::io
