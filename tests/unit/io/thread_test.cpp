#include "bgdeploy/io/thread.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include "bgdeploy/io/child.hpp"

namespace bgdeploy::io {
namespace {

using core::ErrorKind;
using namespace std::chrono_literals;

// Nobody has memory for such stacks.
class WithoutThreads : public testing::Test {
protected:
  WithoutThreads() {
    ::pthread_getattr_default_np(&m_usual);
    pthread_attr_t huge;
    ::pthread_attr_init(&huge);
    ::pthread_attr_setstacksize(&huge, std::size_t{1} << 48);
    ::pthread_setattr_default_np(&huge);
    ::pthread_attr_destroy(&huge);
  }
  ~WithoutThreads() override {
    ::pthread_setattr_default_np(&m_usual);
    ::pthread_attr_destroy(&m_usual);
  }

private:
  pthread_attr_t m_usual{};
};

TEST(Thread, Runs) {
  bool ran = false;
  start_thread([&] { ran = true; }).value().join();
  EXPECT_TRUE(ran);
}

TEST_F(WithoutThreads, StartingOneIsAnError) {
  const auto thread = start_thread([] {});
  ASSERT_FALSE(thread);
  EXPECT_EQ(thread.error().kind, ErrorKind::io);
  EXPECT_TRUE(thread.error().message.starts_with("no thread can be started: ")) << thread.error().message;
}

TEST_F(WithoutThreads, AChildIsAnErrorAndDoesNotStay) {
  const auto output = run_child({"sleep", "600"}, "", Wait::for_at_most(10s));
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().kind, ErrorKind::io);
  EXPECT_FALSE(Child::start({"cat"}, "", false));
}

}  // namespace
}  // namespace bgdeploy::io
