// The ustar format with pax and GNU extensions:
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "members.hpp"

namespace bgdeploy::archive {
namespace {

constexpr std::int64_t k_block = 512;
constexpr std::int64_t k_longest_header = 1 << 20;  // of pax records and long names
constexpr std::size_t k_most_members = 200'000;
constexpr std::int64_t k_largest = std::int64_t{1} << 50;

std::int64_t padded(std::int64_t size) {
  return (size + k_block - 1) / k_block * k_block;
}

std::string_view text_in(std::string_view block, std::size_t at, std::size_t size) {
  const auto field = block.substr(at, size);
  return field.substr(0, field.find('\0'));
}

// Octal digits between blanks, or GNU's big-endian bytes. Nothing for anything else.
std::optional<std::int64_t> number_in(std::string_view field) {
  std::int64_t value = 0;
  if ((static_cast<unsigned char>(field[0]) & 0x80U) != 0) {
    value = static_cast<unsigned char>(field[0]) & 0x7fU;
    for (const char byte : field.substr(1)) {
      if (value > k_largest) return {};
      value = (value << 8) | static_cast<unsigned char>(byte);
    }
    return value <= k_largest ? std::optional(value) : std::nullopt;
  }
  field = field.substr(0, field.find('\0'));
  while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
  while (!field.empty() && field.back() == ' ') field.remove_suffix(1);
  for (const char digit : field) {
    if (digit < '0' || digit > '7' || value > k_largest) return {};
    value = value * 8 + (digit - '0');
  }
  return value;
}

bool has_its_checksum(std::string_view block) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i)
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
  return number_in(block.substr(148, 8)) == sum;
}

// What headers before a file say of it.
struct Said {
  std::optional<std::string> name, link;
  std::optional<std::int64_t> size;
};

// "27 path=some/long/path\n"
bool read_records(std::string_view records, Said& said) {
  while (!records.empty()) {
    std::string_view rest = records;
    const auto length = core::take_number<std::size_t>(rest);
    if (!length || *length > records.size() || rest.empty() || rest[0] != ' ') return false;
    const auto head = records.size() - rest.size() + 1;
    if (*length <= head || records[*length - 1] != '\n') return false;
    const auto record = records.substr(head, *length - head - 1);
    const auto equals = record.find('=');
    if (equals == std::string_view::npos) return false;
    const auto value = record.substr(equals + 1);
    if (record.starts_with("path=")) said.name = std::string(value);
    if (record.starts_with("linkpath=")) said.link = std::string(value);
    if (record.starts_with("size=")) {
      said.size = core::parse_number<std::int64_t>(value);
      if (!said.size || *said.size > k_largest) return false;
    }
    records.remove_prefix(*length);
  }
  return true;
}

// Where a symbolic link in `name` leads.
std::optional<std::string> link_target(std::string_view name, std::string_view target) {
  if (target.starts_with('/')) return {};
  const auto slash = name.rfind('/');
  const auto path =
      std::filesystem::path(slash == std::string_view::npos ? "" : name.substr(0, slash)) / target;
  return plain_name(path.lexically_normal().string());
}

class Reader {
public:
  explicit Reader(const std::shared_ptr<const io::Fd>& file) : m_file(file) {}

