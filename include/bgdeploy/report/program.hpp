// This program as its user calls it, so that a command works as it is printed.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::report {

struct Program {
  std::string call = "bgdeploy";        // with its global options: "bgdeploy -f shop.yml -e staging"
  std::vector<std::string> commands{};  // those that read the spec, so that need these options

  // "bgdeploy rollback" in a text becomes "bgdeploy -f shop.yml rollback".
  std::string in(std::string text) const;
  // In what an error advises.
  core::Error in(core::Error error) const;
};

}  // namespace bgdeploy::report
