// A string that cannot be printed by accident: no stream operator, no formatter, no conversion.
#pragma once

#include <string>
#include <utility>

namespace bgdeploy::core {

class Secret {
public:
  Secret() = default;
  explicit Secret(std::string value) : m_value(std::move(value)) {}

  // The only way to the value; call it where it is handed to the system that needs it.
  const std::string& reveal() const { return m_value; }

  bool operator==(const Secret&) const = default;

private:
  std::string m_value;
};

}  // namespace bgdeploy::core
