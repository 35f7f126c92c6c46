// Writes values into the map that `config` prints and that the history keeps.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"

namespace bgdeploy::spec {

class Writer {
public:
  using Json = nlohmann::ordered_json;
  explicit Writer(Json& map) : m_map(&map) {}

  void put(const std::string& key, const std::string& text);
  void put(const std::string& key, const char* text) { put(key, std::string(text)); }
  void put(const std::string& key, bool flag);
  void put(const std::string& key, int number) { put(key, std::int64_t{number}); }
  void put(const std::string& key, std::int64_t number);
  void put(const std::string& key, double number);
  void put(const std::string& key, core::Duration duration);
  void put(const std::string& key, const std::vector<std::string>& list);
  void put(const std::string& key, const std::map<std::string, std::string>& map);
  void put_null(const std::string& key);

  // A map of its own below `key`, which exists from then on.
  Writer inside(const std::string& key);
  // A list of `count` maps below `key`.
  void list(const std::string& key, std::size_t count,
            const std::function<void(Writer&, std::size_t)>& write_item);

private:
  Json* m_map;
};

}  // namespace bgdeploy::spec
