// Docker's words, for people. Pure.
#pragma once

#include <string>

namespace bgdeploy::runtime {

// "OCI runtime exec failed: exec failed: unable to start container process: exec: … : unknown" without the
// names of docker's inner parts: "exec: …".
std::string without_layers(std::string said);

}  // namespace bgdeploy::runtime
