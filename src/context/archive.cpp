#include "bgdeploy/context/archive.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "local_file.hpp"

namespace bgdeploy::context {
namespace {

constexpr std::int64_t k_block = 512;
constexpr std::int64_t k_largest_size = 077777777777;  // eleven octal digits

std::int64_t padded(std::int64_t size) {
  return (size + k_block - 1) / k_block * k_block;
}

// One block: names of at most 100 bytes, sizes within k_largest_size.
std::string header(char type, std::string_view name, std::string_view link, int mode, std::int64_t size,
                   std::int64_t mtime) {
  std::array<char, k_block> block{};
  const auto put = [&](std::size_t at, std::string_view text) { std::ranges::copy(text, block.data() + at); };
  put(0, name.substr(0, 100));
  put(100, fmt::format("{:07o}", mode));
  put(108, "0000000");  // owner
  put(116, "0000000");  // group
  put(124, fmt::format("{:011o}", std::min(size, k_largest_size)));
  put(136, fmt::format("{:011o}", std::clamp<std::int64_t>(mtime, 0, k_largest_size)));
  put(148, "        ");
  block[156] = type;
  put(157, link.substr(0, 100));
  put(257, std::string_view("ustar\0"
                            "00",
                            8));
  unsigned sum = 0;
  for (const char byte : block) sum += static_cast<unsigned char>(byte);
  put(148, fmt::format("{:06o}{} ", sum, '\0'));
  return {block.data(), block.size()};
}

// "27 path=some/long/path\n": the number counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (rest + std::to_string(length).size() != length) length = rest + std::to_string(length).size();
  return fmt::format("{} {}={}\n", length, key, value);
}

bool is_plain(std::string_view text) {
  return text.size() <= 100 && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::vector<const Entry*> all_entries(const Files& files, bool classic) {
  std::vector<const Entry*> all;
  if (classic)
    for (const Entry& entry : files.only_classic) all.push_back(&entry);
  for (const Entry& entry : files.entries) all.push_back(&entry);
  return all;
}

}  // namespace

std::string tar_headers(const Entry& entry) {
  const std::string name = entry.kind == Entry::Kind::folder ? entry.path + "/" : entry.path;
  std::string records;
  if (!is_plain(name)) records += pax_record("path", name);
  if (!is_plain(entry.target)) records += pax_record("linkpath", entry.target);
  if (entry.size > k_largest_size) records += pax_record("size", std::to_string(entry.size));
  std::string blocks;
  if (!records.empty()) {
    const auto size = static_cast<std::int64_t>(records.size());
    blocks = header('x', "pax", "", 0644, size, 0) + records;
    blocks.resize(static_cast<std::size_t>(k_block + padded(size)));
  }
  const char type = entry.kind == Entry::Kind::file ? '0' : entry.kind == Entry::Kind::link ? '2' : '5';
  return blocks + header(type, name, entry.target, entry.mode, entry.size, entry.mtime);
}

std::string tar_padding(std::int64_t size) {
  return std::string(static_cast<std::size_t>(padded(size) - size), '\0');
}

std::int64_t archive_size(const Files& files, bool classic) {
  std::int64_t size = 2 * k_block;
  for (const Entry* entry : all_entries(files, classic))
    size += static_cast<std::int64_t>(tar_headers(*entry).size()) + padded(entry->size);
  return size;
}

Result<void> write_archive(const Files& files, bool classic, const Take& take) {
  for (const Entry* entry : all_entries(files, classic)) {
    BGDEPLOY_TRY(take(tar_headers(*entry)));
    if (entry->kind != Entry::Kind::file) continue;
    const auto check = [&](const Hash& hash) -> Result<void> {
      if (hash != entry->hash) return std::unexpected(changed(*entry));
      return {};
    };
    BGDEPLOY_TRY(read_file(files.build.context, *entry, take, check));
    BGDEPLOY_TRY(take(tar_padding(entry->size)));
  }
  return take(std::string(2 * k_block, '\0'));
}

}  // namespace bgdeploy::context
