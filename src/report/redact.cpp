#include "bgdeploy/report/redact.hpp"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::report {
namespace {

constexpr std::size_t k_least = Redactor::k_least;
// A text may end in the middle of a secret. Three quarters of the secret are taken for a part of it, but
// never less than 8 bytes, which may be a common word, and never more than 12.
constexpr std::size_t k_least_word = 8;
constexpr std::size_t k_least_part = 12;
// From this length on a text is taken for a piece from the middle of a secret.
constexpr std::size_t k_least_middle = 24;
constexpr std::string_view k_redacted = "***";
constexpr std::string_view k_cut = "…";

void replace_all(std::string& text, const std::string& what) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + k_redacted.size()))
    text.replace(at, what.size(), k_redacted);
}

// The form in which an application that logs JSON writes it.
std::string in_json(const std::string& text) {
  const auto quoted = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

std::size_t least_part(std::string_view secret, bool surely_cut) {
  return surely_cut ? k_least : std::clamp(secret.size() * 3 / 4, k_least_word, k_least_part);
}

// The length of the longest start of `secret` that `text` ends with; 0 when it is shorter than `least`.
std::size_t begun_at_end(std::string_view text, std::string_view secret, std::size_t least) {
  if (secret.size() < least || text.size() < least) return 0;
  const auto key = secret.substr(0, least);
  for (auto at = text.find(key, text.size() - std::min(text.size(), secret.size()));
       at != std::string_view::npos; at = text.find(key, at + 1))
    if (secret.starts_with(text.substr(at))) return text.size() - at;
  return 0;
}

// The length of the longest end of `secret` that `text` starts with.
std::size_t ended_at_start(std::string_view text, std::string_view secret, std::size_t least) {
  if (secret.size() < least || text.size() < least) return 0;
  const auto key = secret.substr(secret.size() - least);
  for (auto at = text.rfind(key, std::min(text.size(), secret.size()) - least); at != std::string_view::npos;
       at = at == 0 ? std::string_view::npos : text.rfind(key, at - 1))
    if (secret.ends_with(text.substr(0, at + least))) return at + least;
  return 0;
}

// Docker, the application or this program may have cut a text: it then ends or begins in the middle of a
// secret, or is a piece of one.
std::string without_parts(std::string_view piece, bool surely_cut, const std::vector<core::Secret>& hidden) {
  std::string text(piece);
  for (const core::Secret& secret : hidden) {
    const std::string_view whole = secret.reveal();
    if (text.size() >= k_least_middle && whole.find(text) != std::string_view::npos)
      return std::string(k_redacted);
    if (const auto length = begun_at_end(text, whole, least_part(whole, surely_cut)))
      text.replace(text.size() - length, length, k_redacted);
    if (const auto length = ended_at_start(text, whole, least_part(whole, false)))
      text.replace(0, length, k_redacted);
  }
  return text;
}

// Visits every text of an event but the names of hosts, slots and steps.
struct Texts {
  std::function<void(std::string&)> each;

  void operator()(core::Error& error) const {
    each(error.message);
    for (std::string& detail : error.details) each(detail);
    each(error.next);
  }
  void operator()(ReleaseName& release) const {
    each(release.name);
    if (release.digest) each(*release.digest);
  }
  void operator()(Asked& asked) const {
    each(asked.question);
    each(asked.answer);
  }
  void operator()(Cause& cause) const {
    for (HostLog& log : cause.logs)
      for (std::string& line : log.lines) each(line);
    if (cause.asked) (*this)(*cause.asked);
  }
  void operator()(Started& event) const {
    each(event.what);
    each(event.to);
  }
  void operator()(LockAcquired&) const {}
  void operator()(PastRuns& event) const {
    for (PastRun& run : event.runs) {
      (*this)(run.from);
      (*this)(run.to);
      each(run.message);
      each(run.who);
    }
  }
  void operator()(PlanMade& event) const {
    (*this)(event.from);
    (*this)(event.to);
  }
  void operator()(LockReleased&) const {}
  void operator()(Finished& event) const {
    (*this)(event.from);
    (*this)(event.to);
    each(event.remark);
    if (event.error) (*this)(*event.error);
    each(event.url);
    if (event.serving) {
      (*this)(event.serving->release);
      each(event.serving->trouble);
    }
    if (event.cause) (*this)(*event.cause);
  }
  void operator()(StepStarted& event) const {
    each(event.what);
    each(event.about);
  }
  void operator()(StepFinished& event) const {
    each(event.what);
    each(event.about);
  }
  void operator()(StepFailed& event) const {
    each(event.what);
    each(event.about);
    (*this)(event.error);
  }
  void operator()(StepUndone& event) const {
    each(event.what);
    each(event.about);
  }
  void operator()(PullProgress& event) const {
    each(event.layer);
    each(event.status);
  }
  void operator()(BuildOutput& event) const { each(event.line); }
  void operator()(HealthProbe& event) const {
    each(event.answer);
    each(event.question);
  }
  void operator()(LogLine& event) const { each(event.line); }
  void operator()(HookOutput& event) const { each(event.line); }
  void operator()(WatchSeen& event) const {
    each(event.check);
    each(event.answer);
  }
  void operator()(Info& event) const { each(event.message); }
  void operator()(Warning& event) const { each(event.message); }
};

// Writes commands as the user has to type them.
struct Typed {
  const Program& program;

  void operator()(Finished& event) const {
    event.program = program;
    if (event.error) event.error = program.in(std::move(*event.error));
    event.remark = program.in(std::move(event.remark));
  }
  void operator()(Info& event) const { event.message = program.in(std::move(event.message)); }
  void operator()(Warning& event) const { event.message = program.in(std::move(event.message)); }
  void operator()(auto&) const {}
};

}  // namespace

