// Which service of a compose file is deployed, with what it extends.
// https://docs.docker.com/reference/compose-file/services/
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/init/draft.hpp"
#include "bgdeploy/init/readers.hpp"

namespace bgdeploy::init {

struct Service {
  std::string name;
  Json keys;
  int others = 0;  // services beside it
};

// ["A=b"] as {A: b}; a map as it is.
Json as_map(const Json& value);

// Neither a database nor a proxy; of several the one that looks most like what a proxy sends to, or two of
// one image where they are called blue and green. What else may be meant is noted. `left_out`: what compose
// itself would take, and is missing here.
std::vector<Service> apps_of(const Json& file, Draft& draft, std::vector<std::string>& left_out,
                             const std::string& source, const FileBeside& beside);

}  // namespace bgdeploy::init
