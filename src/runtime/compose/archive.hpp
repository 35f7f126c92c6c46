// The files beside a compose file as one text that a shell script can hold.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/plan/state.hpp"

namespace bgdeploy::runtime {

// Lists what was uploaded, one path a line, so that it can be taken away again.
inline constexpr const char* k_file_list = ".bgdeploy-files";
// Of what is mounted, SHA-256 and path of each file as it was uploaded: the app may write there itself. And
// the paths of all others, whose content nobody but a deploy changes.
inline constexpr const char* k_data_sums = ".bgdeploy-sums";
inline constexpr const char* k_own_files = ".bgdeploy-own";

// A tar archive (POSIX ustar) with the folders, the files and their list, in base64. Paths are relative and
// of at most 255 bytes.
std::string compose_archive(const std::vector<plan::ComposeFile>& files);

}  // namespace bgdeploy::runtime
