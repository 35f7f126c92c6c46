#include "cli/signals.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <functional>

namespace bgdeploy::cli {
namespace {

using namespace std::chrono_literals;

// Each in a process of its own: signals and their mask belong to the whole program.
constexpr int k_well = 0, k_wrong = 1;

bool soon(const std::stop_token& token) {
  for (int i = 0; i < 500 && !token.stop_requested(); ++i) ::usleep(10'000);
  return token.stop_requested();
}

// Far enough from the one before to be no echo of it.
void send(int signal) {
  ::usleep(150'000);
  ::kill(::getpid(), signal);
}

[[noreturn]] void end(bool well) {
  ::_exit(well ? k_well : k_wrong);
}

void ends_well(const std::function<bool()>& body) {
  EXPECT_EXIT(end(body()), testing::ExitedWithCode(k_well), "");
}

TEST(Signals, EachOfThemStops) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    ends_well([signal] {
      std::signal(signal, SIG_DFL);
      const Signals signals;
      send(signal);
      return soon(signals.stop()) && !signals.hurry().stop_requested();
    });
}

// As after a script's `bgdeploy … &`.
TEST(Signals, ThoseThatWereIgnoredStopAllTheSame) {
  for (const int signal : {SIGINT, SIGTERM})
    ends_well([signal] {
      std::signal(signal, SIG_IGN);
      const Signals signals;
      send(signal);
      return soon(signals.stop());
    });
}

TEST(Signals, AHangUpThatWasIgnoredStaysIgnored) {
  ends_well([] {
    std::signal(SIGHUP, SIG_IGN);
    const Signals signals;
    send(SIGHUP);
    // The waiter would have taken it before the next one.
    send(SIGTERM);
    send(SIGTERM);
    return soon(signals.stop()) && !signals.hurry().stop_requested();
  });
}

TEST(Signals, TheThirdIsOfAUserInAHurry) {
  ends_well([] {
    std::signal(SIGINT, SIG_DFL);
    const Signals signals;
    send(SIGINT);
    send(SIGINT);
    if (!soon(signals.stop()) || signals.hurry().stop_requested()) return false;
    send(SIGINT);
    return soon(signals.hurry());
  });
}

TEST(Signals, WhatAWrapperPassesOnIsNoSecondSignal) {
  ends_well([] {
    std::signal(SIGINT, SIG_DFL);
    const Signals signals;
    for (int i = 0; i < 2; ++i) {
      send(SIGINT);
      if (!soon(signals.stop())) return false;
      for (int echo = 0; echo < 100; ++echo) ::kill(::getpid(), SIGINT);
    }
    return !signals.hurry().stop_requested();
  });
}

}  // namespace
}  // namespace bgdeploy::cli
