// Replaces secrets in all events: an application may print one in its log or its health answer. Gives the
// last event its cause, too, and writes commands as the user has to type them.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/secret.hpp"
#include "bgdeploy/report/event.hpp"
#include "bgdeploy/report/story.hpp"

namespace bgdeploy::report {

class Redactor final : public Sink {
public:
  static constexpr std::size_t k_least = 4;

  // `last_ends`: nothing may follow the last event, as in a stream that programs read.
  explicit Redactor(std::unique_ptr<Sink> behind, bool last_ends = false, Program program = {})
      : m_program(std::move(program)), m_behind(std::move(behind)), m_last_ends(last_ends) {}

  // From now on "***" replaces the secret, each line of it, both without the blanks around them, and all of
  // these as core::printable shows them and as JSON writes them. Where a text was cut in the middle of the
  // secret it replaces the part that is left. Values of less than 4 bytes stay: without every "1" nothing
  // could be read.
  void hide(const core::Secret& secret);
  std::string redacted(std::string text) const;
  core::Error redacted(core::Error error) const;

  // Called with the last event of a run, as it is shown: once it is, or before it where nothing may follow
  // it. Empty: nobody is.
  void on_last(std::function<void(const Finished&)> call);

  // As Story has them.
  std::map<std::string, core::Duration> step_times() const;

  void emit(Event event) override;

private:
  mutable std::mutex m_mutex;
  std::vector<core::Secret> m_hidden;  // longest first: one may contain another
  std::function<void(const Finished&)> m_on_last;
  Story m_story;
  const Program m_program;
  const std::unique_ptr<Sink> m_behind;
  const bool m_last_ends;
};

}  // namespace bgdeploy::report
