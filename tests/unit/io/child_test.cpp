#include "bgdeploy/io/child.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace bgdeploy::io {
namespace {

using namespace std::chrono_literals;

class WithPath : public testing::Test {
protected:
  ~WithPath() override { ::setenv("PATH", m_usual.c_str(), 1); }

  // "", or how it could not be started.
  static std::string start(const char* path, const std::string& program) {
    if (path == nullptr)
      ::unsetenv("PATH");
    else
      ::setenv("PATH", path, 1);
    const auto output = run_child({program}, "", Wait::for_at_most(10s));
    if (output) return output->ok() ? "" : "ended badly";
    return (output.error().kind == core::ErrorKind::not_found ? "not found: " : "") + output.error().message;
  }

private:
  const std::string m_usual = std::getenv("PATH");
};

TEST_F(WithPath, AProgramIsFoundThere) {
  EXPECT_EQ(start("/nowhere:/bin:/usr/bin", "true"), "");
  EXPECT_EQ(start(nullptr, "true"), "");
  EXPECT_EQ(start("/nowhere", "/bin/true"), "");
}

TEST_F(WithPath, OneThatIsNowhereIsNotFound) {
  EXPECT_EQ(start("/nowhere::/usr/share", "true"),
            "not found: true cannot be started: No such file or directory");
  EXPECT_EQ(start("/bin", "/nowhere/true"),
            "not found: /nowhere/true cannot be started: No such file or directory");
}

TEST_F(WithPath, OneThatCannotBeRunIsThere) {
  EXPECT_EQ(start("/bin", "/etc/passwd"), "/etc/passwd cannot be started: Permission denied");
}

TEST(Child, GetsNothingButItsThreeStreams) {
  const Fd left_open(::dup(STDERR_FILENO));
  const auto output = run_child({"sh", "-c", "test ! -e /proc/self/fd/" + std::to_string(left_open.get())}, "",
                                Wait::for_at_most(10s));
  ASSERT_TRUE(output);
  EXPECT_TRUE(output->ok());
}

}  // namespace
}  // namespace bgdeploy::io
