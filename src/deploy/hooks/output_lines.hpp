// What a hook prints, as lines: shown up to a limit, since nobody reads 100 MB, and the last ones kept.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::deploy {

class OutputLines {
public:
  static constexpr std::size_t k_shown_bytes = std::size_t{1} << 20;
  static constexpr std::size_t k_longest_line = 4096;
  static constexpr std::size_t k_last_lines = 20;

  // `show` gets each line, made printable.
  explicit OutputLines(std::function<void(std::string)> show) : m_show(std::move(show)) {}

  // Pieces come in order, cut anywhere.
  void take(std::string_view piece);
  // The last line may lack its newline, and what was left out is told.
  void end();
  // The last lines, shown or not.
  std::vector<std::string> last() const;

private:
  void show_lines(std::string_view piece);

  const std::function<void(std::string)> m_show;
  std::string m_line;        // that has begun
  std::string m_tail;        // the last bytes, from k_tail to twice as many
  std::size_t m_seen = 0;    // bytes
  std::size_t m_hidden = 0;  // of these, not shown
};

}  // namespace bgdeploy::deploy
