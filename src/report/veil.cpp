#include "bgdeploy/report/veil.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::report {
namespace {

constexpr std::size_t k_least = Veil::k_least;
// How much of a secret is known for a part of it, where a text ends in the middle of one: of a short one,
// more than the word that it may begin with.
constexpr std::size_t k_least_word = 8;
constexpr std::size_t k_least_part = 12;
// What can be a piece out of the middle.
constexpr std::size_t k_least_middle = 24;
constexpr std::string_view k_veil = "***";
constexpr std::string_view k_cut = "…";

void replace_all(std::string& text, const std::string& what) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + k_veil.size()))
    text.replace(at, what.size(), k_veil);
}

// As an application that logs in JSON writes it.
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

// A text that somebody cut, here or outside, may end or begin in the middle of a secret, or be a piece of
// one.
std::string without_parts(std::string_view piece, bool surely_cut, const std::vector<core::Secret>& hidden) {
  std::string text(piece);
  for (const core::Secret& secret : hidden) {
    const std::string_view whole = secret.reveal();
    if (text.size() >= k_least_middle && whole.find(text) != std::string_view::npos)
      return std::string(k_veil);
    if (const auto length = begun_at_end(text, whole, least_part(whole, surely_cut)))
      text.replace(text.size() - length, length, k_veil);
    if (const auto length = ended_at_start(text, whole, least_part(whole, false)))
      text.replace(0, length, k_veil);
  }
  return text;
}

}  // namespace

void Veil::hide(const core::Secret& secret) {
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

std::string Veil::veiled(std::string text) const {
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

core::Error Veil::veiled(core::Error error) const {
  error.message = veiled(std::move(error.message));
  for (std::string& detail : error.details) detail = veiled(std::move(detail));
  return error;
}

void Veil::emit(Event event) {
  event.message = veiled(std::move(event.message));
  if (event.error) event.error = veiled(std::move(*event.error));
  for (auto& [name, field] : event.fields)
    if (auto* text = std::get_if<std::string>(&field)) *text = veiled(std::move(*text));
  m_behind->emit(std::move(event));
}

}  // namespace bgdeploy::report
