#include "bgdeploy/deploy/compose_files.hpp"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/spec/load.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using core::Result;
using nlohmann::json;

constexpr std::size_t k_most_bytes = 256 << 10;

bool is_text(std::string_view text) {
  while (!text.empty()) {
    const auto length = core::utf8_length(text);
    if (length == 0 || text[0] == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

Result<std::string> read_file(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file)
    return core::fail(ErrorKind::usage, fmt::format("compose.file {} cannot be read: {}", path,
                                                    error ? error.message() : "permission denied"));
  if (size > k_most_bytes)
    return core::fail(ErrorKind::usage,
                      fmt::format("compose.file {} has {} bytes; at most 256 kB are sent", path, size));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!is_text(text))
    return core::fail(ErrorKind::usage, fmt::format("compose.file {} is no UTF-8 text", path));
  return text;
}

}  // namespace

Result<std::optional<plan::ComposeLaunch>> read_compose_files(const spec::Spec& spec) {
  if (!spec.compose) return std::optional<plan::ComposeLaunch>();
  plan::ComposeLaunch compose{*spec.compose, {}};
  for (std::size_t slot = 0; !spec.compose->file.empty() && slot < compose.files.size(); ++slot) {
    const auto path = core::substitute(spec.compose->file, plan::substitutions(spec, slot, "", "", ""));
    BGDEPLOY_ASSIGN(compose.files[slot], read_file(path));
  }
  return std::optional(std::move(compose));
}

std::string compose_record(const plan::ComposeLaunch& compose) {
  return json{{"settings", spec::compose_to_json(compose.settings)},
              {"named", compose.settings.named},
              {"files", compose.files}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<plan::ComposeLaunch> parse_compose_record(std::string_view record) {
  const auto object = json::parse(record, nullptr, false);
  const auto wrong = [] { return core::fail(ErrorKind::refused, "it is no record of compose"); };
  if (!object.is_object() || !object.contains("settings") || !object["settings"].is_string()) return wrong();
  plan::ComposeLaunch compose;
  BGDEPLOY_ASSIGN(compose.settings, spec::load_compose(object["settings"].get<std::string>()));
  for (std::size_t slot = 0; slot < compose.files.size(); ++slot) {
    const auto& files = object.value("files", json());
    const auto& named = object.value("named", json());
    if (!files.is_array() || files.size() != 2 || !files[slot].is_string()) return wrong();
    if (!named.is_array() || named.size() != 2 || !named[slot].is_boolean()) return wrong();
    compose.files[slot] = files[slot].get<std::string>();
    compose.settings.named[slot] = named[slot].get<bool>();
  }
  return compose;
}

}  // namespace bgdeploy::deploy
