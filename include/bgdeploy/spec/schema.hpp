// The keys of the spec for other programs: editors, and validators that are not this one.
#pragma once

#include <string>

namespace bgdeploy::spec {

// A JSON Schema (draft 2020-12) of bgdeploy.yml, made from the same table that the loader reads by. It
// refuses nothing that the loader takes. It sees a file before ${VAR} is replaced, so it lets any such value
// pass.
std::string json_schema();

}  // namespace bgdeploy::spec
