// Prints a plan, for people or for programs.
#pragma once

#include "arguments.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::cli {

// On stdout.
void print_preview(const spec::Spec& spec, const deploy::Preview& preview, const Arguments& arguments);

}  // namespace bgdeploy::cli
