#include "bgdeploy/io/socket_folder.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/file.h>

#include <functional>
#include <future>

namespace {
// Called with each folder that mkdtemp() made, before anybody else can know of it.
std::function<void(const char*)> after_mkdtemp;
}  // namespace

// In the place of libc's.
extern "C" char* mkdtemp(char* pattern) noexcept {
  static const auto real = reinterpret_cast<char* (*)(char*)>(::dlsym(RTLD_NEXT, "mkdtemp"));
  char* made = real(pattern);
  if (made != nullptr && after_mkdtemp) after_mkdtemp(made);
  return made;
}

namespace bgdeploy::io {
namespace {

using namespace std::chrono_literals;

Fd open_folder(const std::filesystem::path& path) {
  return Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

bool can_lock(const Fd& folder) {
  return ::flock(folder.get(), LOCK_EX | LOCK_NB) == 0;
}

TEST(SocketFolder, IsLockedThoughSomebodysSweepLooksAtItThatMoment) {
  std::promise<Fd> looked_at;
  after_mkdtemp = [&](const char* path) {
    Fd folder = open_folder(path);
    EXPECT_TRUE(can_lock(folder));
    looked_at.set_value(std::move(folder));
  };
  auto making = std::async(std::launch::async, &SocketFolder::make);
  Fd sweep = looked_at.get_future().get();
  EXPECT_EQ(making.wait_for(100ms), std::future_status::timeout);
  sweep.reset();
  const auto made = making.get();
  after_mkdtemp = {};
  ASSERT_TRUE(made);
  const auto socket = (*made)->listen();
  ASSERT_TRUE(socket);
  EXPECT_FALSE(can_lock(open_folder(socket->path.parent_path())));
}

}  // namespace
}  // namespace bgdeploy::io
