// The files in an archive, by name.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "bgdeploy/archive/image.hpp"

namespace bgdeploy::archive {

// "./a/b" is "a/b". Nothing for what leads out of the archive.
std::optional<std::string> plain_name(std::string_view name);

class Members {
public:
  explicit Members(std::optional<std::filesystem::path> folder = {}) : m_folder(std::move(folder)) {}
  void add(std::string name, Piece piece) { m_files.insert_or_assign(std::move(name), std::move(piece)); }
  void add_link(std::string name, std::string target) {
    m_links.insert_or_assign(std::move(name), std::move(target));
  }

  // Why something may be missing, to be put behind that; empty: nobody knows a reason.
  void doubt(std::string why) { m_doubt = std::move(why); }
  const std::string& doubt() const { return m_doubt; }

  // Kind not_found: there is none.
  Result<Piece> find(std::string_view name) const;
  bool holds(std::string_view name) const { return find(name).has_value(); }
  // The whole of a small file. Kinds: not_found; usage: too large.
  Result<std::string> text(std::string_view name) const;

private:
  std::optional<std::filesystem::path> m_folder;  // whose files are opened when they are asked for
  std::map<std::string, Piece, std::less<>> m_files;
  std::map<std::string, std::string, std::less<>> m_links;
  std::string m_doubt;
};

// All of `piece`, in order. Kind usage: the file ends before that, or cannot be read.
Result<void> read_piece(const Piece& piece, const Wait& wait, const Take& take);
// Up to `size` bytes from `offset` on; fewer at the end of the file.
Result<std::string> read_at(const io::Fd& file, std::int64_t offset, std::size_t size);

Result<Members> read_tar(const std::shared_ptr<const io::Fd>& file, const Wait& wait);
// What `fill` writes.
Result<Members> spool_members(const std::function<Result<void>(const Take&)>& fill, const Wait& wait);
// Opens `path`, and unpacks what is compressed.
Result<Members> open_members(const std::string& path, const Wait& wait);

bool is_gzip(std::string_view start);
// Inflates `piece`. Kind usage: it is damaged, or ends too early.
Result<void> inflate(const Piece& piece, const Wait& wait, const Take& take);

// 64 hex digits.
std::string hash_of(std::string_view data);

// What to do about a file that is no archive at all.
constexpr const char* k_writes_one = "write one with: docker save --output FILE IMAGE:TAG";

inline std::unexpected<core::Error> wrong(std::string message, std::string next = {}) {
  return core::fail(core::ErrorKind::usage, std::move(message), {}, std::move(next));
}

}  // namespace bgdeploy::archive
