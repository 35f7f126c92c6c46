// What Podman says of a container, as docker would say it.
#pragma once

#include "bgdeploy/core/json.hpp"

namespace bgdeploy::runtime {

// Podman (4.3) tells what became of a request rather than the request: options that it added itself are in
// the answer to an inspection, and some that were asked for are not. Where its answer agrees with what is
// `wanted`, it is put into the wanted words; the rest stays as it is, and counts as a difference.
core::Json podman_as_docker(core::Json container, const core::Json& image, const core::Json& wanted);

}  // namespace bgdeploy::runtime
