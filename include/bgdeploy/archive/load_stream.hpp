// What `docker load` is given: a tar stream in the layout of `docker save`, made while it is sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "bgdeploy/archive/image.hpp"

namespace bgdeploy::archive {

class LoadStream {
public:
  // The image of `config` from the lowest `layers`, under `names` ("repository:tag"). Files of the lowest
  // `there` layers are empty: the engine has them, and does not read them.
  LoadStream(const std::string& config, std::span<const Layer> layers, std::size_t there,
             const std::vector<std::string>& names);

  std::int64_t size() const { return m_size; }
  // Bytes of the stream; 0 at its end. Kind io.
  Result<std::size_t> read(std::span<char> into);
  // How much of layer `index` was read.
  std::int64_t sent(std::size_t index) const;

private:
  struct Part {
    std::string text;
    const Layer* layer = nullptr;
    std::size_t index = 0;
    std::int64_t size = 0;
  };
  void add(Part part);

  std::vector<Part> m_parts;
  std::vector<std::int64_t> m_sent;
  std::size_t m_part = 0;
  std::int64_t m_in_part = 0, m_size = 0;
};

// Where the part that begins with layer `start` ends: it has 16 MB, or one layer.
std::size_t end_of_part(std::span<const Layer> layers, std::size_t start);

// Of what is compressed, this many times as much is needed on the host. What images hold is unpacked 2.3
// to 3.4 times as large (gzip of Debian 12: /usr/share 2.3, /usr/bin 2.6, /usr/lib 2.7, Python's
// modules 3.4), and docker keeps each layer as it came until that one is unpacked. What is compressed already
// needs less.
inline constexpr std::int64_t k_grows = 3;

// Bytes that an engine needs on its disk for `layers`. What is not compressed lies there twice while its part
// is loaded; `whole`: all of them are one part.
std::int64_t room_for(std::span<const Layer> layers, bool whole);

// The configuration of an image that is only the lowest `count` layers of `variant`, so that an engine keeps
// them until the whole is there.
std::string part_config(const Variant& variant, const std::map<std::string, std::string>& labels,
                        std::size_t count);

}  // namespace bgdeploy::archive
