#include "bgdeploy/core/current_error.hpp"

#include <exception>
#include <new>
#include <system_error>

namespace bgdeploy::core {

Error current_error() noexcept {
  // Short enough to need no memory.
  constexpr const char* k_no_memory = "out of memory";
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return {ErrorKind::io, k_no_memory, {}};
  } catch (const std::exception& exception) {
    const bool system = dynamic_cast<const std::system_error*>(&exception) != nullptr;
    try {
      return {system ? ErrorKind::io : ErrorKind::internal, exception.what(), {}};
    } catch (...) {
      return {ErrorKind::io, k_no_memory, {}};
    }
  } catch (...) {
    return {ErrorKind::internal, "unknown", {}};
  }
}

}  // namespace bgdeploy::core
