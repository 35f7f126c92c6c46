#include "bgdeploy/context/files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include <fmt/format.h>

#include "bgdeploy/context/ignore.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/sha256.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "local_file.hpp"

namespace bgdeploy::context {

namespace fs = std::filesystem;
using core::ErrorKind;

namespace {

constexpr std::string_view k_ignore_file = ".dockerignore";

Result<void> go_on(const Wait& wait) {
  if (wait.stop.stop_requested()) return core::fail(ErrorKind::cancelled, "interrupted");
  if (std::chrono::steady_clock::now() >= wait.deadline)
    return core::fail(ErrorKind::timeout, "the build context is not read through in time");
  return {};
}

core::Error io_error(const std::string& path, int error) {
  return {
      ErrorKind::io, fmt::format("{} cannot be read: {}", core::printable(path), std::strerror(error)), {}};
}

// What lstat says of it; nothing for sockets, pipes and devices.
Result<std::optional<Entry>> look_at(const fs::path& root, std::string path) {
  struct stat found {};
  if (::lstat((root / path).c_str(), &found) != 0) {
    if (errno == ENOENT) return std::unexpected(changed({.path = std::move(path)}));
    return std::unexpected(io_error(path, errno));
  }
  Entry entry{.path = std::move(path), .mode = int(found.st_mode & 07777U), .mtime = found.st_mtime};
  if (S_ISREG(found.st_mode)) {
    entry.size = found.st_size;
    return entry;
  }
  if (S_ISDIR(found.st_mode)) {
    entry.kind = Entry::Kind::folder;
    return entry;
  }
  if (!S_ISLNK(found.st_mode)) return std::nullopt;
  entry.kind = Entry::Kind::link;
  std::error_code failed;
  entry.target = fs::read_symlink(root / entry.path, failed).string();
  if (failed) return std::unexpected(changed(entry));
  return entry;
}

class Walk {
public:
  Walk(const fs::path& root, const Ignore& ignore, const Wait& wait)
      : m_root(root), m_ignore(ignore), m_wait(wait) {}

  Result<std::vector<Entry>> run() {
    BGDEPLOY_TRY(visit("", {}));
    return std::move(m_entries);
  }

private:
  Result<void> visit(const std::string& folder, const Ignore::Verdicts& verdicts) {
    BGDEPLOY_TRY(go_on(m_wait));
    std::error_code failed;
    std::vector<std::string> names;
    for (auto it = fs::directory_iterator(m_root / folder, failed); !failed && it != fs::directory_iterator();
         it.increment(failed))
      names.push_back(it->path().filename().string());
    if (failed) return std::unexpected(io_error(folder.empty() ? m_root.string() : folder, failed.value()));
    std::ranges::sort(names);
    for (const std::string& name : names)
      BGDEPLOY_TRY(visit_entry(folder.empty() ? name : folder + "/" + name, verdicts));
    return {};
  }

  Result<void> visit_entry(std::string path, const Ignore::Verdicts& verdicts) {
    Ignore::Verdicts own;
    const bool ignored = m_ignore.ignores(path, verdicts, own);
    BGDEPLOY_ASSIGN(auto entry, look_at(m_root, std::move(path)));
    if (!entry || (ignored && entry->kind != Entry::Kind::folder)) return {};
    if (entry->kind != Entry::Kind::folder) {
      add_parents();
      m_entries.push_back(std::move(*entry));
      return {};
    }
    const std::string folder = entry->path;
    if (ignored && !m_ignore.excepts_below(folder)) return {};
    m_parents.push_back(std::move(*entry));
    if (!ignored) add_parents();
    BGDEPLOY_TRY(visit(folder, own));
    if (!m_parents.empty() && m_parents.back().path == folder) m_parents.pop_back();
    return {};
  }

  // Ignored folders come along when something in them does.
  void add_parents() {
    std::ranges::move(m_parents, std::back_inserter(m_entries));
    m_parents.clear();
  }

