// The end of a container in words: pure.
#pragma once

#include <string>
#include <string_view>

#include "bgdeploy/runtime/runtime.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// "exited with exit code 137: it ran out of memory (OOM) and was killed"
std::string how_it_ended(const runtime::Diagnosis& diagnosis);

// What to do where its log alone may tell why.
inline constexpr std::string_view k_mend = "mend what its log says, then deploy again";
// What to do about it. `host`: where it ran.
std::string after_its_end(const spec::Spec& spec, const std::string& host,
                          const runtime::Diagnosis& diagnosis, const runtime::Clues& clues);

}  // namespace bgdeploy::deploy
