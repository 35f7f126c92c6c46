// `docker load` on the host, fed with the layers that it lacks.
//
// An engine opens no layer of a `docker save` archive that it has below the same ones, and Podman none that
// it has at all, so an empty file stands for it there. It keeps nothing of an archive that ends too early. So
// the layers come in parts, each as an image without a name that ends where the part does: what is there then
// stays there. These images go when the whole one is there, at the latest with `prune`, which knows their
// label.
//
// Where containerd keeps the images, it wants the content of every layer: all of the archive goes in one
// piece.
#include <fmt/format.h>

#include "bgdeploy/archive/load_stream.hpp"
#include "bgdeploy/runtime/docker_container.hpp"
#include "engine_images.hpp"
#include "layers_there.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;

constexpr std::int64_t k_told = std::int64_t{512} << 10;  // between two reports of progress

using Progress = std::function<void(const PullProgress&)>;

PullProgress progress_of(const archive::Layer& layer, std::int64_t sent) {
  return {layer.content.substr(layer.content.find(':') + 1, 12), "Sending", sent, layer.data.size};
}

struct Lacking {
  const archive::Variant* variant = nullptr;
  std::size_t there = 0;  // of its layers
  bool whole = false;     // all or nothing
};

Result<Lacking> lacking_of(engine::Client& client, const std::string& host, const archive::Image& image,
                           const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto engine, client.info(wait));
  auto variant = archive::for_platform(image, engine.os, engine.architecture);
  if (!variant) return std::unexpected(std::move(variant.error()).within(host));
  Lacking lacking{*variant, 0, engine.containerd_images};
  if (lacking.whole) return lacking;
  std::vector<std::string> contents;
  for (const archive::Layer& layer : lacking.variant->layers) contents.push_back(layer.content);
  BGDEPLOY_ASSIGN(lacking.there, layers_there(client, contents, wait));
  return lacking;
}

class Sending {
public:
  Sending(engine::Client& client, const archive::Variant& variant, const Progress& progress, const Wait& wait)
      : m_client(client), m_variant(variant), m_progress(progress), m_wait(wait) {}

  // An image of the lowest `end` layers, of which the engine has `there`.
  Result<void> load(const std::string& config, std::size_t there, std::size_t end,
                    const std::vector<std::string>& names) {
    archive::LoadStream stream(config, std::span(m_variant.layers).first(end), there, names);
    std::size_t at = there;
    std::int64_t told = 0;
    const auto read = [&](std::span<char> into) -> Result<std::size_t> {
      BGDEPLOY_ASSIGN(const std::size_t count, stream.read(into));
      for (; at < end; ++at, told = 0) {
        const std::int64_t sent = stream.sent(at);
        const bool all = sent == m_variant.layers[at].data.size;
        if (m_progress && (all || sent - told >= k_told)) {
          m_progress(progress_of(m_variant.layers[at], sent));
          told = sent;
        }
        if (!all) break;
      }
      return count;
    };
    return m_client.load({stream.size(), read}, m_wait);
  }

private:
  engine::Client& m_client;
  const archive::Variant& m_variant;
  const Progress& m_progress;
  const Wait& m_wait;
};

// Those that are needed no more, of an interrupted run too. One that stays costs nothing: `prune` knows it.
Result<void> remove_parts(engine::Client& client, const std::map<std::string, std::string>& labels,
                          const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto images, client.list_images(wait));
  for (const auto& image : images)
    if (image.labels == labels && image.repo_tags.empty()) (void)client.remove_image(image.id, wait);
  return {};
}

}  // namespace

Result<ToSend> EngineImages::lacking(const archive::Image& image, const Wait& wait) {
  BGDEPLOY_ASSIGN(const Lacking lacking, lacking_of(*m_client, m_host.name(), image, wait));
  const auto layers = std::span(lacking.variant->layers).subspan(lacking.there);
  ToSend send{.bytes = 0, .room = archive::room_for(layers, lacking.whole)};
  for (const archive::Layer& layer : layers) send.bytes += layer.data.size;
  return send;
}

Result<void> EngineImages::send(const plan::Release& release, const archive::Image& image,
                                const Progress& progress, const Wait& wait) {
  BGDEPLOY_ASSIGN(bool there, present(release, wait));
  if (there) return {};
  BGDEPLOY_ASSIGN(const Lacking lacking, lacking_of(*m_client, m_host.name(), image, wait));
  const auto& layers = lacking.variant->layers;
  std::vector<std::string> names{image_reference(release)};
  if (!release.tag.empty()) names.push_back(release.image + ":" + release.tag);
  for (std::size_t i = lacking.there; progress && i < layers.size(); ++i) progress(progress_of(layers[i], 0));

  Sending sending(*m_client, *lacking.variant, progress, wait);
  const std::map<std::string, std::string> labels{{label::k_build, label::k_part},
                                                  {label::k_build_of, m_service}};
  std::size_t start = lacking.there;
  for (std::size_t end = 0; !lacking.whole; start = end) {
    end = archive::end_of_part(layers, start);
    if (end >= layers.size()) break;
    const std::string config = archive::part_config(*lacking.variant, labels, end);
    BGDEPLOY_TRY(sending.load(config, start, end, {}));
  }
  auto loaded = sending.load(lacking.variant->config, start, layers.size(), names);
  // An engine that wants all of it nevertheless.
  if (!loaded && loaded.error().kind == ErrorKind::refused && start > 0)
    loaded = sending.load(lacking.variant->config, 0, layers.size(), names);
  BGDEPLOY_TRY(loaded);
  BGDEPLOY_TRY(remove_parts(*m_client, labels, wait));
  BGDEPLOY_ASSIGN(there, present(release, wait));
  if (there) return {};
  return core::fail(ErrorKind::refused,
                    fmt::format("{}: docker took the image, but has no {}", m_host.name(), names.front()));
}

}  // namespace bgdeploy::runtime
