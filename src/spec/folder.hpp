#pragma once

#include <filesystem>

namespace bgdeploy::spec {

// The folder of the spec, absolute. Relative only where the working directory is gone.
inline std::filesystem::path folder_of(const std::filesystem::path& file) {
  std::error_code no_working_directory;
  const auto absolute = std::filesystem::absolute(file, no_working_directory);
  return (no_working_directory ? file : absolute).parent_path();
}

}  // namespace bgdeploy::spec
