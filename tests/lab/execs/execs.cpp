// Loaded into every program that a lab's sshd starts (LD_PRELOAD), it writes that one's command line into the
// file that LAB_EXECS names: so processes are counted, and not timed, whatever else the machine does.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace {

constexpr std::size_t k_longest = 200;

[[gnu::constructor]] void record(int count, char** words, char**) {
  const char* to = std::getenv("LAB_EXECS");
  if (to == nullptr) return;
  std::string line;
  for (int i = 0; i < count && line.size() < k_longest; ++i) (line += i == 0 ? "" : " ") += words[i];
  line.resize(std::min(line.size(), k_longest));
  for (char& c : line)
    if (c == '\n') c = ' ';
  line += '\n';
  const int fd = ::open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return;
  // One write, so that lines of two programs do not mix.
  if (::write(fd, line.data(), line.size()) < 0) ::_exit(127);
  ::close(fd);
}

}  // namespace
