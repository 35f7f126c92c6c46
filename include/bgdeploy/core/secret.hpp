// A string that nobody prints by accident: it has no stream operator, no formatter and no conversion.
#pragma once

#include <string>
#include <utility>

namespace bgdeploy::core {

class Secret {
public:
  Secret() = default;
  explicit Secret(std::string value) : m_value(std::move(value)) {}

  // The only way to the value. Call it where the value goes to the system that needs it.
  const std::string& reveal() const { return m_value; }

  bool operator==(const Secret&) const = default;

private:
  std::string m_value;
};

}  // namespace bgdeploy::core
