// What runs in the containers of the docker tests: one static program, told by its arguments what to do.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

volatile sig_atomic_t stop_asked = 0;

int serve(bool stubborn) {
  struct sigaction action {};
  action.sa_handler = stubborn ? SIG_IGN : [](int) { stop_asked = 1; };
  sigaction(SIGTERM, &action, nullptr);
  sigset_t blocked, waiting;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, &waiting);
  std::puts("ready");
  std::fflush(stdout);
  while (!stop_asked) sigsuspend(&waiting);
  return 0;
}

int eat() {
  for (std::vector<char*> eaten;;) {
    eaten.push_back(static_cast<char*>(std::malloc(1 << 20)));
    std::memset(eaten.back(), 1, 1 << 20);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "serve";
  if (verb == "serve" || verb == "stubborn") return serve(verb == "stubborn");
  if (verb == "eat") return eat();
  if (verb == "print") {  // OUT ERR CODE
    std::fputs(argv[2], stdout);
    std::fputs(argv[3], stderr);
    return std::atoi(argv[4]);
  }
  if (verb == "lines") {  // COUNT
    for (int i = 0; i < std::atoi(argv[2]); ++i) std::printf("line %d\n", i);
    return 0;
  }
  if (verb == "env") {
    for (char** entry = environ; *entry; ++entry) std::fwrite(*entry, std::strlen(*entry) + 1, 1, stdout);
    return 0;
  }
  return 64;
}
