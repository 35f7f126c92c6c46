// Hooks in words.
#pragma once

#include <string>
#include <string_view>

#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::spec {

// "before_switch", as the spec has it.
std::string_view name_of(HookPosition position);
// What it runs, on one line: "./scripts/smoke.sh", "./manage.py migrate (in a container)".
std::string words_of(const Hook& hook);

}  // namespace bgdeploy::spec
