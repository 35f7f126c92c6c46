#include "bgdeploy/core/shell_variable.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

namespace bgdeploy::core {
namespace {

// Of a command under /bin/sh.
std::string output_of(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  std::string out;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    out.append(buffer.data(), n);
  pclose(pipe);
  return out;
}

// Asked of the shells: a variable of another name reaches a command as it was exported.
TEST(ShellVariable, IsWhatAShellDoesNotLetPass) {
  for (const std::string shell : {"sh", "exec -a sh bash"}) {
    for (const std::string name :
         {"UID", "EUID", "PPID", "SHELLOPTS", "BASHOPTS", "BASH_VERSINFO", "GROUPS", "PWD", "OPTIND",
          "RANDOM", "_", "UIDS", "BASH", "HOME", "IFS", "LANG", "REPLY"}) {
      const auto seen = output_of("bash -c '" + shell + " -s' 2>/dev/null <<'END'\nexport " + name +
                                  "=x1y\ncd /\n/usr/bin/env\nEND\n");
      if (("\n" + seen).find("\n" + name + "=x1y\n") == std::string::npos) {
        EXPECT_TRUE(is_shell_variable(name)) << name << " in " << shell;
      }
    }
  }
  for (const std::string name : {"UIDS", "BASH", "HOME", "IFS", "APP_TAG"})
    EXPECT_FALSE(is_shell_variable(name));
}

}  // namespace
}  // namespace bgdeploy::core
