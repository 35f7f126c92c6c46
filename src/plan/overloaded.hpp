// One visitor out of a lambda for each alternative.
#pragma once

namespace bgdeploy::plan {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace bgdeploy::plan
