// Keeps secrets that come back from outside (an application's log, its health answer, a hook's words) out of
// all events.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bgdeploy/core/secret.hpp"
#include "bgdeploy/report/event.hpp"

namespace bgdeploy::report {

class Veil final : public Sink {
public:
  static constexpr std::size_t k_least = 4;

  explicit Veil(std::unique_ptr<Sink> behind) : m_behind(std::move(behind)) {}

  // From now on "***" stands for it, for each line of it, and for either without blanks around it, as
  // core::printable shows it, and as JSON has it; where a text was cut in the middle of it, for the part that
  // is left. Values of less than 4 bytes stay: hiding every "1" would leave nothing to read.
  void hide(const core::Secret& secret);
  std::string veiled(std::string text) const;
  core::Error veiled(core::Error error) const;

  void emit(Event event) override;

private:
  mutable std::mutex m_mutex;
  std::vector<core::Secret> m_hidden;  // longest first: one may be a part of another
  const std::unique_ptr<Sink> m_behind;
};

}  // namespace bgdeploy::report
