// What runs in the containers of the docker tests: one static program, told by its arguments what to do.
#include <signal.h>
#include <sys/ioctl.h>
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

int copy() {
  char piece[4096];
  for (ssize_t count; (count = read(0, piece, sizeof piece)) > 0;)
    if (write(1, piece, static_cast<size_t>(count)) != count) return 1;
  return 0;
}

// The size of its terminal, at once and whenever that changes, until a line was typed.
int size() {
  static const auto print = [](int) {
    winsize window{};
    ioctl(0, TIOCGWINSZ, &window);
    dprintf(1, "%dx%d\n", window.ws_row, window.ws_col);
  };
  struct sigaction action {};
  action.sa_handler = print;
  action.sa_flags = SA_RESTART;
  sigaction(SIGWINCH, &action, nullptr);
  action.sa_handler = [](int) { _exit(130); };
  sigaction(SIGINT, &action, nullptr);
  print(0);
  char typed = 0;
  return read(0, &typed, 1) == 1 ? typed : 1;
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
  if (verb == "copy") return copy();
  if (verb == "size") return size();
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
