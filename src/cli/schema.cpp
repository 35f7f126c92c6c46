#include "bgdeploy/spec/schema.hpp"

#include "command.hpp"
#include "commands.hpp"

namespace bgdeploy::cli {

int run_schema(const Arguments&) {
  print(spec::json_schema());
  return 0;
}

}  // namespace bgdeploy::cli
