#include "switch.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace bgdeploy::proxy {
namespace {

using core::ErrorKind;
using namespace std::chrono_literals;

// Longer than any wait of the script's own, so that the script can still answer.
constexpr auto k_undo_takes_at_most = 150s;

class ScriptedSwitch final : public Switch {
public:
  ScriptedSwitch(Conversation conversation, LookAtNew look, Explain explain)
      : m_conversation(std::move(conversation)), m_look(std::move(look)), m_explain(std::move(explain)) {}

  Result<void> commit(const Wait& wait) override {
    BGDEPLOY_TRY(m_conversation.tell("commit"));
    auto answer = m_conversation.answer("committed", wait, "seen");
    if (answer && answer->contains("seen")) {
      if (auto problem = m_look ? m_look(*answer) : std::nullopt) return stop_commit(*std::move(problem), "");
      BGDEPLOY_TRY(m_conversation.tell("reload"));
      answer = m_conversation.answer("committed", wait);
    }
    if (answer) return {};
    const auto kind = answer.error().kind;
    if (kind != ErrorKind::timeout && kind != ErrorKind::cancelled)
      return std::unexpected(m_explain ? m_explain(std::move(answer).error()) : std::move(answer).error());
    return stop_commit(std::move(answer).error(), ": the old routing is back");
  }

  Result<void> restore(const Wait& wait) override { return ask("restore", "restored", wait); }
  Result<void> accept(const Wait& wait) override { return ask("accept", "accepted", wait); }

  Result<Drained> drain(core::Duration timeout, const Routing& old_backends, const Wait& wait) override {
    BGDEPLOY_TRY(m_conversation.tell(
        fmt::format("drain {} {}", hundredths(timeout), fmt::join(socket_patterns(old_backends), " "))));
    BGDEPLOY_ASSIGN(const auto lines, m_conversation.answer("drained", wait));
    return drained_from(lines);
  }

private:
  Result<void> ask(std::string_view word, std::string_view answer, const Wait& wait) {
    BGDEPLOY_TRY(m_conversation.tell(word));
    BGDEPLOY_TRY(m_conversation.answer(answer, wait));
    return {};
  }

  // The commit is no longer waited for, or not wanted. The end of its stdin makes the script undo it, and its
  // answer is the truth: the commit may have been done a moment before.
  Result<void> stop_commit(core::Error reason, std::string_view outcome) {
    BGDEPLOY_TRY(m_conversation.hang_up());
    const auto answer = m_conversation.answer("committed", Wait::for_at_most(k_undo_takes_at_most));
    if (answer) return {};
    if (answer.error().kind != ErrorKind::refused) return std::unexpected(answer.error());
    reason.message += outcome;
    return std::unexpected(std::move(reason));
  }

  Conversation m_conversation;
  LookAtNew m_look;
  Explain m_explain;
};

}  // namespace

std::unique_ptr<Switch> make_switch(Conversation conversation, LookAtNew look, Explain explain) {
  return std::make_unique<ScriptedSwitch>(std::move(conversation), std::move(look), std::move(explain));
}

}  // namespace bgdeploy::proxy
