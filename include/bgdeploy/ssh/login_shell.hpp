// Runs a command under any login shell. sshd hands one string to the login shell, and sh, zsh, fish and csh
// disagree about quotes, backslashes, `!` and newlines in it. So the string is always the same, one that they
// all read alike: it starts a POSIX sh, which reads the words from the first line of stdin.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bgdeploy::ssh {

// For the login shell. `read` takes byte by byte and leaves what follows the line to the command.
inline constexpr std::string_view k_login_command = R"(sh -c 'IFS= read -r line; eval "$line"')";

// Begins the output of a command, unlike anything that a login shell prints.
std::string make_mark();

// The line for the sh above: prints the mark to both streams, then becomes the command.
std::string login_line(std::span<const std::string> argv, std::string_view mark);

// Removes from a stream what comes before the mark: the output of the login shell's own files.
class Preface {
public:
  explicit Preface(std::string mark) : m_mark(std::move(mark)) {}
  // The part of `data` that belongs to the command.
  std::string take(std::string_view data);
  bool over() const { return m_over; }
  // What came before the mark, or the end of it.
  const std::string& noise() const { return m_noise; }

private:
  std::string m_mark, m_noise;
  bool m_over = false;
};

}  // namespace bgdeploy::ssh
