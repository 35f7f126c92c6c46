// What a channel is connected to on our side: a descriptor or Pipes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/io/fd.hpp"
#include "bgdeploy/io/pipes.hpp"

namespace bgdeploy::ssh {

class ChannelEnd {
public:
  virtual ~ChannelEnd() = default;
  // Removes from `data` what it takes of the host's output. Returns whether it took anything.
  virtual bool take_out(std::string& data) = 0;
  virtual void take_err(std::string_view data) = 0;
  virtual void out_ended() = 0;
  virtual void ended(int exit_code, std::string signal) = 0;
  virtual void failed(const core::Error& error) = 0;
  // The next bytes for the host, at most `limit`; empty when there are none now.
  virtual std::string input(std::size_t limit) = 0;
  virtual bool input_ended() const = 0;
  // Our side left: the channel sends what is pending and closes.
  virtual bool gone() const = 0;
  // Our side reads no more, but what it wrote before may still be unread.
  virtual bool left() const { return false; }
  // The descriptor to poll; -1 when the owner wakes the thread itself.
  virtual int fd() const { return -1; }
};

std::unique_ptr<ChannelEnd> make_channel_end(io::Fd fd);
std::unique_ptr<ChannelEnd> make_channel_end(std::shared_ptr<io::Pipes> pipes);

}  // namespace bgdeploy::ssh
