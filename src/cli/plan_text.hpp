// A plan as people and as programs read it.
#pragma once

#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::cli {

// On stdout.
void print_preview(const spec::Spec& spec, const deploy::Preview& preview, bool json);

}  // namespace bgdeploy::cli
