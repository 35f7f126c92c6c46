// Which process listens on a TCP port, from what ss prints: pure.
#pragma once

#include <string>
#include <string_view>

namespace bgdeploy::runtime {

// "python3 (pid 4624)": the first process that `ss -p` names; empty where it names none.
std::string parse_listener(std::string_view ss);

}  // namespace bgdeploy::runtime
