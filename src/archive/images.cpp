#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "bgdeploy/core/exposed_ports.hpp"
#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/sha256.hpp"
#include "members.hpp"

namespace bgdeploy::archive {
namespace {

using core::Json;
using core::member;
using core::text_of;

constexpr std::string_view k_sha256 = "sha256:";
constexpr std::size_t k_most_images = 1000;
constexpr std::size_t k_most_layers = 1000;  // docker takes 127

bool is_digest(std::string_view text) {
  return text.size() == k_sha256.size() + 64 && text.starts_with(k_sha256) &&
         text.find_first_not_of("0123456789abcdef", k_sha256.size()) == std::string_view::npos;
}

// "blobs/sha256/0123…", and "0123….json" of older layouts, tell the digest of what they hold.
std::string digest_in_name(std::string_view name) {
  if (name.ends_with(".json")) name.remove_suffix(5);
  if (const auto slash = name.rfind('/'); slash != std::string_view::npos) {
    if (name.substr(0, slash) != "blobs/sha256") return "";
    name.remove_prefix(slash + 1);
  }
  std::string digest = std::string(k_sha256) + std::string(name);
  return is_digest(digest) ? digest : "";
}

std::string blob(std::string_view digest) {
  return "blobs/sha256/" + std::string(digest.substr(std::min(k_sha256.size(), digest.size())));
}

// Docker leaves out what others write.
std::string plain_repository(std::string_view name) {
  for (const std::string_view prefix : {"docker.io/", "library/", "localhost/"})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  return std::string(name);
}

class Contents {
public:
  explicit Contents(const Members& members) : m_members(members) {}

  Result<std::vector<Image>> images() {
    auto images = read();
    if (!images && images.error().kind == core::ErrorKind::not_found)
      images.error().kind = core::ErrorKind::usage;
    return images;
  }

private:
  Result<std::vector<Image>> read() {
    // Docker's own list names what is really there; the index of a `docker save` may name other platforms
    // too.
    if (m_members.holds("manifest.json"))
      BGDEPLOY_TRY(read_manifest());
    else if (m_members.holds("index.json"))
      BGDEPLOY_TRY(read_index("index.json", {}, 0));
    else
      return wrong("holds no image: neither manifest.json nor index.json is in it" + m_members.doubt(),
                   k_writes_one);
    for (Image& image : m_images) image.id = id_of(image);
    return std::move(m_images);
  }

  Result<Json> json(std::string_view name) const {
    BGDEPLOY_ASSIGN(const std::string text, m_members.text(name));
    return parsed(text, name);
  }
  static Result<Json> parsed(std::string_view text, std::string_view name) {
    auto json = core::parse_json(text, core::printable(name));
    if (!json) return wrong(fmt::format("is damaged: {}", json.error().message));
    return json;
  }

  // A file whose name or descriptor promises `digest`.
  Result<std::string> checked_text(std::string_view name, const std::string& digest) const {
    BGDEPLOY_ASSIGN(std::string text, m_members.text(name));
    if (!digest.empty() && std::string(k_sha256) + hash_of(text) != digest)
      return wrong(fmt::format("is damaged: {} has the hash {}, and not {}", core::printable(name),
                               hash_of(text), digest));
    return text;
  }

  // [{"Config": "….json", "RepoTags": ["shop:1.2"], "Layers": ["…/layer.tar"]}]
  Result<void> read_manifest() {
    BGDEPLOY_ASSIGN(const Json list, json("manifest.json"));
    if (!list.is_array()) return wrong("is damaged: manifest.json is not a list");
    for (const Json& entry : list) {
      const std::string config = text_of(entry, "Config");
      std::vector<std::pair<std::string, std::string>> layers;
      for (const std::string& name : core::texts_of(entry, "Layers"))
        layers.emplace_back(name, name.starts_with("blobs/") ? digest_in_name(name) : "");
      BGDEPLOY_TRY(add(core::texts_of(entry, "RepoTags"), config, digest_in_name(config), layers));
    }
    return {};
  }

  static std::vector<std::string> names_of(const Json& descriptor) {
    const Json& notes = member(descriptor, "annotations");
    std::string name = text_of(notes, "io.containerd.image.name");
    if (name.empty()) name = text_of(notes, "org.opencontainers.image.ref.name");
    if (name.empty()) return {};
    // Alone it is a tag.
    return {name.find_first_of(":/") == std::string::npos ? ":" + name : name};
  }

