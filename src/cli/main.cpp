#include "bgdeploy/cli/main.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "bgdeploy/core/current_error.hpp"
#include "command.hpp"
#include "parse.hpp"
#include "signals.hpp"

namespace bgdeploy::cli {
namespace {

// If one of them is closed, the next file to be opened gets its number, and progress is written into it.
void hold_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (::fcntl(fd, F_GETFD) == -1) static_cast<void>(::open("/dev/null", O_RDWR));
}

int run(int argc, char** argv) {
  auto invocation = parse(argc, argv);
  if (!invocation) return invocation.error();
  const Signals signals;
  Arguments& arguments = invocation->arguments;
  arguments.stop = signals.stop();
  arguments.hurry = signals.hurry();
  remember_call(arguments);
  const Command& command = *invocation->command;
  const int code = command.run(arguments);
  constexpr int k_interrupted = 128 + SIGINT;
  if (code != 0 && !command.tells_interruption && arguments.stop.stop_requested()) return k_interrupted;
  return with_output(code, take_output_error());
}

}  // namespace

int main(int argc, char** argv) {
  hold_standard_streams();
  try {
    return run(argc, argv);
  } catch (...) {
    core::Error error = core::current_error();
    error.next = "see what serves: bgdeploy status";
    return print_error(error);
  }
}

}  // namespace bgdeploy::cli
