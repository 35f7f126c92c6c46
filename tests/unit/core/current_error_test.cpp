#include "bgdeploy/core/current_error.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <new>
#include <stdexcept>
#include <system_error>

namespace bgdeploy::core {
namespace {

template <class Thrown>
Error error_of(const Thrown& thrown) {
  try {
    throw thrown;
  } catch (...) {
    return current_error();
  }
}

TEST(CurrentError, HasAKindAndTheWordsOfTheException) {
  EXPECT_EQ(error_of(std::bad_alloc()), (Error{ErrorKind::io, "out of memory", {}}));
  EXPECT_EQ(error_of(std::out_of_range("no such index")), (Error{ErrorKind::internal, "no such index", {}}));
  const auto full = std::make_error_code(std::errc::no_space_on_device);
  EXPECT_EQ(error_of(std::system_error(full)).kind, ErrorKind::io);
  EXPECT_EQ(error_of(std::filesystem::filesystem_error("x", full)).kind, ErrorKind::io);
  EXPECT_EQ(error_of(42), (Error{ErrorKind::internal, "unknown", {}}));
}

}  // namespace
}  // namespace bgdeploy::core
