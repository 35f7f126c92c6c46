#include "watch/judge.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace bgdeploy::deploy {

Judge::Judge(const spec::Watch& settings, const std::vector<WatchCheck>& checks, core::SteadyTime began)
    : m_failures(settings.failures), m_end(began + settings.for_at_least) {
  for (const WatchCheck& check : checks) m_rows.push_back({.check = check});
}

// A look without a verdict neither goes on with a row of bad ones nor ends it.
void Judge::see(std::size_t check, const Sight& sight, core::SteadyTime now) {
  Row& row = m_rows.at(check);
  ++row.looks;
  if (now >= m_end) ++row.late;
  if (sight.good == false) ++row.bad;
  if (sight.good == true) {
    row.bad = 0;
    row.was_good = true;
  }
  row.last = sight;
}

bool Judge::is_bad(const Row& row) const {
  return row.bad >= m_failures || (row.last.at_once && row.last.good == false);
}

bool Judge::is_open(const Row& row) const {
  if (row.check.only_bad) return false;
  return row.looks == 0 || (row.bad > 0 && row.late < m_failures);
}

bool Judge::is_decided(const Row& row) const {
  if (row.check.only_bad) return true;
  if (row.was_good && row.bad == 0 && !row.last.lost) return true;
  return row.check.one_is_enough && std::ranges::any_of(m_rows, [&](const Row& other) {
           return other.check.name == row.check.name && other.was_good && other.bad == 0;
         });
}

std::string Judge::words(const Row& row) const {
  const std::string where = row.check.host.empty() ? "" : row.check.host + ": ";
  const std::string times = row.bad > 1 ? fmt::format(", {} times in a row", row.bad) : "";
  return fmt::format("{}{}: {}{}", where, row.check.name, row.last.answer, times);
}

std::optional<WatchVerdict> Judge::verdict(core::SteadyTime now) const {
  WatchVerdict verdict;
  const auto collect = [&](auto test) {
    for (const Row& row : m_rows)
      if (test(row)) verdict.why.push_back(words(row));
    return !verdict.why.empty();
  };
  if (collect([this](const Row& row) { return is_bad(row); })) {
    verdict.kind = WatchVerdict::Kind::bad;
    return verdict;
  }
  if (now < m_end || std::ranges::any_of(m_rows, [this](const Row& row) { return is_open(row); })) return {};
  if (collect([this](const Row& row) { return !is_decided(row); }))
    verdict.kind = WatchVerdict::Kind::inconclusive;
  return verdict;
}

}  // namespace bgdeploy::deploy
