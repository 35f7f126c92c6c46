#include "bgdeploy/archive/load_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "bgdeploy/context/archive.hpp"
#include "bgdeploy/core/json.hpp"
#include "members.hpp"

namespace bgdeploy::archive {

using core::Json;

LoadStream::LoadStream(const std::string& config, std::span<const Layer> layers, std::size_t there,
                       const std::vector<std::string>& names)
    : m_sent(layers.size()) {
  const std::string file = hash_of(config) + ".json";
  Json files = Json::array();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string name = fmt::format("{}/layer.tar", i);
    files.push_back(name);
    const std::int64_t size = i < there ? 0 : layers[i].data.size;
    add({context::tar_headers({.path = name, .mode = 0644, .size = size}), nullptr, 0, 0});
    if (size == 0) continue;
    add({{}, &layers[i], i, size});
    add({context::tar_padding(size), nullptr, 0, 0});
  }
  const Json manifest =
      Json::array({Json{{"Config", file}, {"RepoTags", names}, {"Layers", std::move(files)}}});
  for (const auto& [name, text] :
       {std::pair{file, config}, {std::string("manifest.json"), manifest.dump()}}) {
    const auto size = static_cast<std::int64_t>(text.size());
    add({context::tar_headers({.path = name, .mode = 0644, .size = size}) + text + context::tar_padding(size),
         nullptr, 0, 0});
  }
  add({std::string(1024, '\0'), nullptr, 0, 0});
}

void LoadStream::add(Part part) {
  if (part.layer == nullptr) part.size = static_cast<std::int64_t>(part.text.size());
  m_size += part.size;
  if (part.size > 0) m_parts.push_back(std::move(part));
}

Result<std::size_t> LoadStream::read(std::span<char> into) {
  if (m_part == m_parts.size()) return std::size_t{0};
  const Part& part = m_parts[m_part];
  const auto size = std::min(into.size(), static_cast<std::size_t>(part.size - m_in_part));
  if (part.layer == nullptr) {
    std::memcpy(into.data(), part.text.data() + m_in_part, size);
  } else {
    const Piece& data = part.layer->data;
    BGDEPLOY_ASSIGN(const std::string read, read_at(*data.file, data.offset + m_in_part, size));
    if (read.size() < size)
      return core::fail(core::ErrorKind::io, "the archive became shorter while it was sent");
    std::ranges::copy(read, into.data());
    m_sent[part.index] += static_cast<std::int64_t>(size);
  }
  m_in_part += static_cast<std::int64_t>(size);
  if (m_in_part == part.size) {
    ++m_part;
    m_in_part = 0;
  }
  return size;
}

std::int64_t LoadStream::sent(std::size_t index) const {
  return m_sent.at(index);
}

std::size_t end_of_part(std::span<const Layer> layers, std::size_t start) {
  constexpr std::int64_t k_part = std::int64_t{16} << 20;
  std::int64_t bytes = 0;
  while (start < layers.size() && bytes < k_part) bytes += layers[start++].data.size;
  return start;
}

std::int64_t room_for(std::span<const Layer> layers, bool whole) {
  std::int64_t stays = 0, most = 0;
  for (std::size_t at = 0; at < layers.size();) {
    std::int64_t twice = 0;
    for (const std::size_t end = whole ? layers.size() : end_of_part(layers, at); at < end; ++at) {
      const Layer& layer = layers[at];
      stays += layer.data.size * (layer.packed ? k_grows : 1);
      if (!layer.packed) twice += layer.data.size;
    }
    most = std::max(most, twice);
  }
  return stays + most;
}

std::string part_config(const Variant& variant, const std::map<std::string, std::string>& labels,
                        std::size_t count) {
  Json contents = Json::array();
  for (std::size_t i = 0; i < count; ++i) contents.push_back(variant.layers[i].content);
  return core::dump_json(Json{{"architecture", variant.architecture},
                              {"os", variant.os},
                              {"config", Json{{"Labels", labels}}},
                              {"rootfs", Json{{"type", "layers"}, {"diff_ids", std::move(contents)}}}});
}

}  // namespace bgdeploy::archive