  Result<Members> read(const Wait& wait) {
    for (std::size_t count = 0;; ++count) {
      if (wait.stop.stop_requested()) return core::fail(core::ErrorKind::cancelled, "interrupted");
      if (count > k_most_members) return wrong("holds more than 200,000 files");
      BGDEPLOY_ASSIGN(const std::string block, read_at(*m_file, m_at, k_block));
      const bool over = std::ranges::all_of(block, [](char byte) { return byte == '\0'; });
      if (block.empty()) m_members.doubt("; it has no mark of its end, so it may be cut short");
      if (block.empty() || (over && block.size() == k_block)) break;
      // A header ends in zeros, which text has none of.
      if (m_at == 0 && !(block.size() == k_block ? has_its_checksum(block) : block.contains('\0')))
        return wrong("is neither a tar archive nor a folder with an image", k_writes_one);
      if (block.size() < k_block)
        return wrong(fmt::format("ends in the middle of a header, at byte {}: it is cut short",
                                 m_at + static_cast<std::int64_t>(block.size())));
      if (!has_its_checksum(block))
        return wrong(fmt::format("is damaged: at byte {} is not the header of a file", m_at));
      BGDEPLOY_TRY(read_entry(block));
    }
    return std::move(m_members);
  }

private:
  Result<void> read_entry(std::string_view block) {
    std::string name(text_in(block, 0, 100));
    if (block.substr(257, 6) == std::string_view("ustar\0", 6))
      if (const auto prefix = text_in(block, 345, 155); !prefix.empty())
        name = fmt::format("{}/{}", prefix, name);
    std::string link(text_in(block, 157, 100));
    auto size = number_in(block.substr(124, 12));
    if (!size) return wrong(fmt::format("is damaged: at byte {} is a file without a size", m_at));
    const char type = block[156];
    m_at += k_block;
    if (type == 'x' || type == 'g' || type == 'L' || type == 'K') return read_extension(type, *size);
    Said said = std::exchange(m_said, {});
    if (said.name) name = std::move(*said.name);
    if (said.link) link = std::move(*said.link);
    if (said.size) size = said.size;
    // Only a file has contents.
    const bool file = type == '0' || type == '\0' || type == '7';
    if (!file) size = 0;
    const auto plain = plain_name(name);
    if (!plain) return wrong(fmt::format("holds the name {}, which leads out of it", core::printable(name)));
    if (file) {
      BGDEPLOY_TRY(is_there(*plain, *size));
      m_members.add(*plain, {m_file, m_at, *size});
    } else if (type == '1' || type == '2') {
      const auto target = type == '1' ? plain_name(link) : link_target(*plain, link);
      if (!target)
        return wrong(fmt::format("holds the link {} to {}, which leads out of it", core::printable(*plain),
                                 core::printable(link)));
      m_members.add_link(*plain, *target);
    } else if (type != '5') {
      return wrong(fmt::format("holds {}, which is neither a file nor a folder", core::printable(*plain)));
    }
    m_at += padded(*size);
    return {};
  }

  Result<void> read_extension(char type, std::int64_t size) {
    if (size > k_longest_header)
      return wrong(fmt::format("is damaged: at byte {} is a header of {} bytes", m_at, size));
    BGDEPLOY_TRY(is_there("a header", size));
    BGDEPLOY_ASSIGN(const std::string text, read_at(*m_file, m_at, static_cast<std::size_t>(size)));
    if (type == 'x' && !read_records(text, m_said))
      return wrong(fmt::format("is damaged: at byte {} is a header that cannot be read", m_at));
    const auto word = std::string(text_in(text, 0, text.size()));
    if (type == 'L') m_said.name = word;
    if (type == 'K') m_said.link = word;
    m_at += padded(size);
    return {};
  }

  Result<void> is_there(std::string_view name, std::int64_t size) const {
    if (size == 0) return {};
    BGDEPLOY_ASSIGN(const std::string last, read_at(*m_file, m_at + padded(size) - 1, 1));
    if (last.empty())
      return wrong(fmt::format("ends in the middle of {}: it is cut short", core::printable(name)));
    return {};
  }

  const std::shared_ptr<const io::Fd> m_file;
  Members m_members;
  Said m_said;
  std::int64_t m_at = 0;
};

}  // namespace

std::optional<std::string> plain_name(std::string_view name) {
  if (name.starts_with('/') || name.find('\0') != std::string_view::npos) return {};
  std::string plain;
  while (!name.empty()) {
    const auto end = std::min(name.find('/'), name.size());
    const auto part = name.substr(0, end);
    name.remove_prefix(std::min(end + 1, name.size()));
    if (part == "..") return {};
    if (part.empty() || part == ".") continue;
    if (!plain.empty()) plain += '/';
    plain += part;
  }
  return plain;
}

Result<Members> read_tar(const std::shared_ptr<const io::Fd>& file, const Wait& wait) {
  return Reader(file).read(wait);
}

}  // namespace bgdeploy::archive