  // An index names manifests, and other indexes: an image for several platforms.
  Result<void> read_index(const std::string& file, std::vector<std::string> names, int depth) {
    BGDEPLOY_ASSIGN(const std::string text, checked_text(file, depth > 0 ? digest_in_name(file) : ""));
    BGDEPLOY_ASSIGN(const Json json, parsed(text, file));
    if (member(json, "manifests").is_array()) {
      if (depth > 2) return wrong("is damaged: its indexes are nested too deeply");
      bool any = false;
      Result<void> lacking;
      for (const Json& descriptor : member(json, "manifests")) {
        // What was signed, or says how an image was made.
        const Json& notes = member(descriptor, "annotations");
        if (!text_of(notes, "vnd.docker.reference.type").empty() ||
            text_of(member(descriptor, "platform"), "os") == "unknown")
          continue;
        const std::string digest = text_of(descriptor, "digest");
        if (!is_digest(digest))
          return wrong(
              fmt::format("names an image by {}, which is not a sha256 digest", core::printable(digest)));
        const auto own = names_of(descriptor);
        auto one = read_index(blob(digest), own.empty() ? names : own, depth + 1);
        // Whoever saves an image for several platforms may have pulled only one of them.
        if (!one && one.error().kind == core::ErrorKind::not_found && m_members.doubt().empty() &&
            member(descriptor, "platform").is_object()) {
          lacking = std::move(one);
          continue;
        }
        BGDEPLOY_TRY(one);
        any = true;
      }
      return any ? Result<void>{} : lacking;
    }
    const std::string config = text_of(member(json, "config"), "digest");
    if (!is_digest(config))
      return wrong(fmt::format("is damaged: {} names no configuration", core::printable(file)));
    std::vector<std::pair<std::string, std::string>> layers;
    for (const Json& layer : member(json, "layers")) {
      const std::string digest = text_of(layer, "digest");
      if (!is_digest(digest))
        return wrong(
            fmt::format("names a layer by {}, which is not a sha256 digest", core::printable(digest)));
      layers.emplace_back(blob(digest), digest);
    }
    return add(std::move(names), blob(config), config, layers);
  }

  Result<void> add(std::vector<std::string> names, const std::string& config, const std::string& digest,
                   const std::vector<std::pair<std::string, std::string>>& layers) {
    Variant variant;
    BGDEPLOY_ASSIGN(variant.config, checked_text(config, digest));
    BGDEPLOY_ASSIGN(const Json json, parsed(variant.config, config));
    variant.os = text_of(json, "os");
    variant.architecture = text_of(json, "architecture");
    variant.exposed = core::exposed_ports(member(member(json, "config"), "ExposedPorts"));
    const auto contents = core::texts_of(member(json, "rootfs"), "diff_ids");
    if (contents.size() != layers.size() || layers.size() > k_most_layers)
      return wrong(fmt::format("is damaged: {} tells of {} layers, and {} are listed",
                               core::printable(config), contents.size(), layers.size()));
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (!is_digest(contents[i]))
        return wrong(fmt::format("is damaged: {} is not a sha256 digest", core::printable(contents[i])));
      Layer layer{contents[i], layers[i].second, {}};
      BGDEPLOY_ASSIGN(layer.data, m_members.find(layers[i].first));
      BGDEPLOY_ASSIGN(const std::string start,
                      read_at(*layer.data.file, layer.data.offset, layer.data.size < 2 ? 0 : 2));
      layer.packed = layer.stored.empty() ? is_gzip(start) : layer.stored != layer.content;
      variant.layers.push_back(std::move(layer));
    }
    for (std::string& name : names) name = plain_repository(name);
    return keep(std::move(names), std::move(variant));
  }

  // The same image under another name, another platform of it, or another image.
  Result<void> keep(std::vector<std::string> names, Variant variant) {
    for (Image& image : m_images) {
      const bool same = image.variants.front().config == variant.config;
      if (!same && image.names != names) continue;
      for (std::string& name : names)
        if (std::ranges::find(image.names, name) == image.names.end()) image.names.push_back(std::move(name));
      if (!same) image.variants.push_back(std::move(variant));
      return {};
    }
    if (m_images.size() >= k_most_images) return wrong("holds more than 1000 images");
    Image image{std::move(names), {}, {}};
    image.variants.push_back(std::move(variant));
    m_images.push_back(std::move(image));
    return {};
  }

  static std::string id_of(const Image& image) {
    std::set<std::string> ids;
    for (const Variant& variant : image.variants) ids.insert(hash_of(variant.config));
    if (ids.size() == 1) return *ids.begin();
    return hash_of(fmt::format("{}", fmt::join(ids, "\n")));
  }

