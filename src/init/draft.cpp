#include "bgdeploy/init/draft.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/init/readers.hpp"

namespace bgdeploy::init {
namespace {

constexpr std::string_view k_fill_in = "FILL IN: ";

bool is_below(const Path& path, const Path& above) {
  return path.size() >= above.size() && std::equal(above.begin(), above.end(), path.begin());
}

}  // namespace

void Draft::say(Path path, Json value, std::string comment) {
  for (const Finding& known : m_findings)
    if (is_below(path, known.path) || is_below(known.path, path)) return;
  m_findings.push_back({std::move(path), std::move(value), std::move(comment)});
}

void Draft::guess(Path path, Json value, std::string_view because) {
  say(std::move(path), std::move(value), fmt::format("guessed: {}", because));
}

void Draft::fill_in(Path path, Json value, std::string_view what) {
  say(std::move(path), std::move(value), fmt::format("{}{}", k_fill_in, what));
}

void Draft::note(std::string text) {
  text = without_tokens(text);
  if (std::ranges::find(m_notes, text) == m_notes.end()) m_notes.push_back(std::move(text));
}

void Draft::refuse(std::string text) {
  m_refused.push_back(without_tokens(text));
  note(std::move(text));
}

void Draft::read_from(std::string source) {
  if (std::ranges::find(m_sources, source) == m_sources.end()) m_sources.push_back(std::move(source));
}

void Draft::mount(std::string volume) {
  m_mounts.push_back(std::move(volume));
}

bool Draft::has(const Path& path) const {
  return std::ranges::any_of(m_findings, [&](const Finding& known) { return is_below(known.path, path); });
}

const Finding* Draft::find(const Path& path) const {
  const auto found = std::ranges::find(m_findings, path, &Finding::path);
  return found == m_findings.end() ? nullptr : &*found;
}

std::string Draft::text(const Path& path) const {
  const Finding* found = find(path);
  return found != nullptr && found->value.is_string() ? found->value.get<std::string>() : std::string();
}

void Draft::change(const Path& path, Json value, std::string comment) {
  const auto found = std::ranges::find(m_findings, path, &Finding::path);
  if (found == m_findings.end()) return;
  found->value = std::move(value);
  found->comment = std::move(comment);
}

void Draft::drop(const Path& path) {
  std::erase_if(m_findings, [&](const Finding& known) { return is_below(known.path, path); });
}

std::vector<std::string> Draft::gaps() const {
  std::vector<std::string> gaps;
  for (const Finding& known : m_findings)
    if (known.comment.starts_with(k_fill_in)) gaps.push_back(fmt::format("{}", fmt::join(known.path, ".")));
  return gaps;
}

}  // namespace bgdeploy::init
