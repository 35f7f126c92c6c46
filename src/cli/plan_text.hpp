// Prints a plan, for people or for programs.
#pragma once

#include "arguments.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/spec/spec.hpp"
#include "page.hpp"

namespace bgdeploy::cli {

std::string preview_text(const spec::Spec& spec, const deploy::Preview& preview, const Arguments& arguments,
                         const Page& page);
// On stdout.
void print_preview(const spec::Spec& spec, const deploy::Preview& preview, const Arguments& arguments);

}  // namespace bgdeploy::cli
