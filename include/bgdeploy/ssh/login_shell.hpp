// How a command reaches a host whatever the login shell is. sshd hands one string to the login shell, and sh,
// zsh, fish and csh disagree about quotes, backslashes, `!` and newlines in it. So that string is always the
// same one, which they all read alike: it starts a POSIX sh, which takes the words themselves from the first
// line of stdin.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bgdeploy::ssh {

// For the login shell. `read` takes byte by byte, so that what follows the line is the command's own input.
inline constexpr std::string_view k_login_command = R"(sh -c 'IFS= read -r line; eval "$line"')";

// What begins the output of a command, unlike anything that a login shell prints.
std::string make_mark();

// The line that the sh above reads: prints the mark to both streams, then becomes the command.
std::string login_line(std::span<const std::string> argv, std::string_view mark);

// Takes what comes before the mark out of a stream: what the login shell's own files print.
class Preface {
public:
  explicit Preface(std::string mark) : m_mark(std::move(mark)) {}
  // The part of `data` that belongs to the command.
  std::string take(std::string_view data);
  bool over() const { return m_over; }
  // What came before the mark; of much only the end.
  const std::string& noise() const { return m_noise; }

private:
  std::string m_mark, m_noise;
  bool m_over = false;
};

}  // namespace bgdeploy::ssh