void Redactor::hide(const core::Secret& secret) {
  std::vector<std::string> forms = core::split_lines(secret.reveal());
  forms.push_back(secret.reveal());
  for (std::size_t i = 0, whole = forms.size(); i < whole; ++i) forms.emplace_back(core::trim(forms[i]));
  for (std::size_t i = 0, plain = forms.size(); i < plain; ++i) {
    forms.push_back(core::printable(forms[i]));
    forms.push_back(core::printable(forms[i], true));
    forms.push_back(in_json(forms[i]));
  }
  const std::lock_guard lock(m_mutex);
  for (std::string& form : forms)
    if (form.size() >= k_least) m_hidden.emplace_back(std::move(form));
  const auto text = [](const core::Secret& hidden) -> const std::string& { return hidden.reveal(); };
  std::ranges::sort(m_hidden, [&](const core::Secret& a, const core::Secret& b) {
    return text(a).size() != text(b).size() ? text(a).size() > text(b).size() : text(a) < text(b);
  });
  const auto same = std::ranges::unique(m_hidden, {}, text);
  m_hidden.erase(same.begin(), same.end());
}

std::string Redactor::redacted(std::string text) const {
  const std::lock_guard lock(m_mutex);
  if (m_hidden.empty()) return text;
  for (const core::Secret& hidden : m_hidden) replace_all(text, hidden.reveal());
  std::string result;
  for (std::string_view rest = text;;) {
    const auto line = rest.find('\n');
    const auto cut = rest.find(k_cut);
    const auto end = std::min(line, cut);
    result += without_parts(rest.substr(0, end), cut < line, m_hidden);
    if (end == std::string_view::npos) return result;
    const auto mark = cut < line ? k_cut.size() : 1;
    result += rest.substr(end, mark);
    rest.remove_prefix(end + mark);
  }
}

core::Error Redactor::redacted(core::Error error) const {
  Texts{[this](std::string& text) { text = redacted(std::move(text)); }}(error);
  return m_program.in(std::move(error));
}

void Redactor::on_last(std::function<void(const Finished&)> call) {
  const std::lock_guard lock(m_mutex);
  m_on_last = std::move(call);
}

std::map<std::string, core::Duration> Redactor::step_times() const {
  const std::lock_guard lock(m_mutex);
  return m_story.step_times();
}

void Redactor::emit(Event event) {
  std::visit(Texts{[this](std::string& text) { text = redacted(std::move(text)); }}, event);
  std::visit(Typed{m_program}, event);
  {
    const std::lock_guard lock(m_mutex);
    m_story.see(event);
  }
  const auto* last = std::get_if<Finished>(&event);
  if (last == nullptr) return m_behind->emit(std::move(event));
  const auto call = [&] {
    const std::lock_guard lock(m_mutex);
    return m_on_last;
  }();
  if (call && m_last_ends) call(*last);
  m_behind->emit(event);
  if (call && !m_last_ends) call(*last);
}

}  // namespace bgdeploy::report
