#include <fmt/format.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/engine/client.hpp"
#include "bgdeploy/engine/streams.hpp"
#include "json.hpp"

namespace bgdeploy::engine {

Result<void> Client::logs(const Container& container, int tail, bool follow, const Output& output,
                          const Wait& wait) {
  const auto path =
      fmt::format("/containers/{}/logs?stdout=1&stderr=1&follow={}&tail={}", percent_encode(container.id),
                  follow ? 1 : 0, tail < 0 ? "all" : std::to_string(tail));
  Demultiplexer demultiplexer(output);
  const auto sink = [&](std::string_view piece) {
    if (container.tty) {
      output(false, piece);
    } else {
      demultiplexer.feed(piece);
    }
    return true;
  };
  BGDEPLOY_TRY(stream(request("GET", path), sink, wait));
  return {};
}

Result<int> Client::exec(const std::string& id, const std::vector<std::string>& argv, const Output& output,
                         const Wait& wait) {
  const Json create{{"AttachStdout", true}, {"AttachStderr", true}, {"Cmd", argv}};
  BGDEPLOY_ASSIGN(
      const auto created,
      call(request("POST", "/containers/" + percent_encode(id) + "/exec", dump_json(create)), wait));
  BGDEPLOY_ASSIGN(const auto created_json, parse_json(created.body));
  const auto path = "/exec/" + percent_encode(text_of(created_json, "Id"));

  Demultiplexer demultiplexer(output);
  const Json start{{"Detach", false}, {"Tty", false}};
  const auto started = stream(
      request("POST", path + "/start", dump_json(start)),
      [&](std::string_view piece) {
        demultiplexer.feed(piece);
        return true;
      },
      wait);
  if (!started && started.error().kind != core::ErrorKind::refused) return std::unexpected(started.error());

  BGDEPLOY_ASSIGN(const auto inspected, call(request("GET", path + "/json"), wait));
  BGDEPLOY_ASSIGN(const auto json, parse_json(inspected.body));
  const int exit_code = static_cast<int>(number_of(json, "ExitCode"));
  if (!started) {
    if (exit_code == 0) return std::unexpected(started.error());
    output(true, started.error().message + "\n");
  }
  return exit_code;
}

}  // namespace bgdeploy::engine
