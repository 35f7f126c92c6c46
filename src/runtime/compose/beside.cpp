#include "compose/beside.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/spec/compose_references.hpp"
#include "bgdeploy/spec/dotenv.hpp"

namespace bgdeploy::runtime {
namespace {

namespace fs = std::filesystem;
using core::ErrorKind;
using core::Result;
using plan::ComposeFile;
using Reference = spec::ComposeReference;

constexpr std::size_t k_beside_bytes = 4UL << 20;
constexpr std::size_t k_most_files = 1000;
constexpr int k_reference_depth = 16;
constexpr std::size_t k_longest_path = 200;

bool is_below(const fs::path& path, const fs::path& folder) {
  const auto relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

// On the host, or fetched by compose itself.
bool is_elsewhere(std::string_view path) {
  return path.starts_with('/') || path.starts_with('~') || path.find("://") != std::string_view::npos ||
         path.starts_with("git@");
}

ComposeFile::Kind kind_of(Reference::Kind kind) {
  switch (kind) {
    case Reference::Kind::env_file:
    case Reference::Kind::secret:
      return ComposeFile::Kind::secret;
    case Reference::Kind::mount:
      return ComposeFile::Kind::data;
    case Reference::Kind::file:
    case Reference::Kind::config:
      break;
  }
  return ComposeFile::Kind::part;
}

class Gathering {
public:
  Gathering(const std::string& path, const spec::Environment& variables,
            const std::vector<ComposeFile>& recorded)
      : m_main(path), m_base(fs::path(path).parent_path()), m_variables(variables) {
    std::error_code error;
    m_root = fs::weakly_canonical(m_base, error);
    for (const auto& file : recorded)
      if (file.kind == ComposeFile::Kind::part)
        m_recorded[file.path] = &file;
      else
        m_had.push_back(file.path);
  }

  Result<std::vector<ComposeFile>> run(const std::string& text) {
    BGDEPLOY_TRY(add_dotenv(m_base));
    BGDEPLOY_TRY(follow(text, m_base, 0));
    // Compose would run without it, and say nothing.
    for (const auto& path : m_had)
      if (!m_files.contains(path))
        return wrong(fmt::format("had {} beside it, which does not exist any more", core::printable(path)));
    std::vector<ComposeFile> files;
    for (auto& [path, file] : m_files) files.push_back(std::move(file));
    return files;
  }

private:
  std::unexpected<core::Error> wrong(std::string what, std::vector<std::string> details = {}) const {
    return core::fail(ErrorKind::usage, fmt::format("compose.file {} {}", m_main, what), std::move(details));
  }
  std::unexpected<core::Error> wrong_file(const fs::path& path, std::string_view what) const {
    return wrong(fmt::format("refers to {}, which {}", core::printable(path.string()), what));
  }

  Result<void> follow(const std::string& text, const fs::path& folder, int depth) {
    if (depth > k_reference_depth) return wrong("refers to files that refer to files, too deep");
    for (const auto& reference : spec::compose_references(text, m_variables)) {
      if (is_elsewhere(reference.path)) continue;
      const fs::path path = (folder / reference.path).lexically_normal();
      if (reference.kind == Reference::Kind::mount) {
        BGDEPLOY_TRY(add_mount(path));
      } else {
        BGDEPLOY_TRY(add_reference(reference, path, folder, depth));
      }
    }
    return {};
  }

  Result<void> add_reference(const Reference& reference, const fs::path& path, const fs::path& folder,
                             int depth) {
    std::error_code error;
    const auto recorded = m_recorded.find(path.lexically_relative(m_base).string());
    const bool known = recorded != m_recorded.end() && kind_of(reference.kind) == ComposeFile::Kind::part;
    if (!known && !reference.required && !fs::exists(path, error)) return {};
    if (known) {
      m_files.insert_or_assign(recorded->first, *recorded->second);
    } else {
      BGDEPLOY_TRY(add_file(path, kind_of(reference.kind)));
    }
    if (reference.kind != Reference::Kind::file) return {};
    if (!m_followed.emplace(path, reference.folder).second) return {};
    const fs::path start = reference.folder.empty()         ? path.parent_path()
                           : is_elsewhere(reference.folder) ? fs::path(reference.folder)
                                                            : (folder / reference.folder).lexically_normal();
    BGDEPLOY_TRY(add_dotenv(start));
    return follow(m_files.at(path.lexically_relative(m_base).string()).content.reveal(), start, depth + 1);
  }

  // Compose reads it where it stands, without being told.
  Result<void> add_dotenv(const fs::path& folder) {
    const auto path = (folder / ".env").lexically_normal();
    std::error_code error;
    if (!is_below(path, m_base) || !fs::is_regular_file(path, error)) return {};
    BGDEPLOY_TRY(add_file(path, ComposeFile::Kind::secret));
    if (folder != m_base) return {};
    // Compose itself says what is wrong with it.
    if (auto values = spec::parse_dotenv(m_files.at(".env").content.reveal(), path.string(), m_variables))
      m_variables = [outer = m_variables, inner = std::move(*values)](std::string_view name) {
        auto value = outer(name);
        const auto found = inner.find(std::string(name));
        return value || found == inner.end() ? value : std::optional(found->second);
      };
    return {};
  }

  // What is not there is made by docker, as a folder for what the app writes.
  Result<void> add_mount(const fs::path& path) {
    std::error_code error;
    const auto status = fs::status(path, error);
    if (fs::is_directory(status)) return add_folder(path, 0);
    return fs::is_regular_file(status) ? add_file(path, ComposeFile::Kind::data) : Result<void>{};
  }

  Result<void> add_folder(const fs::path& folder, int depth) {
    BGDEPLOY_TRY(check_place(folder));
    if (depth > k_reference_depth) return wrong_file(folder, "has folders in folders, too deep");
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    if (error) return wrong_file(folder, fmt::format("cannot be read: {}", error.message()));
    for (; entries != fs::directory_iterator(); entries.increment(error)) {
      if (error) return wrong_file(folder, fmt::format("cannot be read: {}", error.message()));
      const auto status = fs::status(entries->path(), error);
      if (fs::is_directory(status)) {
        BGDEPLOY_TRY(add_folder(entries->path(), depth + 1));
      } else if (fs::is_regular_file(status) && entries->path() != fs::path(m_main)) {
        BGDEPLOY_TRY(add_file(entries->path(), ComposeFile::Kind::data));
      }
    }
    return {};
  }

  // Neither by ".." nor by a link.
  Result<void> check_place(const fs::path& path) const {
    std::error_code error;
    if (is_below(path, m_base) && is_below(fs::weakly_canonical(path, error), m_root) && !error) return {};
    return wrong(
        fmt::format("refers to {}, which lies outside of its folder", core::printable(path.string())),
        {"only what is below the folder of the compose file is uploaded: put it there, or on the host, "
         "and name it by its absolute path"});
  }

  Result<void> add_file(const fs::path& path, ComposeFile::Kind kind) {
    BGDEPLOY_TRY(check_place(path));
    const auto name = path.lexically_relative(m_base).string();
    if (const auto there = m_files.find(name); there != m_files.end()) {
      there->second.kind = std::max(there->second.kind, kind);
      return {};
    }
    std::error_code error;
    const auto status = fs::status(path, error);
    if (!fs::exists(status)) return wrong_file(path, "does not exist");
    if (!fs::is_regular_file(status)) return wrong_file(path, "is not a file");
    if (name.size() > k_longest_path || core::printable(name) != name)
      return wrong_file(path, "has a name that is too long, or is not plain text");
    std::ifstream stream(path, std::ios::binary);
    std::string content;
    content.resize(k_beside_bytes + 1);
    stream.read(content.data(), static_cast<std::streamsize>(content.size()));
    if (!stream.is_open() || stream.bad()) return wrong_file(path, "cannot be read");
    content.resize(static_cast<std::size_t>(stream.gcount()));
    content.shrink_to_fit();
    m_bytes += content.size();
    if (m_bytes > k_beside_bytes || m_files.size() >= k_most_files)
      return wrong(fmt::format("refers to more than 4 MB or {} files, with {}", k_most_files, name),
                   {"no more than that is uploaded: put it on the host, and name it by its absolute path"});
    const bool executable = (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
    m_files.emplace(name, ComposeFile{name, kind, executable, core::Secret(std::move(content))});
    return {};
  }

  const std::string m_main;
  const fs::path m_base;
  fs::path m_root;  // the same without links
  spec::Environment m_variables;
  std::map<std::string, const ComposeFile*> m_recorded;
  std::vector<std::string> m_had;  // that hold secrets, and were there then
  std::set<std::pair<fs::path, std::string>> m_followed;
  std::map<std::string, ComposeFile> m_files;
  std::size_t m_bytes = 0;
};

}  // namespace

Result<std::vector<ComposeFile>> files_beside(const std::string& path, const std::string& text,
                                              const spec::Environment& variables,
                                              const std::vector<ComposeFile>& recorded) {
  return Gathering(path, variables, recorded).run(text);
}

}  // namespace bgdeploy::runtime
