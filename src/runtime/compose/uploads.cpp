// Files that were uploaded for slots without a container.
#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "compose/compose_runtime.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;

struct Upload {
  std::string path;
  std::int64_t bytes = 0;
};

// "BYTES PATH"
std::vector<Upload> uploads_in(const std::string& listing) {
  std::vector<Upload> uploads;
  for (const auto& line : core::split_lines(listing)) {
    std::string_view rest = line;
    const auto bytes = core::take_number<std::int64_t>(rest);
    if (bytes && rest.starts_with(" /")) uploads.push_back({std::string(rest.substr(1)), *bytes});
  }
  return uploads;
}

}  // namespace

// A container that stopped may start again, with what its compose file mounts.
Result<std::vector<Removed>> ComposeRuntime::remove_uploads(bool only_look, const Wait& wait) {
  const std::string folder = m_on.spec.service + "/compose";
  const auto run_script = [&](const std::vector<std::string>& remove) -> Result<std::string> {
    BGDEPLOY_ASSIGN(
        const auto output,
        m_on.host.run({{"sh", "-s"}, host::Tool::docker, compose_uploads_script(folder, remove)}, wait));
    if (output.ok()) return output.out;
    return core::fail(ErrorKind::refused, "the files that were uploaded cannot be looked at",
                      core::split_lines(core::printable(output.err, true)));
  };
  BGDEPLOY_ASSIGN(const auto listing, run_script({}));
  auto uploads = uploads_in(listing);
  if (uploads.empty()) return std::vector<Removed>{};
  BGDEPLOY_ASSIGN(const auto list, m_on.client->list_containers(wait));
  std::erase_if(uploads, [&](const Upload& upload) {
    return std::ranges::any_of(list, [&](const engine::ContainerSummary& container) {
      return value_of(container.labels, compose_label::k_files).find(upload.path + "/") != std::string::npos;
    });
  });
  std::vector<Removed> removed;
  std::vector<std::string> paths;
  for (const auto& upload : uploads) {
    paths.push_back(upload.path);
    removed.push_back({"uploaded files in " + core::printable(upload.path), upload.bytes});
  }
  if (!only_look && !paths.empty()) BGDEPLOY_TRY(run_script(paths));
  return removed;
}

}  // namespace bgdeploy::runtime
