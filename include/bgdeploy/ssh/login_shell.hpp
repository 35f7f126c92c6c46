// Runs a command under any login shell. sshd hands one string to the login shell, and sh, zsh, fish and csh
// disagree about quotes, backslashes, `!` and newlines in it. So the string is always the same, one that they
// all read alike: it starts a POSIX sh, which reads its script from stdin.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bgdeploy::ssh {

// For the login shell. Most kinds of sh read their script in large pieces, where `read` would ask the kernel
// for each byte. So what a command reads must not be sent before its mark has come: until then the shell may
// take it.
inline constexpr std::string_view k_login_command = "sh";

// Begins the output of a command, unlike anything that a login shell prints.
std::string make_mark();

// The script for the sh above: prints the mark to both streams, then becomes the command. Nothing of it runs
// before all of it has arrived, and nothing that follows it is read as a script.
std::string login_script(std::span<const std::string> argv, std::string_view mark);

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
