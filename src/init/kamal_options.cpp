#include "kamal_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "bgdeploy/core/number.hpp"

namespace bgdeploy::init {
namespace {

using Named = std::pair<std::string_view, const char*>;
constexpr Named k_texts[] = {{"memory", "mem_limit"},     {"user", "user"},
                             {"workdir", "working_dir"},  {"stop-signal", "stop_signal"},
                             {"shm-size", "shm_size"},    {"restart", "restart"},
                             {"entrypoint", "entrypoint"}};
constexpr Named k_lists[] = {{"add-host", "extra_hosts"}, {"cap-add", "cap_add"}, {"cap-drop", "cap_drop"},
                             {"tmpfs", "tmpfs"},          {"volume", "volumes"},  {"network", "networks"}};

// {nofile: {soft: 1024, hard: 2048}} of "nofile=1024:2048"; empty where it is none.
Json ulimits_of(const std::vector<std::string>& texts) {
  Json all = Json::object();
  for (const std::string& text : texts) {
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string limits = text.substr(std::min(equals + 1, text.size()));
    const std::size_t colon = limits.find(':');
    const auto soft = core::parse_number<std::int64_t>(limits.substr(0, colon));
    const auto hard =
        colon == std::string::npos ? soft : core::parse_number<std::int64_t>(limits.substr(colon + 1));
    if (!soft || !hard) return Json::object();
    all[text.substr(0, equals)] = Json{{"soft", *soft}, {"hard", *hard}};
  }
  return all;
}

}  // namespace

std::string in_seconds(const std::string& text) {
  if (core::parse_number<int>(text)) return text + "s";
  const Json number = Json::parse(text, nullptr, false);
  return number.is_number() ? fmt::format("{:.0f}ms", number.get<double>() * 1000) : text;
}

std::optional<DockerKey> docker_key_of(const std::string& option, const std::vector<std::string>& values) {
  if (values.empty()) return std::nullopt;
  if (const auto list = std::ranges::find(k_lists, option, &Named::first); list != std::end(k_lists))
    return DockerKey{list->second, values};
  if (option == "ulimit") {
    const Json limits = ulimits_of(values);
    return limits.empty() ? std::nullopt : std::optional(DockerKey{"ulimits", limits});
  }
  if (values.size() > 1) return std::nullopt;
  const std::string& value = values[0];
  if (const auto text = std::ranges::find(k_texts, option, &Named::first); text != std::end(k_texts))
    return DockerKey{text->second, value};
  if (option == "stop-timeout") return DockerKey{"stop_grace_period", in_seconds(value)};
  if (const Json cpus = Json::parse(value, nullptr, false); option == "cpus" && cpus.is_number())
    return DockerKey{"cpus", cpus};
  if (option == "init" && value != "false") return DockerKey{"init", true};
  if (option == "read-only" && value != "false") return DockerKey{"read_only", true};
  return std::nullopt;
}

}  // namespace bgdeploy::init
