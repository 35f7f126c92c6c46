#include "compose/archive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include "bgdeploy/core/base64.hpp"
#include "bgdeploy/core/sha256.hpp"

namespace bgdeploy::runtime {
namespace {

constexpr std::size_t k_block = 512;
constexpr std::size_t k_name = 100, k_prefix = 155;

void put(std::string& header, std::size_t at, std::string_view text) {
  header.replace(at, text.size(), text);
}

// https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html (ustar interchange format)
std::string header_of(std::string_view path, int mode, std::size_t size, char type) {
  std::string header(k_block, '\0');
  if (path.size() > k_name) {
    // Split at a slash that leaves both parts short enough.
    const auto slash = path.rfind('/', k_prefix);
    put(header, 345, path.substr(0, slash));
    path.remove_prefix(slash + 1);
  }
  put(header, 0, path.substr(0, k_name));
  put(header, 100, fmt::format("{:07o}", mode));
  put(header, 108, "0000000");
  put(header, 116, "0000000");
  put(header, 124, fmt::format("{:011o}", size));
  put(header, 136, "00000000000");
  put(header, 148, "        ");
  header[156] = type;
  put(header, 257, std::string_view("ustar\00000", 8));
  const auto sum = std::accumulate(header.begin(), header.end(), 0U, [](unsigned total, char c) {
    return total + static_cast<unsigned char>(c);
  });
  put(header, 148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return header;
}

void add_file(std::string& archive, std::string_view path, int mode, std::string_view content) {
  archive += header_of(path, mode, content.size(), '0');
  archive += content;
  archive.append((k_block - content.size() % k_block) % k_block, '\0');
}

std::string sum_of(std::string_view content) {
  core::Sha256 sum;
  sum.add(content);
  std::string hex;
  for (const unsigned char byte : sum.finish()) hex += fmt::format("{:02x}", byte);
  return hex;
}

int mode_of(const plan::ComposeFile& file) {
  if (file.kind == plan::ComposeFile::Kind::secret) return 0600;
  return file.executable ? 0755 : 0644;
}

}  // namespace

std::string compose_archive(const std::vector<plan::ComposeFile>& files) {
  std::string archive, list, sums, own;
  std::set<std::string> folders;
  for (const auto& file : files) {
    for (auto slash = file.path.find('/'); slash != std::string::npos;
         slash = file.path.find('/', slash + 1)) {
      const auto folder = file.path.substr(0, slash);
      if (folders.insert(folder).second) archive += header_of(folder + "/", 0755, 0, '5');
    }
    add_file(archive, file.path, mode_of(file), file.content.reveal());
    list += file.path + "\n";
    if (file.kind == plan::ComposeFile::Kind::data)
      sums += fmt::format("{}  {}\n", sum_of(file.content.reveal()), file.path);
    else
      own += file.path + "\n";
  }
  add_file(archive, k_file_list, 0600, list);
  add_file(archive, k_data_sums, 0600, sums);
  add_file(archive, k_own_files, 0600, own);
  archive.append(2 * k_block, '\0');
  return core::base64_encode(archive);
}

}  // namespace bgdeploy::runtime