  const fs::path& m_root;
  const Ignore& m_ignore;
  const Wait& m_wait;
  std::vector<Entry> m_entries;
  std::vector<Entry> m_parents;  // folders on the way here that are not among the entries
};

// The Dockerfile, links followed, as a path below `root`.
Result<std::string> find_dockerfile(const fs::path& root, const std::string& name) {
  std::error_code failed;
  const fs::path file = fs::canonical(root / name, failed);
  if (failed || !fs::is_regular_file(file, failed))
    return core::fail(ErrorKind::usage,
                      fmt::format("build.dockerfile: there is no file {}", (root / name).string()));
  const std::string path = file.lexically_relative(root).string();
  if (path == ".." || path.starts_with("../"))
    return core::fail(ErrorKind::usage, fmt::format("build.dockerfile: {} leads out of the context to {}",
                                                    name, file.string()));
  return path;
}

Result<std::optional<Ignore>> read_ignore(const fs::path& file) {
  auto text = io::read_file(file);
  if (!text && text.error().kind == ErrorKind::not_found) return std::nullopt;
  if (!text) return std::unexpected(std::move(text).error());
  auto ignore = Ignore::parse(*text);
  if (!ignore) return std::unexpected(std::move(ignore.error()).within(file.string()));
  return std::move(*ignore);
}

Result<Ignore> ignore_for(const fs::path& root, const std::string& dockerfile) {
  BGDEPLOY_ASSIGN(auto own, read_ignore(root / (dockerfile + std::string(k_ignore_file))));
  if (own) return std::move(*own);
  BGDEPLOY_ASSIGN(auto common, read_ignore(root / k_ignore_file));
  return common ? std::move(*common) : Ignore{};
}

// Makes the Dockerfile the last entry. False where it was left out.
Result<bool> put_last(const fs::path& root, const std::string& dockerfile, std::vector<Entry>& entries) {
  const auto found = std::ranges::find(entries, dockerfile, &Entry::path);
  if (found != entries.end()) {
    std::rotate(found, found + 1, entries.end());
    return true;
  }
  BGDEPLOY_ASSIGN(auto entry, look_at(root, dockerfile));
  if (!entry) return core::fail(ErrorKind::conflict, dockerfile + " changed while it was read");
  entries.push_back(std::move(*entry));
  return false;
}

Result<void> hash_contents(const fs::path& root, std::vector<Entry>& entries, const Wait& wait) {
  const auto nowhere = [&](std::string_view) { return go_on(wait); };
  const auto anything = [](const Hash&) -> Result<void> { return {}; };
  for (Entry& entry : entries) {
    if (entry.kind != Entry::Kind::file) continue;
    BGDEPLOY_TRY(go_on(wait));
    BGDEPLOY_ASSIGN(entry.hash, read_file(root, entry, nowhere, anything));
  }
  return {};
}

// Every text with its length before it, so that no two sets of files are written down alike.
class Digest {
public:
  void add(std::string_view text) { m_hash.add(fmt::format("{}:{},", text.size(), text)); }
  void add(const Entry& entry) {
    add(entry.path);
    add(fmt::format("{} {:o}", static_cast<int>(entry.kind), entry.mode));
    if (entry.kind == Entry::Kind::link) add(entry.target);
    if (entry.kind == Entry::Kind::file)
      add(std::string_view(reinterpret_cast<const char*>(entry.hash.data()), entry.hash.size()));
  }
  std::string finish() {
    std::string text = "build:";
    for (const unsigned char byte : m_hash.finish()) text += fmt::format("{:02x}", byte);
    return text;
  }

private:
  core::Sha256 m_hash;
};

std::string digest_of(const Files& files, bool dockerfile_is_ignored) {
  Digest digest;
  digest.add("bgdeploy build 1");
  digest.add(files.build.dockerfile);
  digest.add(dockerfile_is_ignored ? "ignored" : "sent");
  digest.add(files.build.target ? "target " + *files.build.target : "no target");
  for (const auto& [name, value] : files.build.args) {
    digest.add(name);
    digest.add(value);
  }
  digest.add(fmt::format("{} entries", files.entries.size()));
  for (const Entry& entry : files.entries) digest.add(entry);
  return digest.finish();
}

}  // namespace

Result<Files> read_files(const spec::Build& build, const Wait& wait) {
  Files files{.build = build};
  std::error_code failed;
  files.build.context = fs::canonical(build.context, failed);
  if (failed || !fs::is_directory(files.build.context, failed))
    return core::fail(ErrorKind::usage,
                      fmt::format("build.context: there is no folder {}", build.context.string()));
  const fs::path& root = files.build.context;
  BGDEPLOY_ASSIGN(files.build.dockerfile, find_dockerfile(root, build.dockerfile));
  BGDEPLOY_ASSIGN(const Ignore ignore, ignore_for(root, files.build.dockerfile));
  BGDEPLOY_ASSIGN(files.entries, Walk(root, ignore, wait).run());
  BGDEPLOY_ASSIGN(const bool dockerfile_is_sent, put_last(root, files.build.dockerfile, files.entries));
  if (fs::is_regular_file(fs::symlink_status(root / k_ignore_file, failed)) &&
      std::ranges::find(files.entries, k_ignore_file, &Entry::path) == files.entries.end()) {
    BGDEPLOY_ASSIGN(auto entry, look_at(root, std::string(k_ignore_file)));
    if (entry) files.only_classic.push_back(std::move(*entry));
  }
  BGDEPLOY_TRY(hash_contents(root, files.entries, wait));
  BGDEPLOY_TRY(hash_contents(root, files.only_classic, wait));
  for (const Entry& entry : files.entries) files.bytes += entry.size;
  files.digest = digest_of(files, !dockerfile_is_sent);
  return files;
}

}  // namespace bgdeploy::context
