// One stop where two may ask for it, as a signal and the loss of the lock.
#pragma once

#include <stop_token>
#include <utility>

namespace bgdeploy::deploy {

// Stops with `one`, with `other`, or when it is told to, as long as it lives.
class EitherStop {
public:
  EitherStop(std::stop_token one, std::stop_token other)
      : m_on_one(std::move(one), Request{m_stop}), m_on_other(std::move(other), Request{m_stop}) {}
  EitherStop(const EitherStop&) = delete;
  EitherStop& operator=(const EitherStop&) = delete;

  std::stop_token token() const { return m_stop.get_token(); }
  void request() { m_stop.request_stop(); }

private:
  struct Request {
    std::stop_source& stop;
    void operator()() const { stop.request_stop(); }
  };
  std::stop_source m_stop;
  std::stop_callback<Request> m_on_one, m_on_other;
};

}  // namespace bgdeploy::deploy
