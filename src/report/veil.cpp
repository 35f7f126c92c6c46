#include "bgdeploy/report/veil.hpp"

#include <algorithm>

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::report {
namespace {

constexpr std::size_t k_least = 4;
constexpr std::string_view k_veil = "***";

void replace_all(std::string& text, const std::string& what) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + k_veil.size()))
    text.replace(at, what.size(), k_veil);
}

}  // namespace

void Veil::hide(const core::Secret& secret) {
  std::vector<std::string> forms = core::split_lines(secret.reveal());
  forms.push_back(secret.reveal());
  for (std::size_t i = 0, plain = forms.size(); i < plain; ++i) {
    forms.push_back(core::printable(forms[i]));
    forms.push_back(core::printable(forms[i], true));
  }
  const std::lock_guard lock(m_mutex);
  for (std::string& form : forms)
    if (form.size() >= k_least) m_hidden.emplace_back(std::move(form));
  std::ranges::stable_sort(m_hidden, std::ranges::greater{},
                           [](const core::Secret& hidden) { return hidden.reveal().size(); });
}

std::string Veil::veiled(std::string text) const {
  const std::lock_guard lock(m_mutex);
  for (const core::Secret& hidden : m_hidden) replace_all(text, hidden.reveal());
  return text;
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
