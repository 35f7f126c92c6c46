// What the looks of `watch` add up to. Pure: it is told what was seen, and when.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// One kind of look at one place.
struct WatchCheck {
  std::string name;            // "health", "url https://shop.example.com/", "responses", "run ./burn-rate.sh"
  std::string host{};          // empty: this machine
  bool one_is_enough = false;  // a verdict on one of its hosts is enough: a proxy may have no traffic
  bool only_bad = false;       // it says nothing as long as all is well
};

// One look.
struct Sight {
  std::optional<bool> good;  // nothing: no verdict
  std::string answer;        // "HTTP 503"
  bool lost = false;         // its host cannot be asked any more
  bool at_once = false;      // bad, and no further look will change that
};

struct WatchVerdict {
  enum class Kind { good, bad, inconclusive };
  Kind kind = Kind::good;
  std::vector<std::string> why{};  // "web-1: health: HTTP 503, 3 times in a row"
};

class Judge {
public:
  Judge(const spec::Watch& settings, const std::vector<WatchCheck>& checks, core::SteadyTime began);

  void see(std::size_t check, const Sight& sight, core::SteadyTime now);
  // Nothing as long as the watch goes on. When its time is over, a check that was not heard yet is waited
  // for, and one that is bad just then gets the looks that it takes to tell.
  std::optional<WatchVerdict> verdict(core::SteadyTime now) const;
  core::SteadyTime end() const { return m_end; }

private:
  struct Row {
    WatchCheck check;
    int looks = 0, bad = 0;  // bad: in a row
    int late = 0;            // looks after the end
    bool was_good = false;
    Sight last{};
  };
  bool is_bad(const Row& row) const;
  bool is_open(const Row& row) const;
  bool is_decided(const Row& row) const;
  std::string words(const Row& row) const;

  const int m_failures;
  const core::SteadyTime m_end;
  std::vector<Row> m_rows;
};

}  // namespace bgdeploy::deploy