  const Members& m_members;
  std::vector<Image> m_images;
};

// "shop:1.2" is shop and 1.2; the colon of "registry:5000/shop" leads to no tag.
std::pair<std::string, std::string> parts(const std::string& name) {
  const auto colon = name.rfind(':');
  if (colon == std::string::npos || name.find('/', colon) != std::string::npos) return {name, ""};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

std::vector<std::string> listed(const std::vector<Image>& images) {
  std::vector<std::string> lines;
  for (const Image& image : images) {
    std::vector<std::string> platforms;
    for (const Variant& variant : image.variants)
      platforms.push_back(fmt::format("{}/{}", variant.os, variant.architecture));
    std::vector<std::string> names;  // ":2.1" is a tag alone
    for (const std::string& name : image.names)
      names.push_back(name.starts_with(':') ? "an image with the tag " + name.substr(1) : name);
    lines.push_back(core::printable(fmt::format(
        "it holds {} ({}), {}",
        image.names.empty() ? "an image without a name" : fmt::format("{}", fmt::join(names, ", ")),
        image.id.substr(0, 12), fmt::join(platforms, ", "))));
  }
  return lines;
}

core::Error of_archive(core::Error error, const std::string& path) {
  if (error.kind == core::ErrorKind::usage)
    error.message = fmt::format("--archive {} {}", core::printable(path), error.message);
  return error;
}

Result<void> verify_layer(const Layer& layer, const Wait& wait) {
  core::Sha256 hash;
  const Take add = [&](std::string_view data) -> Result<void> {
    hash.add(data);
    return {};
  };
  const bool as_it_is = !layer.stored.empty();
  const std::string& promised = as_it_is ? layer.stored : layer.content;
  BGDEPLOY_TRY(!as_it_is && layer.packed ? inflate(layer.data, wait, add)
                                         : read_piece(layer.data, wait, add));
  const std::string found = std::string(k_sha256) + hash.hex();
  if (found == promised) return {};
  return wrong(fmt::format("is damaged: a layer has the hash {}, and not {}", found, promised));
}

}  // namespace

Result<std::vector<Image>> read_images(const std::string& path, const Wait& wait) {
  auto images = [&]() -> Result<std::vector<Image>> {
    BGDEPLOY_ASSIGN(const Members members, open_members(path, wait));
    return Contents(members).images();
  }();
  if (!images) return std::unexpected(of_archive(std::move(images.error()), path));
  return images;
}

Result<std::vector<Image>> read_images(const std::function<Result<void>(const Take&)>& fill,
                                       const Wait& wait) {
  BGDEPLOY_ASSIGN(const Members members, spool_members(fill, wait));
  return Contents(members).images();
}

Result<void> verify(const Image& image, const std::string& path, const Wait& wait) {
  std::set<std::string> seen;
  for (const Variant& variant : image.variants)
    for (const Layer& layer : variant.layers)
      if (seen.insert(layer.content + layer.stored).second)
        if (auto good = verify_layer(layer, wait); !good)
          return std::unexpected(of_archive(std::move(good.error()), path));
  return {};
}

Result<Choice> choose(const std::vector<Image>& images, const std::string& repository, const std::string& tag,
                      const std::string& path) {
  const auto refused = [&](std::string message, std::string next) {
    core::Error error{core::ErrorKind::usage, std::move(message), listed(images), std::move(next)};
    return std::unexpected(of_archive(std::move(error), path));
  };
  if (images.empty()) return refused("holds no image", "");
  const std::string wanted = plain_repository(repository);
  // The names that count, with their images.
  std::vector<Choice> found;
  for (const bool any : {false, true}) {
    for (std::size_t i = 0; i < images.size(); ++i)
      for (const std::string& name : images[i].names) {
        const auto [own, own_tag] = parts(name);
        const bool fits = any ? images.size() == 1 : wanted.empty() || own.empty() || own == wanted;
        if (fits && !own_tag.empty() && (tag.empty() || own_tag == tag)) found.push_back({i, own_tag});
      }
    if (!found.empty()) break;
  }
  if (images.size() == 1 && !tag.empty()) return Choice{0, tag};
  if (found.size() == 1) return found.front();
  if (tag.empty())
    return refused(found.empty() ? "does not say which tag its image has" : "holds several tags",
                   "name one: bgdeploy deploy --archive FILE --tag TAG");
  return refused(fmt::format("holds {} images, and {} is {}:{}", images.size(),
                             found.empty() ? "none" : "more than one", wanted, tag),
                 "save that image alone: docker save IMAGE:TAG");
}

std::string other_name(const Image& image, std::string_view repository) {
  const auto last = [](std::string_view path) { return path.substr(path.rfind('/') + 1); };
  for (const std::string& name : image.names) {
    const std::string own = parts(name).first;
    if (own.empty() || repository.empty() || last(own) == last(repository)) return "";
  }
  return core::printable(fmt::format("{}", fmt::join(image.names, ", ")));
}

Result<const Variant*> for_platform(const Image& image, std::string_view os, std::string_view architecture) {
  std::vector<std::string> others;
  for (const Variant& variant : image.variants) {
    // What does not say it is for any.
    if ((variant.os.empty() || variant.os == os) &&
        (variant.architecture.empty() || variant.architecture == architecture))
      return &variant;
    others.push_back(fmt::format("{}/{}", variant.os, variant.architecture));
  }
  return wrong(core::printable(fmt::format("the image is for {}, and this host is {}/{}",
                                           fmt::join(others, ", "), os, architecture)),
               fmt::format("build it with DOCKER_DEFAULT_PLATFORM={}/{}", os, architecture));
}

}  // namespace bgdeploy::archive
